/** Where a command writes, and what it exits with. */

export interface Output {
  /** A line of the result. */
  readonly print: (line: string) => void;
  /** A line about how the command was called. */
  readonly complain: (line: string) => void;
}

export const ExitCode = {
  OK: 0,
  /** The limits have errors, the descriptor has no answer, the voter could not start, Redis is away. */
  FAILED: 1,
  /** The command line makes no sense. */
  USAGE: 2,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
