/** Which answers are told to the watch for abuse. */
import { describe, expect, it } from 'vitest';
import type { OverLimit } from '../../src/core/events/abuse-watch.ts';
import type { LimiterOptions } from '../../src/limiter/limiter.ts';
import { OverLimitCache } from '../../src/limiter/over-limit-cache.ts';
import type { TestDescriptor } from '../support/rules.ts';
import { words, worldOf } from './world.ts';

const RULES: TestDescriptor[] = [
  { key: 'one', limit: '1/hour' },
  { key: 'two', limit: '2/hour' },
  { key: 'shadow', limit: '1/hour', shadowMode: true },
  { key: 'quota', limit: '1/hour', quotaMode: true },
];

function watched(options: Partial<LimiterOptions> = {}) {
  const told: string[] = [];
  const over = (domain: string, { key, hits, limit, rule }: OverLimit, now: number): number =>
    told.push(`${domain} ${rule?.path} ${key} ${hits}/${limit} at ${now}`);
  return { told, world: worldOf(RULES, { abuse: { over }, ...options }) };
}

/** Of a counter of rule `one`. */
const ONE = /^d one h\d+:d,3:one=a 1\/1 at 7200000$/;

describe('the watch for abuse', () => {
  it('hears of what a limit turned away, and of nothing else', () => {
    const { told, world } = watched();
    world.ask('one=a;two=a');
    expect(told).toEqual([]);
    expect(words(world.ask('one=a;two=a'))).toMatch(/^OVER \| OVER 0 \| OK 0/);
    expect(told).toEqual([expect.stringMatching(ONE)]);
  });

  it('hears of what the over-limit cache answers', () => {
    const { told, world } = watched({ overLimitCache: new OverLimitCache(10_000) });
    for (let i = 0; i < 4; i++) world.ask('one=a');
    expect(world.charged()).toBe(2);
    expect(told).toHaveLength(3);
  });

  it.each([
    ['a rule in shadow mode', 'shadow=a', {}],
    ['a quota rule beside one that is not over', 'quota=a;quota=b', {}],
    ['anything in SHADOW_MODE', 'one=a', { isShadowForAll: true }],
  ])('hears nothing of %s, for nobody was turned away', (_name, asked, options) => {
    const { told, world } = watched(options);
    world.ask('quota=a;shadow=a;one=a');
    expect(words(world.ask(asked))).toMatch(/^OK/);
    expect(told).toEqual([]);
  });

  it('hears nothing of what an operator closed: that says nothing of who asks', () => {
    const { told, world } = watched();
    const terms = { untilMs: world.clock + 1000, by: 'ann', reason: 'fire' };
    expect(world.overrides.force('d', 'closed', terms)).toBeNull();
    expect(words(world.ask('one=a'))).toMatch(/^OVER/);
    expect(told).toEqual([]);
  });

  it('hears nothing of a domain without limits', () => {
    const { told, world } = watched();
    world.ask('one=a', { domain: 'other' });
    expect(told).toEqual([]);
  });
});
