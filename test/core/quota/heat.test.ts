import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HeatSketch } from '../../../src/core/quota/heat.ts';

/** Exact counts beside the sketch. */
function recordBoth(sketch: HeatSketch, hits: readonly (readonly [string, number])[]) {
  const exact = new Map<string, number>();
  for (const [key, count] of hits) {
    sketch.record(key, count);
    exact.set(key, (exact.get(key) ?? 0) + count);
  }
  return exact;
}

function expectBounds(sketch: HeatSketch, exact: ReadonlyMap<string, number>, size: number): void {
  const bound = sketch.total / size;
  for (const [key, truth] of exact) {
    const found = sketch.countOf(key);
    if (found === null) {
      expect(truth).toBeLessThanOrEqual(bound);
      continue;
    }
    expect(found.count).toBeGreaterThanOrEqual(truth);
    expect(found.count - found.error).toBeLessThanOrEqual(truth);
    expect(found.error).toBeLessThanOrEqual(bound);
  }
}

/** A stream in which key k comes about 1/(k+1) as often as key 0 (Zipf). */
function skewedStream(length: number, keys: number, seed: number): [string, number][] {
  const weights = Array.from({ length: keys }, (_, key) => 1 / (key + 1));
  const total = weights.reduce((a, b) => a + b, 0);
  let state = seed;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    let left = (state / 2 ** 32) * total;
    const key = weights.findIndex((weight) => (left -= weight) < 0);
    return [`key${Math.max(0, key)}`, 1];
  });
}

describe('the heat sketch', () => {
  test.each([0, -1, 1.5, Number.NaN])('is not made of %d counters', (size) => {
    expect(() => new HeatSketch(size)).toThrow(RangeError);
  });

  test('is exact while all keys have a counter', () => {
    const sketch = new HeatSketch(4);
    recordBoth(sketch, [
      ['a', 5],
      ['b', 2],
      ['a', 1],
      ['c', 9],
    ]);
    expect(sketch.atLeast(3)).toEqual([
      { key: 'c', count: 9, error: 0 },
      { key: 'a', count: 6, error: 0 },
    ]);
    expect(sketch.countOf('z')).toBeNull();
    expect(sketch.total).toBe(17);
  });

  test('gives the smallest counter to a new key, which inherits its count as error', () => {
    const sketch = new HeatSketch(2);
    recordBoth(sketch, [
      ['a', 5],
      ['b', 2],
      ['c', 1],
    ]);
    expect(sketch.countOf('b')).toBeNull();
    expect(sketch.countOf('c')).toEqual({ key: 'c', count: 3, error: 2 });
    // Sure of no more than 1.
    expect(sketch.atLeast(2)).toEqual([{ key: 'a', count: 5, error: 0 }]);
  });

  test.each([1, 2, 3])('finds the hot keys of a skewed stream (seed %i)', (seed) => {
    const size = 100;
    const sketch = new HeatSketch(size);
    const exact = recordBoth(sketch, skewedStream(50_000, 2000, seed));
    expectBounds(sketch, exact, size);
    const hot = [...exact].filter(([, count]) => count > 50_000 / size);
    expect(hot.length).toBeGreaterThan(5);
    for (const [key] of hot) expect(sketch.countOf(key)).not.toBeNull();
    const surelyHot = sketch.atLeast(500);
    for (const { key } of surelyHot) expect(exact.get(key)).toBeGreaterThanOrEqual(500);
    expect(surelyHot.map(({ key }) => key).slice(0, 3)).toEqual(['key0', 'key1', 'key2']);
  });

  test('keeps its bounds for any stream', () => {
    const hit = fc.tuple(fc.nat({ max: 30 }).map(String), fc.integer({ min: 1, max: 50 }));
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.array(hit, { maxLength: 300 }),
        (size, hits) => {
          const sketch = new HeatSketch(size);
          expectBounds(sketch, recordBoth(sketch, hits), size);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('forgets: each window halves what was, and a key that is hot now overtakes', () => {
    const sketch = new HeatSketch(2);
    recordBoth(sketch, [
      ['old', 1000],
      ['b', 10],
    ]);
    for (let window = 0; window < 10; window += 1) {
      sketch.decay();
      sketch.record('new', 20);
    }
    expect(sketch.total).toBeLessThan(45);
    expect(sketch.atLeast(20).map(({ key }) => key)).toEqual(['new']);
    expect(sketch.countOf('old')?.count).toBeLessThan(1);
  });
});
