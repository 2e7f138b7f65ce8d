import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fillByWater } from '../../../src/core/quota/water-filling.ts';

const LIMIT_MAX = 2 ** 32 - 1;
const WEIGHT_MIN = 0.01;

const whole = fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 5000 }), fc.nat({ max: LIMIT_MAX }));
const weight = fc.oneof(fc.constantFrom(0, 0.5, 1), fc.double({ min: 0, max: 1, noNaN: true }));
const claims = fc.array(fc.record({ wants: whole, weight }), { maxLength: 40 });

const sumOf = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

describe('water-filling', () => {
  test.each([
    ['nobody', 10, [], 0, []],
    [
      'enough for all',
      10,
      [
        [3, 1],
        [4, 1],
      ],
      0,
      [3, 4],
    ],
    [
      'too little, equal weights',
      10,
      [
        [3, 1],
        [8, 1],
        [9, 1],
      ],
      0,
      [3, 4, 3],
    ],
    [
      'a heavier one',
      12,
      [
        [99, 1],
        [99, 0.5],
      ],
      0,
      [8, 4],
    ],
    [
      'one who cannot use its weight',
      12,
      [
        [2, 1],
        [99, 0.5],
        [99, 0.5],
      ],
      0,
      [2, 5, 5],
    ],
    [
      'a floor for an idle one',
      10,
      [
        [0, 1],
        [99, 1],
      ],
      2,
      [2, 8],
    ],
    [
      'a floor where all is wanted',
      10,
      [
        [0, 1],
        [10, 1],
      ],
      2,
      [2, 8],
    ],
    [
      'floors beyond the capacity',
      3,
      [
        [0, 1],
        [0, 1],
      ],
      5,
      [1, 1],
    ],
    [
      'nothing to give',
      0,
      [
        [5, 1],
        [5, 1],
      ],
      3,
      [0, 0],
    ],
    [
      'less than one each',
      2,
      [
        [5, 1],
        [5, 1],
        [5, 1],
      ],
      1,
      [1, 1, 0],
    ],
    [
      'a sick one beside a well one',
      101,
      [
        [999, 0],
        [999, 1],
      ],
      0,
      [1, 100],
    ],
    ['a sick one alone', 10, [[99, 0]], 0, [10]],
  ] as const)('%s', (_name, capacity, pairs, floor, shares) => {
    const all = pairs.map(([wants, weighs]) => ({ wants, weight: weighs }));
    expect(fillByWater(capacity, all, floor)).toEqual(shares);
  });

  test('is complete: the sum is the smaller of capacity and claims', () => {
    fc.assert(
      fc.property(whole, claims, whole, (capacity, all, floor) => {
        const floorEach = Math.min(floor, Math.floor(capacity / Math.max(1, all.length)));
        const shares = fillByWater(capacity, all, floor);
        const wanted = sumOf(all.map(({ wants }) => Math.max(wants, floorEach)));
        expect(sumOf(shares)).toBe(Math.min(capacity, wanted));
      }),
      { numRuns: 2000 },
    );
  });

  test('gives nobody more than it wants, and nobody less than its floor', () => {
    fc.assert(
      fc.property(whole, claims, whole, (capacity, all, floor) => {
        const floorEach = Math.min(floor, Math.floor(capacity / Math.max(1, all.length)));
        fillByWater(capacity, all, floor).forEach((share, at) => {
          expect(Number.isSafeInteger(share)).toBe(true);
          expect(share).toBeGreaterThanOrEqual(floorEach);
          expect(share).toBeLessThanOrEqual(Math.max(all[at]!.wants, floorEach));
        });
      }),
      { numRuns: 2000 },
    );
  });

  test('is fair: who has more for its weight has it only while the other is satisfied', () => {
    fc.assert(
      fc.property(fc.nat({ max: 100_000 }), claims, fc.nat({ max: 50 }), (capacity, all, floor) => {
        const floorEach = Math.min(floor, Math.floor(capacity / Math.max(1, all.length)));
        const shares = fillByWater(capacity, all, floor);
        const perWeight = (at: number, share: number): number =>
          share / Math.max(WEIGHT_MIN, all[at]!.weight);
        for (let rich = 0; rich < all.length; rich += 1) {
          if (shares[rich]! <= floorEach) continue;
          for (let poor = 0; poor < all.length; poor += 1) {
            const isSatisfied = shares[poor]! >= Math.max(floorEach, all[poor]!.wants);
            if (isSatisfied) continue;
            // Whole numbers: one more for the poor or one less for the rich turns the order round.
            const richLess = perWeight(rich, shares[rich]! - 1);
            expect(richLess).toBeLessThanOrEqual(perWeight(poor, shares[poor]! + 1) * (1 + 1e-6));
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});
