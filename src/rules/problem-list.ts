/** Gathers the problems of one file, turns offsets into lines and columns, and keeps their number bounded. */
import type { LineCounter } from 'yaml';
import { PROBLEMS_MAX, type Problem, type Severity, type Stage } from './problem.ts';

/** Steps from the root of the file: keys and list indexes. */
export type Path = readonly (string | number)[];

/** `descriptors[3].rate_limit.unit`; '' for the root. */
export function pathText(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

export interface Finding {
  readonly offset: number;
  readonly path: Path;
  readonly message: string;
  /** When the reference says something else, or less. */
  readonly reference?: string;
}

export class ProblemList {
  readonly #file: string;
  readonly #lines: LineCounter;
  readonly #problems: Problem[] = [];
  readonly #failedPaths = new Set<string>();
  #errors = 0;

  constructor(file: string, lines: LineCounter) {
    this.#file = file;
    this.#lines = lines;
  }

  /** In the order of `error` and `warn` calls; never more than PROBLEMS_MAX. */
  get problems(): readonly Problem[] {
    return this.#problems;
  }

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  error(finding: Finding, stage: Stage = 'text'): void {
    this.#errors++;
    const added = this.#add(finding, 'error', stage);
    if (added !== null) this.#failedPaths.add(added.path);
  }

  warn(finding: Finding): void {
    this.#add(finding, 'warning', 'text');
  }

  /** True when an error was already found at just this place: a second one would only repeat it. */
  hasErrorAt(path: Path): boolean {
    return this.#failedPaths.size > 0 && this.#failedPaths.has(pathText(path));
  }

  /** Line and column of an offset, both from 1. */
  placeOf(offset: number): { line: number; column: number } {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  #add(finding: Finding, severity: Severity, stage: Stage): Problem | null {
    if (this.#problems.length >= PROBLEMS_MAX) return null;
    const { offset, path, message, reference = message } = finding;
    const problem: Problem = {
      file: this.#file,
      ...this.placeOf(offset),
      path: pathText(path),
      message,
      reference,
      severity,
      stage,
    };
    this.#problems.push(problem);
    return problem;
  }
}
