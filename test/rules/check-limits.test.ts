import { describe, expect, test } from 'vitest';
import { CheckedLimits, type KnownFile } from '../../src/rules/check-limits.ts';
import { fingerprint } from '../../src/rules/fingerprint.ts';
import { fileProblem, formatProblem } from '../../src/rules/problem.ts';
import { limitsOf } from './support.ts';

type Texts = Readonly<Record<string, string>>;

function checked(
  texts: Texts,
  merge: boolean,
  known?: ReadonlyMap<string, KnownFile>,
): CheckedLimits {
  const files = Object.entries(texts).map(([file, text]) => ({ file, text }));
  return new CheckedLimits(files, merge, known);
}

function problemsOf(texts: Texts, merge: boolean): string[] {
  const { outcomes } = checked(texts, merge);
  return outcomes.flatMap(({ problems }) => problems.map(formatProblem));
}

describe('two files for one domain', () => {
  const TWICE = { a: limitsOf('x', 'k'), b: limitsOf('x', 'j'), c: limitsOf('y', 'k') };

  test('are an error of the later one', () => {
    expect(problemsOf(TWICE, false)).toEqual([
      "b:1:9 domain duplicate domain 'x' in config file: a has it too",
    ]);
    expect(checked(TWICE, false).outcomes.map(({ isGood }) => isGood)).toEqual([true, false, true]);
  });

  test('are fine when merged', () => {
    expect(problemsOf(TWICE, true)).toEqual([]);
  });

  test('a file with other errors claims its domain all the same', () => {
    expect(problemsOf({ a: 'domain: x\nfoo: 1\n', b: limitsOf('x') }, false)).toEqual([
      "a:2:1 foo config error, unknown key 'foo'",
      "b:1:9 domain duplicate domain 'x' in config file: a has it too",
    ]);
  });
});

describe('merged files', () => {
  test('must not describe one descriptor twice', () => {
    const texts = {
      a: limitsOf('x', 'k=v', 'j'),
      b: limitsOf('x', 'i', 'k=v', 'j'),
      c: limitsOf('y', 'j'),
    };
    expect(problemsOf(texts, true)).toEqual([
      "b:4:5 descriptors[1] duplicate descriptor composite key 'x.k_v': a has it too",
      "b:5:5 descriptors[2] duplicate descriptor composite key 'x.j': a has it too",
    ]);
  });

  test('may describe one descriptor at different levels', () => {
    const nested = 'domain: x\ndescriptors: [{key: a, descriptors: [{key: k}]}]\n';
    expect(problemsOf({ a: nested, b: limitsOf('x', 'k') }, true)).toEqual([]);
  });

  test('a file without descriptors adds nothing', () => {
    expect(problemsOf({ a: limitsOf('x'), b: 'domain: x\n', c: limitsOf('x', 'k') }, true)).toEqual(
      [],
    );
  });
});

describe('files that are known to be good', () => {
  const text = limitsOf('x', 'k');
  const known = new Map([['a', { fingerprint: fingerprint(text), domain: 'x' }]]);

  test('are not looked into again', () => {
    const { outcomes } = checked(
      { a: text },
      false,
      new Map([['a', { ...known.get('a'), domain: 'z' } as KnownFile]]),
    );
    expect(outcomes[0]).toMatchObject({ isGood: true, domain: 'z', problems: [] });
  });

  test('are when their text changed', () => {
    expect(checked({ a: limitsOf('y') }, false, known).outcomes[0]?.domain).toBe('y');
  });

  test('still clash with others', () => {
    const { outcomes } = checked({ '0': text, a: text }, false, known);
    expect(outcomes[1]?.problems.map(formatProblem)).toEqual([
      "a:1:9 domain duplicate domain 'x' in config file: 0 has it too",
    ]);
  });

  test('can be read when they are needed', () => {
    expect(checked({ a: text }, false, known).parsed('a').config?.descriptors).toHaveLength(1);
  });
});

test('a file that could not be read is an outcome without a domain', () => {
  const problem = fileProblem('a', 'gone');
  const { outcomes } = new CheckedLimits([{ file: 'a', problem }], false);
  expect(outcomes).toEqual([
    { file: 'a', fingerprint: '', domain: null, isGood: false, problems: [problem] },
  ]);
});

test('fingerprints tell texts apart', () => {
  const texts = [
    '',
    'a',
    'b',
    'ab',
    'ba',
    'requests_per_unit: 1',
    'requests_per_unit: 2',
    '\u0161',
    'a\u0000',
  ];
  expect(new Set(texts.map(fingerprint)).size).toBe(texts.length);
  expect(fingerprint('abc')).toBe(fingerprint('abc'));
});
