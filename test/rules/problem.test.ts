import { describe, expect, test } from 'vitest';
import { fileProblem, formatProblem, inFileOrder, type Problem } from '../../src/rules/problem.ts';
import { pathText } from '../../src/rules/problem-list.ts';

const AT: Problem = {
  file: 'limits.yaml',
  line: 3,
  column: 9,
  path: 'descriptors[0].key',
  message: 'descriptor has empty key',
  reference: 'descriptor has empty key',
  severity: 'error',
  stage: 'rules',
};

describe('a problem on one line', () => {
  test.each([
    [AT, 'limits.yaml:3:9 descriptors[0].key descriptor has empty key'],
    [{ ...AT, path: '' }, 'limits.yaml:3:9 descriptor has empty key'],
    [
      { ...AT, severity: 'warning' as const },
      'limits.yaml:3:9 descriptors[0].key warning: descriptor has empty key',
    ],
    [fileProblem('a/b', 'is gone'), 'a/b: is gone'],
  ])('%o', (problem, line) => {
    expect(formatProblem(problem)).toBe(line);
  });

  test('paths name keys and indexes', () => {
    expect(pathText(['descriptors', 3, 'rate_limit', 'replaces', 0, 'name'])).toBe(
      'descriptors[3].rate_limit.replaces[0].name',
    );
    expect(pathText([])).toBe('');
  });

  test('are ordered by file, line and column', () => {
    const places = [
      ['b', 1, 1],
      ['a', 2, 5],
      ['a', 2, 1],
      ['a', 1, 9],
    ] as const;
    const problems = places.map(([file, line, column]) => ({ ...AT, file, line, column }));
    const sorted = inFileOrder(problems).map(({ file, line, column }) => [file, line, column]);
    expect(sorted).toEqual([places[3], places[2], places[1], places[0]]);
    expect(problems[0]?.file).toBe('b');
  });
});
