import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileWildcard, matchesWildcard } from '../../../src/core/rules/wildcard.ts';

describe('matchesWildcard', () => {
  it.each([
    ['*', '', true],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['ab*ba', 'aba', false],
    ['*b*', 'abc', true],
    ['**', 'x', true],
    ['a*b*b', 'ab', false],
    ['a*bc*c', 'abc', false],
    ['a*bc*c', 'abcc', true],
  ])('%s against %s: %s', (pattern, text, want) => {
    expect(matchesWildcard(compileWildcard(pattern), text)).toBe(want);
  });

  it('agrees with a regular expression of the same pattern', () => {
    const letters = fc.stringMatching(/^[ab*]{0,8}$/);
    fc.assert(
      fc.property(letters, fc.stringMatching(/^[ab]{0,10}$/), (pattern, text) => {
        fc.pre(pattern.includes('*'));
        const expected = new RegExp(`^${pattern.replaceAll('*', '.*')}$`, 's').test(text);
        expect(matchesWildcard(compileWildcard(pattern), text)).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });
});
