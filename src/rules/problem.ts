/**
 * What is wrong with a limits file, and where. A problem is a value: files are checked to the end and
 * every problem is reported at once, each with its place, so that one edit can mend them all.
 */

/** An error keeps the file from being used; a warning only says that a line does nothing or surprises. */
export type Severity = 'error' | 'warning';

/**
 * What a problem keeps from working: the text (YAML, keys, types), found while files are read one by
 * one, or the rules, found when they are put together. The reference reports all of the first before
 * any of the second, and its check command's output depends on it.
 */
export type Stage = 'text' | 'rules';

export interface Problem {
  /** Path of the file as it was opened, or of the directory when no file is at fault. */
  readonly file: string;
  /** From 1; 0 when the problem is not about a place in the text. */
  readonly line: number;
  /** From 1, in UTF-16 units; 0 with line 0. */
  readonly column: number;
  /** Place in the tree, e.g. `descriptors[3].rate_limit.unit`; '' for the file as a whole. */
  readonly path: string;
  /** The reference's wording where it has one, with the value and the bound. */
  readonly message: string;
  /** What the reference prints first for this problem, for its check command's output. */
  readonly reference: string;
  readonly severity: Severity;
  readonly stage: Stage;
}

/** Problems kept of one load: beyond it a file is hopeless, and logs and memory stay bounded. */
export const PROBLEMS_MAX = 1000;

/** One line: `file:line:column path message`, with `warning: ` before the message of a warning. */
export function formatProblem(problem: Problem): string {
  const { file, line, column, path, message, severity } = problem;
  const place = line === 0 ? `${file}:` : `${file}:${line}:${column}`;
  const where = path === '' ? place : `${place} ${path}`;
  return `${where} ${severity === 'warning' ? 'warning: ' : ''}${message}`;
}

/** A problem with a file or a directory as a whole: unreadable, too large. */
export function fileProblem(file: string, message: string, reference = message): Problem {
  return {
    file,
    line: 0,
    column: 0,
    path: '',
    message,
    reference,
    severity: 'error',
    stage: 'text',
  };
}

export function isError(problem: Problem): boolean {
  return problem.severity === 'error';
}

/** A new list in the order of files, and of lines within each. */
export function inFileOrder(problems: readonly Problem[]): Problem[] {
  return [...problems].sort(
    (a, b) => compareText(a.file, b.file) || a.line - b.line || a.column - b.column,
  );
}

/** Order of UTF-16 units: the same on every host, unlike the locale's. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
