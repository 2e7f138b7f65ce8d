/** What judges the scenes with a whole group is judged itself: on histories made up for it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { greatestExcess, perSecond, type Spanned } from '../quota/admitted.ts';
import { differing, leadersByTerm } from '../quota/group-log.ts';
import { Traffic } from '../quota/traffic.ts';

const at = (sentMs: number, answeredMs = sentMs): Spanned => ({ sentMs, answeredMs });

describe('the greatest excess over a rate', () => {
  test.each([
    ['of nothing', [], 1, 0],
    ['of decisions at the rate is the one at the begin', [at(0), at(10), at(20)], 0.1, 1],
    ['of a burst is all but what the rate gives', [at(5), at(5), at(6), at(7)], 0.5, 3],
    ['knows nothing of calls that took long', [at(0, 90), at(1, 91), at(2, 92)], 0.1, 0],
    ['is of the worst span', [at(0), at(100), at(101), at(102), at(300)], 0.01, 2.98],
  ])('%s', (_name, decisions, perMs, excess) => {
    expect(greatestExcess(decisions, perMs)).toBeCloseTo(excess, 9);
  });

  test('is that of all spans looked at one by one', () => {
    const decision = fc
      .tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 9 }))
      .map(([sentMs, tookMs]) => at(sentMs, sentMs + tookMs));
    fc.assert(
      fc.property(
        fc.array(decision, { maxLength: 40 }),
        fc.integer({ min: 1, max: 40 }).map((tenths) => tenths / 10),
        (decisions, perMs) => {
          expect(greatestExcess(decisions, perMs)).toBeCloseTo(oneByOne(decisions, perMs), 6);
        },
      ),
    );
  });
});

function oneByOne(decisions: readonly Spanned[], perMs: number): number {
  let greatest = 0;
  for (const { sentMs: fromMs } of decisions) {
    for (const { answeredMs: toMs } of decisions) {
      if (toMs < fromMs) continue;
      const within = decisions.filter((its) => its.sentMs >= fromMs && its.answeredMs <= toMs);
      greatest = Math.max(greatest, within.length - perMs * (toMs - fromMs));
    }
  }
  return greatest;
}

test('decisions by second are those of whole seconds', () => {
  const decisions = [at(900), at(1000), at(1999), at(2000), at(3999), at(4000)];
  expect(perSecond(decisions, 1000, 4500)).toEqual([2, 1, 1]);
});

test('who led which term is read from the logs of all lives', () => {
  const line = (fields: object): string =>
    JSON.stringify({ '@message': 'quota voter changed', level: 'info', ...fields });
  const logs = new Map(
    [
      ['a', [line({ role: 'leader', term: 1 }), 'not JSON', line({ role: 'leader', term: 3 })]],
      ['b', [line({ role: 'follower', term: 1 }), line({ role: 'leader', term: 3 })]],
    ].map(([id, lines]) => [id as string, (lines as string[]).join('\n')]),
  );
  expect(leadersByTerm(logs)).toEqual(
    new Map([
      [1, new Set(['a'])],
      [3, new Set(['a', 'b'])],
    ]),
  );
  expect(differing(logs)).toEqual([]);
});

test('calls are mixed as the rules are wanted', () => {
  const rule = (key: string, wanted: number) => ({ key, unit: 'second', limit: 1, wanted });
  const traffic = new Traffic([rule('hot', 1500), rule('ample', 500)]);
  const keys = Array.from({ length: 8 }, (_, call) => traffic.ruleOf(call).key);
  expect(keys.filter((key) => key === 'ample')).toHaveLength(2);
  expect(keys.slice(0, 4)).toEqual(keys.slice(4));
  expect(traffic.requests).toHaveLength(4);
  expect(traffic.ratePerSecond).toBe(2000);
});
