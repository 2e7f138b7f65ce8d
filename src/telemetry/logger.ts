/**
 * Structured log: a constant message and fields, one line each, by level. Messages are constants so
 * that they can be searched for and kept from flooding the log; what varies goes into fields.
 * Logging never throws: a log that cannot be written must not fail a request.
 */
import type { WallMs } from '../core/time.ts';
import { jsonLine, type LogFields, type LogLevelName, textLine } from './log-line.ts';
import { RepeatGuard } from './repeat-guard.ts';

export type { LogFields, LogLevelName } from './log-line.ts';

export interface LoggerOptions {
  /** Least severe level that is written. */
  readonly level: LogLevelName;
  readonly format: 'text' | 'json';
  /** Takes a line with its line end, for instance to stderr. */
  readonly write: (line: string) => void;
  readonly now: () => WallMs;
  /** Fields of every line: which process it is, say. */
  readonly fields?: LogFields;
}

const SEVERITY: Readonly<Record<LogLevelName, number>> = {
  TRACE: 0,
  DEBUG: 1,
  INFO: 2,
  WARN: 3,
  ERROR: 4,
  FATAL: 5,
  PANIC: 6,
};

const NO_FIELDS: LogFields = {};

export class Logger {
  readonly #options: LoggerOptions;
  readonly #severityMin: number;
  readonly #repeats = new RepeatGuard();

  constructor(options: LoggerOptions) {
    this.#options = options;
    this.#severityMin = SEVERITY[options.level];
  }

  isEnabled(level: LogLevelName): boolean {
    return SEVERITY[level] >= this.#severityMin;
  }

  trace(message: string, fields: LogFields = NO_FIELDS): void {
    this.log('TRACE', message, fields);
  }

  debug(message: string, fields: LogFields = NO_FIELDS): void {
    this.log('DEBUG', message, fields);
  }

  info(message: string, fields: LogFields = NO_FIELDS): void {
    this.log('INFO', message, fields);
  }

  warn(message: string, fields: LogFields = NO_FIELDS): void {
    this.log('WARN', message, fields);
  }

  error(message: string, fields: LogFields = NO_FIELDS): void {
    this.log('ERROR', message, fields);
  }

  fatal(message: string, fields: LogFields = NO_FIELDS): void {
    this.log('FATAL', message, fields);
  }

  log(level: LogLevelName, message: string, fields: LogFields): void {
    if (!this.isEnabled(level)) return;
    const suppressed = this.#repeats.admit(message, this.#options.now());
    if (suppressed < 0) return;
    this.#write(level, message, suppressed === 0 ? fields : { ...fields, suppressed });
  }

  /** Writes whatever the level is: what runs, at start, and what a person must know. */
  announce(message: string, fields: LogFields = NO_FIELDS): void {
    this.#write('INFO', message, fields);
  }

  /** Tells of messages left out that nothing told of yet. For the end of the program. */
  flush(): void {
    for (const [message, suppressed] of this.#repeats.takeUntold()) {
      this.#write('INFO', 'messages were left out', { message, suppressed });
    }
  }

  /** Messages left out because the same message came too often. */
  get suppressedCount(): number {
    return this.#repeats.suppressedCount;
  }

  #write(level: LogLevelName, message: string, fields: LogFields): void {
    const { format, write, now } = this.#options;
    try {
      const all =
        this.#options.fields === undefined ? fields : { ...fields, ...this.#options.fields };
      const entry = { time: new Date(now()).toISOString(), level, message, fields: all };
      write(`${format === 'json' ? jsonLine(entry) : textLine(entry)}\n`);
    } catch {
      // There is nowhere left to tell it.
    }
  }
}
