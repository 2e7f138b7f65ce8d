import { describe, expect, test } from 'vitest';
import { Demand } from '../../../src/core/quota/demand.ts';

describe('demand', () => {
  test.each([1, 7, 50, 500])('of a steady pace is that pace, with a hit each %i ms', (gap) => {
    const demand = new Demand(1000, 0);
    let now = 0;
    for (; now < 20_000; now += gap) demand.record(3, now);
    const truth = 3000 / gap;
    expect(demand.perSecond(now) / truth).toBeGreaterThan(0.7);
    expect(demand.perSecond(now) / truth).toBeLessThan(1.3);
  });

  test('is known at once after a burst, and fades by 1/e each second', () => {
    const demand = new Demand(1000, 0);
    demand.record(100, 0);
    const first = demand.perSecond(0);
    expect(first).toBe(100);
    expect(demand.perSecond(1000)).toBeCloseTo(100 / Math.E, 6);
    expect(demand.perSecond(500)).toBeCloseTo(100 / Math.E, 6);
    expect(demand.lastAt).toBe(0);
  });
});
