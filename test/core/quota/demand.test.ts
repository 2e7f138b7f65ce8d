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

  test('that is young is known as soon as it can be', () => {
    const demand = new Demand(1000, 0);
    demand.record(1, 0);
    expect(demand.perSecond(0)).toBeCloseTo(4.5, 1);
    for (let now = 20; now <= 300; now += 20) demand.record(1, now);
    expect(demand.perSecond(300)).toBeGreaterThan(45);
    expect(demand.perSecond(300)).toBeLessThan(60);
  });

  test('is forgotten to a part of 1/e in its memory, and at last wholly', () => {
    const demand = new Demand(1000, 0);
    demand.record(100, 10_000);
    const first = demand.perSecond(10_000);
    expect(first).toBeCloseTo(100, 1);
    expect(demand.perSecond(11_000)).toBeCloseTo(100 / Math.E, 1);
    expect(demand.perSecond(60_000)).toBe(0);
  });
});
