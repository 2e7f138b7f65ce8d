/**
 * `weir check DIR`: every problem of a limits directory at once. Also answers to the flags of the
 * reference's check command, with its lines and exit codes, so that pipelines built on it go on working;
 * what it panics on is a problem like any other here.
 */
import { join } from 'node:path';
import { CheckedLimits } from '../rules/check-limits.ts';
import { type DirectoryContents, readLimitsDirectory } from '../rules/limits-directory.ts';
import { formatProblem, inFileOrder, isError, type Problem } from '../rules/problem.ts';
import { ExitCode, type Output } from './output.ts';

export interface CheckOptions {
  readonly directory: string;
  readonly merge: boolean;
  readonly ignoreDotFiles: boolean;
}

/** Problems in file order, one a line, and a summary. */
export function check(options: CheckOptions, output: Output): ExitCode {
  const { contents, problems, rules, leased } = readAndCheck(options);
  for (const problem of inFileOrder(problems)) output.print(formatProblem(problem));
  const errors = problems.filter(isError).length;
  const warnings = problems.length - errors;
  const found = `${count(errors, 'error')}, ${count(warnings, 'warning')}`;
  const which = leased === 0 ? '' : ` (${leased} leased)`;
  output.print(
    `${count(contents.files.length, 'file')}, ${count(rules, 'rule')}${which}: ${found}`,
  );
  return errors === 0 ? ExitCode.OK : ExitCode.FAILED;
}

/** `-config_dir DIR`: the reference's lines, then, if there are errors, all problems in our form. */
export function checkLikeReference(options: CheckOptions, output: Output): ExitCode {
  output.print('checking rate limit configs...');
  output.print(`loading config directory: ${options.directory}`);
  const { contents, problems } = readAndCheck(options);
  for (const { file } of contents.files) output.print(`opening config file: ${file}`);
  const first = firstOfReference(problems);
  if (first === undefined) {
    output.print('all rate limit configs ok');
    return ExitCode.OK;
  }
  const isAboutReading = first.line === 0;
  output.print(
    isAboutReading
      ? first.reference
      : `error loading rate limit configs: ${first.file}: ${first.reference}`,
  );
  const rest = isAboutReading ? problems.filter((problem) => problem !== first) : problems;
  for (const problem of inFileOrder(rest)) output.print(formatProblem(problem));
  return ExitCode.FAILED;
}

interface Checked {
  readonly contents: DirectoryContents;
  /** File by file, each in the reference's order. */
  readonly problems: readonly Problem[];
  /** Rules of the files without errors. */
  readonly rules: number;
  /** Those of them with `quota: leased`. */
  readonly leased: number;
}

function readAndCheck({ directory, merge, ignoreDotFiles }: CheckOptions): Checked {
  const contents = readLimitsDirectory({
    path: directory === '' ? '' : join(directory),
    ignoreDotFiles,
  });
  if (contents.problem !== null)
    return { contents, problems: [contents.problem], rules: 0, leased: 0 };
  const checked = new CheckedLimits(contents.files, merge);
  const problems = checked.outcomes.flatMap((outcome) => outcome.problems);
  const good = checked.outcomes.filter(({ isGood }) => isGood);
  const limits = good
    .flatMap(({ file }) => checked.parsed(file).config?.descriptors ?? [])
    .flatMap(({ limit }) => limit ?? []);
  const leased = limits.filter(({ isLeased }) => isLeased).length;
  return { contents, problems, rules: limits.length, leased };
}

/** The reference reads all files before it looks at the rules of any. */
function firstOfReference(problems: readonly Problem[]): Problem | undefined {
  const errors = problems.filter(isError);
  return errors.find(({ stage }) => stage === 'text') ?? errors[0];
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
