/** `charge`: where it counts, what is refused, and how it comes to the compiled domain. */
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { DescriptorConfig } from '../../src/core/rules/limits-file.ts';
import { CheckedLimits } from '../../src/rules/check-limits.ts';
import { compileDomain } from '../../src/rules/compile-domain.ts';
import { parseLimits } from '../../src/rules/parse-limits.ts';
import { ParseWorker } from '../../src/rules/parse-worker.ts';
import { formatProblem } from '../../src/rules/problem.ts';
import { ruleLines } from '../../src/service/rule-lines.ts';
import { compileOptions, limitsDirectory, limitsOf } from './support.ts';

function problemsOf(text: string): string[] {
  return parseLimits('f', text).problems.map(formatProblem);
}

const CHOICES = 'charge must be all or all_or_nothing';

describe('charge at the top of a file', () => {
  test.each([
    ['all', 'all'],
    ['all_or_nothing', 'all_or_nothing'],
    ['ALL', 'all'],
    ['"All_Or_Nothing"', 'all_or_nothing'],
  ])('%s is %s', (written, mode) => {
    const text = `domain: d\ncharge: ${written}\n`;
    expect(problemsOf(text)).toEqual([]);
    expect(parseLimits('f', text).charge).toEqual({ mode, place: { line: 2, column: 9 } });
  });

  test('is nothing where it is left out', () => {
    expect(parseLimits('f', limitsOf('d', 'k')).charge).toBeNull();
    expect(parseLimits('f', 'domain: d\n\tno yaml').charge).toBeNull();
  });

  test.each([
    ['all-or-nothing', "'all-or-nothing'"],
    ['all or nothing', "'all or nothing'"],
    ['allornothing', "'allornothing'"],
    ['all_or_nothing_', "'all_or_nothing_'"],
    ['nothing', "'nothing'"],
    ['""', "''"],
    ['', 'null'],
    ['true', 'true'],
    ['1', '1'],
    ['[]', 'a list'],
    ['{all: 1}', 'a map'],
  ])('%j is one problem with its place, and the file is not used', (written, shown) => {
    const text = `domain: d\ncharge: ${written}\n`;
    const errors = problemsOf(text).filter((line) => !line.includes("unknown key 'all'"));
    expect(errors).toEqual([`f:2:9 charge ${CHOICES}, not ${shown}`]);
    const { config, charge, problems } = parseLimits('f', text);
    expect([config, charge]).toEqual([null, null]);
    expect(problems.at(-1)?.reference).toBe(`${CHOICES}, not ${shown}`);
  });

  test('is a warning and does nothing in a descriptor', () => {
    const text = `domain: d\ndescriptors:\n  - key: k\n    charge: all_or_nothing\n`;
    expect(problemsOf(text)).toEqual([
      "f:4:5 descriptors[0].charge warning: 'charge' does nothing here: it belongs to the top of the file",
    ]);
    expect(parseLimits('f', text).charge).toBeNull();
  });

  test('of a file that is read in pieces has the same place', () => {
    const many = Array.from({ length: 3000 }, (_, index) => `k=${index}`);
    const text = `${limitsOf('d', ...many)}charge: all_or_nothing\n`;
    const place = { line: 3003, column: 9 };
    expect(parseLimits('f', text).charge).toEqual({ mode: 'all_or_nothing', place });
    expect(parseLimits('f', limitsOf('d', ...many)).charge).toBeNull();
  });
});

describe('files of one domain that are merged', () => {
  const merged = (...charges: string[]): string[] => {
    const files = charges.map((charge, index) => {
      const said = charge === '' ? '' : `charge: ${charge}\n`;
      return { file: `f${index}`, text: `${said}${limitsOf('d', `k${index}`)}` };
    });
    const { outcomes } = new CheckedLimits(files, true);
    return outcomes.flatMap(({ problems }) => problems.map(formatProblem));
  };

  test.each([
    [['', 'all_or_nothing', '']],
    [['all_or_nothing', 'all_or_nothing']],
    [['all', '', 'ALL']],
  ])('%j agree', (charges) => {
    expect(merged(...charges)).toEqual([]);
  });

  test('must not contradict each other: each later one is told', () => {
    const say = (file: string, first: string): string =>
      `${file}:1:9 charge charge must be the same in all files of a domain: ${first}`;
    expect(merged('all', 'all_or_nothing')).toEqual([say('f1', 'f0 says all')]);
    expect(merged('', 'all_or_nothing', 'all', 'all_or_nothing', 'all')).toEqual([
      say('f2', 'f1 says all_or_nothing'),
      say('f4', 'f1 says all_or_nothing'),
    ]);
  });
});

/** What the loading thread hands over of these files, as the rules of one domain. */
async function compiled(files: Readonly<Record<string, string>>) {
  const worker = new ParseWorker();
  onTestFinished(() => worker.close());
  const path = limitsDirectory(files);
  const directory = { path, ignoreDotFiles: false };
  const { outcomes } = await worker.check({ directory, merge: true, known: new Map() });
  expect(outcomes.flatMap(({ problems }) => problems)).toEqual([]);
  const slices: DescriptorConfig[][] = [];
  for await (const slice of worker.descriptors(Object.keys(files).map((f) => join(path, f)))) {
    slices.push([...slice]);
  }
  async function* handedOver(): AsyncGenerator<DescriptorConfig[]> {
    yield* slices;
  }
  return { rules: await compileDomain('d', handedOver(), compileOptions), slices };
}

describe('a compiled domain', () => {
  const SAYS = 'domain: d\ncharge: all_or_nothing\n';

  test.each<[string, Readonly<Record<string, string>>, boolean]>([
    ['its only file', { a: `${SAYS}descriptors: [{key: k}]\n` }, true],
    ['one of its files', { a: limitsOf('d', 'k'), b: `${SAYS}descriptors: [{key: j}]` }, true],
    ['a file without descriptors', { a: SAYS, b: limitsOf('d', 'k', 'j') }, true],
    ['files without any descriptor', { a: SAYS, b: limitsOf('d') }, true],
    ['nobody', { a: limitsOf('d', 'k') }, false],
    ['no descriptor and nobody', { a: limitsOf('d') }, false],
    ['a file that says all', { a: `charge: all\n${limitsOf('d', 'k')}` }, false],
  ])('is charged whole when %s says so', async (_name, files, isWhole) => {
    const { rules, slices } = await compiled(files);
    expect(rules.chargesWhole).toBe(isWhole);
    for (const descriptor of slices.flat()) expect(descriptor.chargesWhole ?? false).toBe(isWhole);
  });

  test('shows it with each rule in /rlconfig', async () => {
    const { rules } = await compiled({ a: `${SAYS}${limitsOf('d', 'k', 'j').slice(10)}` });
    const set = { version: 1, domains: new Map([['d', rules]]), brokenDomains: new Set<string>() };
    const line = 'unit=HOUR requests_per_unit=1, shadow_mode: false, quota_mode: false';
    expect([...ruleLines(set)]).toEqual([
      `d.k: ${line}, charge: all_or_nothing`,
      `d.j: ${line}, charge: all_or_nothing`,
    ]);
  });
});
