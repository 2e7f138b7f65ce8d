/**
 * A log message as one line, text or JSON. Values may come from hostile callers: whatever could end
 * a line, colour a terminal or turn text around is escaped, and long values are cut.
 */

export type LogLevelName = 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'FATAL' | 'PANIC';
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface LogEntry {
  readonly time: string;
  readonly level: LogLevelName;
  readonly message: string;
  readonly fields: LogFields;
}

/** Longest value, in UTF-16 units: a stack trace fits. */
const VALUE_LENGTH_MAX = 2048;
/** Most fields of a line. */
const FIELDS_MAX = 32;

/** The reference's level names, which its users' log queries have. */
const LEVEL_TEXT: Readonly<Record<LogLevelName, string>> = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warning',
  ERROR: 'error',
  FATAL: 'fatal',
  PANIC: 'panic',
};

/** Names of our own fields, which a field of the message must not replace. */
const RESERVED = new Set(['@timestamp', '@message', 'time', 'msg', 'level']);
const PLAIN = /^[\w.:/@+*-]+$/;
/** Harmless to JSON but not to terminals and eyes: C1 controls, line and bidirectional marks. */
const UNSEEN = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** `time="…" level=info msg="…" key=value` */
export function textLine({ time, level, message, fields }: LogEntry): string {
  let line = `time="${time}" level=${LEVEL_TEXT[level]} msg=${quoted(message)}`;
  for (const [name, value] of shownFields(fields)) {
    const text = String(value);
    line += ` ${name}=${PLAIN.test(text) ? text : quoted(text)}`;
  }
  return line;
}

/** `{"@timestamp":"…","@message":"…","level":"info","key":"value"}` */
export function jsonLine({ time, level, message, fields }: LogEntry): string {
  let line = `{"@timestamp":"${time}","@message":${quoted(message)},"level":"${LEVEL_TEXT[level]}"`;
  for (const [name, value] of shownFields(fields)) {
    line += `,"${name}":${typeof value === 'string' ? quoted(value) : JSON.stringify(value)}`;
  }
  return `${line}}`;
}

function shownFields(fields: LogFields): [string, string | number | boolean | null][] {
  return Object.entries(fields)
    .filter((field): field is [string, string | number | boolean | null] => field[1] !== undefined)
    .slice(0, FIELDS_MAX)
    .map(([name, value]) => [fieldName(name), typeof value === 'string' ? cut(value) : value]);
}

function fieldName(name: string): string {
  const safe = name.replaceAll(/[^\w.@-]/g, '_');
  return RESERVED.has(safe) ? `fields.${safe}` : safe;
}

function quoted(text: string): string {
  return JSON.stringify(cut(text)).replaceAll(
    UNSEEN,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function cut(text: string): string {
  return text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX)}…` : text;
}
