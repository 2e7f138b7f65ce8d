import { describe, expect, it } from 'vitest';
import {
  ABUSE_BOUNDS,
  type AbuseBounds,
  AbuseWatch,
} from '../../../src/core/events/abuse-watch.ts';
import type { Details, Happening } from '../../../src/core/events/event.ts';

const BOUNDS: AbuseBounds = {
  intervalMs: 60_000,
  keysMax: 3,
  charactersMax: 1000,
  perSecondMax: 2,
};

function watching(bounds: Partial<AbuseBounds> = {}) {
  const events: Happening[] = [];
  const watch = new AbuseWatch((event) => events.push(event), { ...BOUNDS, ...bounds });
  return {
    watch,
    over: (key: string, now: number, hits = 1): void =>
      watch.over('shop', { key, hits, limit: 10, rule: { path: 'user' } }, now),
    taken: (): Details[] => events.splice(0).map(({ details }) => details),
  };
}

const sums = (details: readonly Details[]): unknown[] =>
  details.map(({ key, hits, requests, ms }) => [key, hits, requests, ms]);

describe('a counter over its limit', () => {
  it('is an event at once, with what it is', () => {
    const events: Happening[] = [];
    const watch = new AbuseWatch((event) => events.push(event));
    watch.over('shop', { key: 'k', hits: 3, limit: 10, rule: { path: 'user' } }, 5);
    const details = { domain: 'shop', rule: 'user', key: 'k', limit: 10, hits: 3, requests: 1 };
    expect(events).toEqual([
      { kind: 'abuse', name: 'over-limit', details: { ...details, ms: 0, leftOut: 0 } },
    ]);
  });

  it('is one event more for each interval in which it went on, with its sums', () => {
    const { watch, over, taken } = watching();
    over('k', 0);
    taken();
    for (let ms = 100; ms <= 59_900; ms += 100) over('k', ms, 2);
    watch.sweep(59_999);
    expect(taken()).toEqual([]);
    watch.sweep(60_000);
    expect(sums(taken())).toEqual([['k', 1198, 599, 60_000]]);
    over('k', 61_000);
    watch.sweep(119_999);
    expect(taken()).toEqual([]);
    watch.sweep(120_000);
    expect(sums(taken())).toEqual([['k', 1, 1, 60_000]]);
  });

  it('is forgotten after a quiet interval, and begins anew', () => {
    const { watch, over, taken } = watching();
    over('k', 0);
    watch.sweep(60_000);
    expect([taken().length, watch.watchedCount]).toEqual([1, 0]);
    over('k', 61_000);
    expect(sums(taken())).toEqual([['k', 1, 1, 0]]);
  });

  it('shows the beginning of a long key, and a rule that is none as none', () => {
    const { watch, taken } = watching();
    watch.over('shop', { key: `k${'x'.repeat(500)}`, hits: 1, limit: 1, rule: null }, 0);
    expect(taken()).toMatchObject([{ key: `k${'x'.repeat(198)}…`, rule: '' }]);
  });

  it('tells of the limit as it is now', () => {
    const { watch, over, taken } = watching();
    over('k', 0);
    watch.over('shop', { key: 'k', hits: 1, limit: 99, rule: { path: 'user' } }, 1);
    watch.sweep(60_000);
    expect(taken()).toMatchObject([{ limit: 10 }, { limit: 99 }]);
  });
});

describe('many counters over their limits', () => {
  it('are so many events a second, and later ones say how many were left out', () => {
    const { over, taken, watch } = watching();
    for (const key of ['a', 'b', 'c']) over(key, 0);
    expect(sums(taken())).toEqual([
      ['a', 1, 1, 0],
      ['b', 1, 1, 0],
    ]);
    expect(watch.suppressed).toEqual({ rate: 1, keys: 0 });
    over('c', 500, 4);
    watch.sweep(60_000);
    // What was left out is in the sums.
    expect(taken()).toMatchObject([{ key: 'c', hits: 5, requests: 2, ms: 60_000, leftOut: 1 }]);
    watch.sweep(60_001);
    over('a', 61_500);
    over('b', 61_500);
    expect(taken()).toMatchObject([{ leftOut: 0 }, { leftOut: 0 }]);
  });

  it('keep their sums when the interval ends with too many', () => {
    const { over, taken, watch } = watching({ perSecondMax: 1 });
    over('a', 0);
    over('b', 0, 7);
    over('b', 1, 7);
    over('a', 1);
    taken();
    watch.sweep(60_000);
    expect(taken()).toMatchObject([{ key: 'a', hits: 1, leftOut: 1 }]);
    watch.sweep(120_000);
    expect(taken()).toMatchObject([{ key: 'b', hits: 14, requests: 2, ms: 120_000, leftOut: 1 }]);
  });

  it('are watched up to a bound of keys', () => {
    const { over, watch } = watching({ perSecondMax: 100 });
    for (const key of ['a', 'b', 'c', 'd', 'd']) over(key, 0);
    expect([watch.watchedCount, watch.suppressed.keys]).toEqual([3, 2]);
    watch.sweep(60_000);
    over('d', 60_000);
    expect(watch.watchedCount).toBe(1);
  });

  it('are watched up to a bound of characters, which a forgotten one gives back', () => {
    const { over, watch } = watching({ perSecondMax: 100 });
    over('a'.repeat(600), 0);
    over('b'.repeat(600), 0);
    expect([watch.watchedCount, watch.suppressed.keys]).toEqual([1, 1]);
    over('a'.repeat(600), 1);
    watch.sweep(60_000);
    expect(watch.watchedCount).toBe(1);
    watch.sweep(120_000);
    expect(watch.watchedCount).toBe(0);
    over('b'.repeat(600), 120_001);
    expect([watch.watchedCount, watch.suppressed.keys]).toEqual([1, 1]);
  });

  it('cost so many entries a minute at most', () => {
    const { watch, over, taken } = watching({ ...ABUSE_BOUNDS });
    let made = 0;
    for (let second = 0; second < 60; second++) {
      for (let key = 0; key < 200; key++) over(`k${key}`, second * 1000 + key);
      watch.sweep(second * 1000 + 999);
      made += taken().length;
    }
    expect(made).toBeLessThanOrEqual(60 * ABUSE_BOUNDS.perSecondMax);
    expect(made).toBeGreaterThan(0);
  });
});
