/** Emergency overrides as requests meet them. */
import { describe, expect, it } from 'vitest';
import type { RuleSet } from '../../src/core/rules/rule-set.ts';
import type { Answer } from '../../src/core/verdict/answer.ts';
import type { CounterStore } from '../../src/limiter/counter-store.ts';
import type { ForcedMode } from '../../src/limiter/domain-override.ts';
import type { LimiterOptions } from '../../src/limiter/limiter.ts';
import { OverLimitCache } from '../../src/limiter/over-limit-cache.ts';
import { compileDomain, type TestDescriptor, testDescriptor } from '../support/rules.ts';
import { type World, words, worldOf } from './world.ts';

const rules: TestDescriptor[] = [
  { key: 'one', limit: '1/hour' },
  { key: 'ten', limit: { requestsPerUnit: 10, name: 'named' } },
  { key: 'also', limit: { requestsPerUnit: 20, name: 'named' } },
  { key: 'huge', limit: '4294967295/hour' },
  { key: 'shadow', limit: '1/hour', shadowMode: true },
  { key: 'quota', limit: '1/hour', quotaMode: true },
  { key: 'free', limit: 'unlimited' },
];
const HEADERS = { headerNames: { limit: 'L', remaining: 'R', reset: 'T' }, addsMetadata: true };
const world = (options: Partial<LimiterOptions> = {}): World => worldOf(rules, options);
const terms = (its: World) => ({ untilMs: its.clock + 1000, by: 'ann', reason: 'fire' });

function forced(mode: ForcedMode, options: Partial<LimiterOptions> = {}): World {
  const its = world(options);
  expect(its.overrides.force('d', mode, terms(its))).toBeNull();
  return its;
}

function scaled(rule: string, factor: number, its = world()): World {
  expect(its.overrides.scale('d', rule, factor, terms(its))).toBeNull();
  return its;
}

const refund = [testDescriptor('ten=a', { hitsAddend: 3, isNegativeHits: true })];

describe('a domain that is forced open', () => {
  it('answers OK without the store, and what has no limit as always', () => {
    const its = forced('open');
    for (let asked = 0; asked < 3; asked += 1) {
      const want = 'OK | OK 1 | OK 10 | OK 4294967295 | OK -';
      expect(words(its.ask('one=a;ten=a;free=1;nothing=1'))).toBe(want);
    }
    expect(its.charged()).toBe(0);
    expect(its.overrides.answered).toEqual({ open: 6, closed: 0 });
    expect(its.stats.get('one')).toMatchObject({ totalHits: 3, withinLimit: 3, overLimit: 0 });
  });

  it('charges nothing that counts when it is over', () => {
    const its = forced('open');
    its.ask('one=a');
    its.ask('', { descriptors: refund });
    its.clock += 1000;
    expect(words(its.ask('one=a'))).toBe('OK | OK 0');
    expect(its.stats.get('ten')).toMatchObject({ totalHits: 0, totalNegativeHits: 3 });
  });

  it('goes before what the over-limit cache knows', () => {
    const its = world({ overLimitCache: new OverLimitCache(10_000) });
    its.ask('one=a', { hitsAddend: 5 });
    its.overrides.force('d', 'open', terms(its));
    expect(words(its.ask('one=a'))).toBe('OK | OK 1');
    its.clock += 1000;
    expect(words(its.ask('one=a'))).toBe('OVER | OVER 0');
  });
});

describe('a domain that is forced closed', () => {
  it.each([
    ['one=a', 'OVER | OVER 0'],
    ['huge=a', 'OVER | OVER 0'],
    ['one=a;free=1;nothing=1', 'OVER | OVER 0 | OK 4294967295 | OK -'],
    ['quota=a', 'OVER | OVER 0'],
    ['shadow=a', 'OK | OK 0'],
    ['free=1', 'OK | OK 4294967295'],
  ])('answers %s with %s, and charges nothing', (text, want) => {
    const its = forced('closed');
    expect(words(its.ask(text))).toBe(want);
    expect(its.charged()).toBe(0);
  });

  it('answers peeks over the limit, refunds OK, and makes neither', () => {
    const its = forced('closed');
    const peek = [testDescriptor('ten=a', { hitsAddend: 0 })];
    expect(words(its.ask('', { descriptors: peek }))).toBe('OVER | OVER 0');
    expect(words(its.ask('', { descriptors: refund }))).toBe('OK | OK 10');
    expect(its.overrides.answered).toEqual({ open: 0, closed: 2 });
    expect(its.charged()).toBe(0);
  });

  it('counts what was asked as over', () => {
    const its = forced('closed');
    its.ask('ten=a', { hitsAddend: 4 });
    expect(its.stats.get('ten')).toMatchObject({ totalHits: 4, overLimit: 4, withinLimit: 0 });
  });

  it.each(['one', 'shadow'])('counts the same where requests are charged whole: %s', (key) => {
    const whole = rules.map((rule) => ({ ...rule, chargesWhole: true }) as const);
    const its = worldOf(whole);
    its.overrides.force('d', 'closed', terms(its));
    its.ask(`${key}=a`, { hitsAddend: 2 });
    const shadowMode = key === 'shadow' ? 2 : 0;
    expect(its.stats.get(key)).toMatchObject({ totalHits: 2, overLimit: 2, shadowMode });
  });
});

describe('a forced answer', () => {
  it.each(['open', 'closed'] as const)('of mode %s says so in header and metadata', (mode) => {
    const answer = forced(mode, HEADERS).ask('ten=a') as Answer;
    const header = { key: 'x-ratelimit-degraded', value: 'override' };
    expect(answer.responseHeaders?.at(-1)).toEqual(header);
    expect(answer.dynamicMetadata).toMatchObject({ degraded: 'override' });
    expect(answer.statuses[0]?.resetSeconds).toBe(3600);
  });

  it('is for its own domain alone', () => {
    const its = forced('closed');
    expect(words(its.ask('one=a', { domain: 'elsewhere' }))).toBe('OK | OK -');
  });

  it('still refuses an override of the request with an unknown unit', () => {
    const limit = { requestsPerUnit: 1, unit: 9 };
    const answer = forced('open').ask('', { descriptors: [testDescriptor('one=1', { limit })] });
    expect(words(answer)).toMatch(/^invalid: /);
  });
});

describe('a domain that is forced local', () => {
  it('asks the store to count here, and takes what it reads', () => {
    const seen: unknown[] = [];
    const store: Pick<CounterStore, 'charge'> = {
      charge: (groups, listener) => {
        for (const { isLocal, charges } of groups) {
          seen.push(isLocal);
          for (const each of charges) Object.assign(each, { degraded: 'override', after: 1 });
        }
        listener.settled(groups);
      },
    };
    const its = forced('local', { store, ...HEADERS });
    const answer = its.ask('free=1;ten=a') as Answer;
    expect(words(answer)).toBe('OK | OK 4294967295 | OK 9');
    expect(answer.responseHeaders?.at(-1)?.value).toBe('override');
    its.clock += 1000;
    its.ask('ten=a');
    expect(seen).toEqual([true, false]);
  });

  it('changes nothing where the store is this process', () => {
    const its = forced('local', HEADERS);
    const answer = its.ask('one=a') as Answer;
    expect(answer.responseHeaders?.map(({ value }) => value)).toEqual(['1', '0', '3600']);
    expect(words(its.ask('one=a'))).toBe('OVER | OVER 0');
  });
});

describe('a scaled limit', () => {
  it.each([
    ['ten', 0.25, 2],
    ['ten', 0.99, 9],
    ['ten', 1, 10],
    ['ten', 1000, 10_000],
    ['named', 0.5, 5],
    ['huge', 2, 4_294_967_295],
  ])('of %s times %d is %i', (rule, factor, limit) => {
    const its = scaled(rule, factor, world(HEADERS));
    const answer = its.ask(rule === 'huge' ? 'huge=a' : 'ten=a') as Answer;
    expect(answer.responseHeaders?.map(({ value }) => Number(value)).slice(0, 2)).toEqual([
      limit,
      limit - 1,
    ]);
    expect(answer.statuses[0]?.rule?.requestsPerUnit).toBe(limit);
  });

  it('of 0 lets nothing pass but what is not charged', () => {
    const its = scaled('ten', 0);
    expect(words(its.ask('ten=a'))).toBe('OVER | OVER 0');
  });

  it('keeps the counter, and ends with the override', () => {
    const its = world();
    its.ask('ten=a', { hitsAddend: 8 });
    scaled('ten', 0.5, its);
    expect(words(its.ask('ten=a'))).toBe('OVER | OVER 0');
    scaled('ten', 2, its);
    expect(words(its.ask('ten=a'))).toBe('OK | OK 10');
    its.clock += 1000;
    expect(words(its.ask('ten=a'))).toBe('OVER | OVER 0');
  });

  it('is near and over by its own numbers', () => {
    const its = scaled('ten', 2);
    its.ask('ten=a', { hitsAddend: 22 });
    expect(its.stats.get('ten')).toMatchObject({ nearLimit: 4, overLimit: 2 });
  });

  it('reaches the store', () => {
    const limits: number[] = [];
    const store: Pick<CounterStore, 'charge'> = {
      charge: (groups, listener) => {
        for (const { charges } of groups) limits.push(...charges.map(({ limit }) => limit));
        listener.settled(groups);
      },
    };
    scaled('ten', 0.5, world({ store })).ask('ten=a;also=a;one=a');
    expect(limits).toEqual([5, 20, 1]);
  });

  it('by a name is of all rules that have it, and a path goes before it', () => {
    const its = scaled('ten', 3, scaled('named', 2));
    expect(words(its.ask('ten=a;also=a'))).toBe('OK | OK 29 | OK 39');
  });

  it('is not for limits that the request brings, nor for unlimited rules', () => {
    const its = scaled('one', 5);
    const limit = { requestsPerUnit: 1, unit: 3 };
    const descriptors = [testDescriptor('one=', { limit }), testDescriptor('free=1')];
    expect(words(its.ask('', { descriptors }))).toBe('OK | OK 0 | OK 4294967295');
  });

  it('holds together with a forced mode, and after a reload of the limits files', () => {
    const set: { current: RuleSet } = {
      current: {
        version: 1,
        domains: new Map([['d', compileDomain('d', rules)]]),
        brokenDomains: new Set(),
      },
    };
    const its = scaled('ten', 3, world({ rules: set }));
    expect(words(its.ask('ten=a'))).toBe('OK | OK 29');
    const reloaded = compileDomain('d', [{ key: 'ten', limit: '5/hour' }]);
    set.current = { ...set.current, version: 2, domains: new Map([['d', reloaded]]) };
    expect(words(its.ask('ten=a'))).toBe('OK | OK 13');
    its.overrides.force('d', 'open', terms(its));
    expect(words(its.ask('ten=a'))).toBe('OK | OK 15');
  });
});
