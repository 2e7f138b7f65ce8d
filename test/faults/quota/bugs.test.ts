/** Bugs on purpose are where they say they are, and nowhere else. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { broken, QUOTA_BUGS } from './bugs.ts';

test.each(Object.entries(QUOTA_BUGS))('%s: is one line of the code', (_, bug) => {
  const source = readFileSync(new URL(`../../..${bug.file}`, import.meta.url), 'utf8');
  const wrong = broken(source, bug);
  expect(wrong).not.toBe(source);
  expect(wrong.split('\n').filter((line, at) => line !== source.split('\n')[at])).toHaveLength(1);
});

test('a bug whose line is gone, or there twice, is none', () => {
  const bug = { file: '/a.ts', right: 'x', wrong: 'y' };
  expect(() => broken('', bug)).toThrow('/a.ts has 0 times "x"');
  expect(() => broken('x x', bug)).toThrow('/a.ts has 2 times "x"');
  expect(broken('a x', bug)).toBe('a y');
});
