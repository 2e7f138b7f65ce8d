import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TokenBucket } from '../../../src/core/quota/token-bucket.ts';

const DAY_MS = 86_400_000;
const LIMIT_MAX = 2 ** 32 - 1;

const unitMs = fc.constantFrom(1000, 60_000, 3_600_000, DAY_MS);
const rate = fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: LIMIT_MAX }));
const burst = fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: LIMIT_MAX }));
const pause = fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 100_000 }), fc.nat({ max: 100 * DAY_MS }));

describe('a token bucket', () => {
  test('begins empty, fills at its rate, holds its burst', () => {
    const bucket = new TokenBucket(1000, { rate: 10, burst: 5 }, 0);
    expect(bucket.take(1, 0)).toBe(false);
    expect(bucket.msUntil(1)).toBe(100);
    expect(bucket.take(1, 99)).toBe(false);
    expect(bucket.take(1, 100)).toBe(true);
    expect(bucket.msUntil(5)).toBe(500);
    expect(bucket.msUntil(6)).toBe(Infinity);
    expect(bucket.take(6, 100_000)).toBe(false);
    expect(bucket.take(5, 100_000)).toBe(true);
    expect(bucket.tokens).toBe(0);
    expect(bucket.msUntil(0)).toBe(0);
  });

  test('of rate 0 never fills, and time that goes back changes nothing', () => {
    const bucket = new TokenBucket(1000, { rate: 0, burst: 5 }, 50);
    expect(bucket.take(1, 1e9)).toBe(false);
    expect(bucket.msUntil(1)).toBe(Infinity);
    const other = new TokenBucket(1000, { rate: 1000, burst: 5 }, 50);
    expect(other.take(1, 40)).toBe(false);
    expect(other.take(1, 51)).toBe(true);
  });

  test('earns at the old rate until it is resized, and loses what the new burst does not hold', () => {
    const bucket = new TokenBucket(1000, { rate: 10, burst: 50 }, 0);
    bucket.resize({ rate: 1, burst: 50 }, 1000);
    expect(bucket.tokens).toBe(10);
    bucket.resize({ rate: 1, burst: 3 }, 2000);
    expect(bucket.tokens).toBe(3);
    expect(bucket.size).toEqual({ rate: 1, burst: 3 });
    bucket.empty(3000);
    expect(bucket.take(1, 3999)).toBe(false);
    expect(bucket.take(1, 4000)).toBe(true);
  });

  test('never drifts: however it is asked, it has earned exactly floor(rate × time / unit)', () => {
    fc.assert(
      fc.property(unitMs, rate, fc.array(pause, { maxLength: 30 }), (unit, perUnit, pauses) => {
        const bucket = new TokenBucket(unit, { rate: perUnit, burst: LIMIT_MAX }, 0);
        let at = 0;
        let taken = 0n;
        for (const one of pauses) {
          at += one;
          bucket.take(0, at);
          // Emptied each time, so that the burst never cuts.
          taken += BigInt(bucket.tokens);
          const isCut = bucket.tokens === LIMIT_MAX;
          bucket.take(bucket.tokens, at);
          if (isCut) return;
          expect(taken).toBe((BigInt(perUnit) * BigInt(at)) / BigInt(unit));
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('admits at most burst + rate × time in any stretch of time', () => {
    const step = fc.record({ pause, hits: fc.nat({ max: 200 }) });
    fc.assert(
      fc.property(unitMs, rate, burst, fc.array(step, { maxLength: 30 }), (unit, r, b, steps) => {
        const bucket = new TokenBucket(unit, { rate: r, burst: b }, 0);
        const admitted: { at: number; hits: number }[] = [];
        let at = 0;
        for (const { pause: wait, hits } of steps) {
          at += wait;
          if (bucket.take(hits, at)) admitted.push({ at, hits });
        }
        admitted.forEach((from, first) => {
          let sum = 0n;
          for (const to of admitted.slice(first)) {
            sum += BigInt(to.hits);
            const earned = BigInt(r) * BigInt(to.at - from.at);
            expect(sum * BigInt(unit)).toBeLessThanOrEqual(BigInt(b) * BigInt(unit) + earned);
          }
        });
      }),
      { numRuns: 1000 },
    );
  });

  test('says exactly when it will hold as many', () => {
    fc.assert(
      fc.property(unitMs, rate, burst, fc.integer({ min: 1, max: 1000 }), (unit, r, b, hits) => {
        const bucket = new TokenBucket(unit, { rate: r, burst: b }, 0);
        const wait = bucket.msUntil(hits);
        if (wait === Infinity) {
          expect(r === 0 || hits > b).toBe(true);
          return;
        }
        expect(bucket.take(hits, wait - 1)).toBe(false);
        expect(bucket.take(hits, wait)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
