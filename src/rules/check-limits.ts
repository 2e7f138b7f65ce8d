/**
 * All files of a limits directory ─▶ all problems, and what each file says. Files that are known to be
 * good and have not changed are not parsed again unless another file makes it necessary.
 */
import { type DomainClaim, problemsAcross } from './across-files.ts';
import { fingerprint } from './fingerprint.ts';
import { parseLimits } from './parse-limits.ts';
import type { ParsedLimits } from './parsed-limits.ts';
import { isError, type Problem } from './problem.ts';
import type { LimitsFile } from './read-limits-file.ts';

/** What is remembered of a file that had no error. */
export interface KnownFile {
  readonly fingerprint: string;
  readonly domain: string;
}

/** What one file of a load came to. */
export interface FileOutcome {
  readonly file: string;
  /** '' when it could not be read. */
  readonly fingerprint: string;
  /** Null when it could not be told. */
  readonly domain: string | null;
  readonly isGood: boolean;
  /** In the reference's order; of a file that did not change, only what other files make wrong. */
  readonly problems: readonly Problem[];
}

export class CheckedLimits {
  /** Sorted by file. */
  readonly outcomes: readonly FileOutcome[];
  readonly #texts = new Map<string, string>();
  readonly #parsed = new Map<string, ParsedLimits>();

  constructor(
    files: readonly LimitsFile[],
    merge: boolean,
    known: ReadonlyMap<string, KnownFile> = new Map(),
  ) {
    const alone = files.map((read): FileOutcome => {
      const { file } = read;
      if ('text' in read) return this.#checkAlone(file, read.text, known.get(file));
      const problems = [read.problem];
      return { file, fingerprint: '', domain: null, isGood: false, problems };
    });
    const across = problemsAcross(
      alone.flatMap((outcome) => this.#claim(outcome)),
      merge,
    );
    this.outcomes = alone.map((outcome) => {
      const more = across.get(outcome.file);
      return more === undefined
        ? outcome
        : { ...outcome, isGood: false, problems: [...more, ...outcome.problems] };
    });
  }

  /** The file as parsed; it must be one that could be read. */
  parsed(file: string): ParsedLimits {
    const before = this.#parsed.get(file);
    if (before !== undefined) return before;
    const parsed = parseLimits(file, this.#texts.get(file) as string);
    this.#parsed.set(file, parsed);
    return parsed;
  }

  #checkAlone(file: string, text: string, known: KnownFile | undefined): FileOutcome {
    this.#texts.set(file, text);
    const print = fingerprint(text);
    if (known?.fingerprint === print) {
      return { file, fingerprint: print, domain: known.domain, isGood: true, problems: [] };
    }
    const { domain, problems } = this.parsed(file);
    return { file, fingerprint: print, domain, isGood: !problems.some(isError), problems };
  }

  #claim({ file, domain }: FileOutcome): DomainClaim[] {
    return domain === null ? [] : [{ file, domain, parsed: () => this.parsed(file) }];
  }
}
