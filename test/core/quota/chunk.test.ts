import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chunkOf, isDecidedAtLeader } from '../../../src/core/quota/chunk.ts';

describe('a chunk of a count quota', () => {
  test.each([
    ['what is wanted, while plenty is left', 1_000_000, 10, 500, 1, 500],
    ['rounded up', 1_000_000, 10, 0.2, 1, 1],
    ['no less than the smallest chunk', 1_000_000, 10, 3, 20, 20],
    ['half of an equal part near the end', 100, 10, 500, 1, 5],
    ['one each, when half of a part is less', 12, 10, 500, 1, 1],
    ['the smallest chunk only while there is as much', 12, 10, 500, 20, 12],
    ['nothing when there is not one for each', 9, 10, 500, 1, 0],
    ['nothing when nothing is left', 0, 1, 500, 1, 0],
  ])('is %s', (_name, remaining, holders, wanted, min, chunk) => {
    expect(chunkOf({ remaining, holders, wanted, min, isLeader: false })).toBe(chunk);
  });

  test('is the whole rest for the leader, when there is not one for each', () => {
    const request = { holders: 10, wanted: 1, min: 1, isLeader: true };
    expect(chunkOf({ ...request, remaining: 9 })).toBe(9);
    expect(chunkOf({ ...request, remaining: 10 })).toBe(1);
    expect(isDecidedAtLeader(9, 10)).toBe(true);
    expect(isDecidedAtLeader(10, 10)).toBe(false);
  });

  test('shrinks geometrically: a round of all replicas leaves about half, until they ask the leader', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 10_000_000 }),
        fc.integer({ min: 1, max: 100 }),
        (limit, holders) => {
          let remaining = limit;
          let last = Infinity;
          let rounds = 0;
          while (remaining >= holders) {
            for (let at = 0; at < holders && remaining >= holders; at += 1) {
              const chunk = chunkOf({
                remaining,
                holders,
                wanted: Infinity,
                min: 1,
                isLeader: false,
              });
              expect(chunk).toBeGreaterThanOrEqual(1);
              expect(chunk).toBeLessThanOrEqual(last);
              remaining -= chunk;
              last = chunk;
            }
            rounds += 1;
          }
          // A round takes 1 - (1 - 1/2N)^N, at least 0.39, while chunks are above one.
          expect(rounds).toBeLessThanOrEqual(
            Math.ceil(Math.log(limit + 1) / Math.log(1 / 0.68)) + 3,
          );
          expect(remaining).toBeGreaterThanOrEqual(0);
        },
      ),
      { numRuns: 300 },
    );
  });
});
