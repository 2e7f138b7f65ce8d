/** The command line, and the lines of the file of regressions. */
import { expect, test } from 'vitest';
import { parseArguments, parseRegressions } from './arguments.ts';
import { optionsText } from './run.ts';

test('nothing is seed 1 for an hour', () => {
  expect(parseArguments([])).toEqual({
    first: { seed: 1, hours: 1, bugs: [], keep: null },
    seeds: 1,
    workers: 1,
    isTwice: false,
    doesSave: false,
  });
});

test.each([
  ['--seed x', '--seed x is not a whole number from 0 to'],
  ['--seed -1', "'--seed' argument is ambiguous"],
  ['--seeds 0', '--seeds 0 is not a whole number from 1 to'],
  ['--hours 0', '--hours 0 is not a number above 0'],
  ['--hours 2000', '--hours 2000 is not a number above 0, up to 1000'],
  ['--workers 1.5', '--workers 1.5 is not a whole number'],
  ['--keep 1,,2', '--keep  is not a whole number'],
  ['--bug none', 'there is no bug none'],
  ['--sed 1', "Unknown option '--sed'"],
])('%s is refused', (text, problem) => {
  expect(() => parseArguments(text.split(' '))).toThrow(problem);
});

test('options are written as they are read', () => {
  const all = [
    { seed: 7, hours: 0.5, bugs: ['no-fsync', 'vote-twice'], keep: [1, 3] },
    { seed: 8, hours: 2, bugs: [], keep: [] },
    { seed: 9, hours: 1, bugs: [], keep: null },
  ];
  const text = all.map((one) => `${optionsText(one)} # Q1: something`).join('\n');
  expect(parseRegressions(`# a comment\n\n${text}\n`)).toEqual(all);
});
