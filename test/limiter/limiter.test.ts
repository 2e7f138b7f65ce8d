import { describe, expect, it } from 'vitest';
import { RuleStats } from '../../src/core/counting/rule-stats.ts';
import type { RuleSet } from '../../src/core/rules/rule-set.ts';
import { Unit } from '../../src/core/rules/unit.ts';
import type { Answer } from '../../src/core/verdict/answer.ts';
import type { CounterStore } from '../../src/limiter/counter-store.ts';
import { Limiter, type LimiterOptions } from '../../src/limiter/limiter.ts';
import { OverLimitCache } from '../../src/limiter/over-limit-cache.ts';
import { compileDomain, type TestDescriptor, testDescriptor } from '../support/rules.ts';
import { type World, words, worldOf } from './world.ts';

const rules: TestDescriptor[] = [
  { key: 'one', limit: '1/hour' },
  { key: 'two', limit: '2/hour' },
  { key: 'named', limit: { requestsPerUnit: 1, name: 'base' } },
  { key: 'vip', limit: { requestsPerUnit: 3, name: 'vip', replaces: ['base'] } },
  { key: 'left', limit: { requestsPerUnit: 1, name: 'left', replaces: ['right'] } },
  { key: 'right', limit: { requestsPerUnit: 1, name: 'right', replaces: ['left'] } },
  { key: 'gratis', limit: { unlimited: true, name: 'base' } },
  { key: 'open', limit: { unlimited: true, replaces: ['base'] } },
  { key: 'free', limit: 'unlimited' },
];

const world = (options: Partial<LimiterOptions> = {}): World => worldOf(rules, options);

describe('decide', () => {
  it('counts to the limit, and one request over it', () => {
    const { ask } = world();
    expect(words(ask('two=a'))).toBe('OK | OK 1');
    expect(words(ask('two=a'))).toBe('OK | OK 0');
    expect(words(ask('two=a'))).toBe('OVER | OVER 0');
    expect(words(ask('two=b'))).toBe('OK | OK 1');
  });

  it('deals one request its own hits in order when it names a counter twice', () => {
    const { ask } = world();
    expect(words(ask('two=a;two=a'))).toBe('OK | OK 1 | OK 0');
  });

  it.each([
    ['the request hits of 0 as 1', { hitsAddend: 0 }, 'OK | OK 1'],
    ['the request hits', { hitsAddend: 2 }, 'OK | OK 0'],
    [
      'a descriptor that sets 0 as a peek',
      { descriptors: [testDescriptor('two=a', { hitsAddend: 0 })] },
      'OK | OK 2',
    ],
    [
      'hits of a descriptor before those of the request',
      { hitsAddend: 9, descriptors: [testDescriptor('two=a', { hitsAddend: 1 })] },
      'OK | OK 1',
    ],
  ])('takes %s', (_name, extra, want) => {
    expect(words(world().ask('two=a', extra))).toBe(want);
  });

  it('gives hits back and counts them apart', () => {
    const { ask, stats } = world();
    ask('two=a', { hitsAddend: 2 });
    const refund = [testDescriptor('two=a', { isNegativeHits: true })];
    expect(words(ask('', { descriptors: refund }))).toBe('OK | OK 1');
    expect(stats.get('two')).toMatchObject({ totalHits: 2, totalNegativeHits: 1, withinLimit: 2 });
  });

  it.each([
    ['named=1;vip=1', 'OK | OK - | OK 2'],
    ['vip=1;named=1', 'OK | OK 2 | OK -'],
    ['left=1;right=1', 'OK | OK - | OK -'],
    ['open=1;named=1', 'OK | OK 4294967295 | OK -'],
    ['vip=1;gratis=1', 'OK | OK 2 | OK 4294967295'],
  ])('lets rules of %s replace each other', (text, want) => {
    expect(words(world().ask(text))).toBe(want);
  });

  it('charges nothing for unlimited and unmatched descriptors', () => {
    const { ask, charged } = world();
    expect(words(ask('free=1;nothing=1'))).toBe('OK | OK 4294967295 | OK -');
    expect(charged()).toBe(0);
  });

  it('lets an unknown domain pass, overrides too, and counts each descriptor', () => {
    const { ask, observed } = world();
    const limit = { requestsPerUnit: 0, unit: Unit.HOUR };
    const descriptors = [testDescriptor('one=1', { limit }), testDescriptor('two=1')];
    expect(words(ask('', { domain: 'nowhere', descriptors }))).toBe('OK | OK - | OK -');
    expect(observed.notFound).toEqual(['nowhere', 'nowhere']);
  });

  it('refuses a domain whose file was never valid', () => {
    const failure = 'service: no rate limit configuration loaded';
    expect(words(world().ask('one=1', { domain: 'broken' }))).toBe(failure);
    expect(words(world({ rules: { current: null } }).ask('one=1'))).toBe(failure);
  });

  it.each([0, 8, 99])('refuses an override with unit %i by name', (unit) => {
    const descriptors = [testDescriptor('one=1', { limit: { requestsPerUnit: 1, unit } })];
    expect(words(world().ask('', { descriptors }))).toMatch(
      new RegExp(`^invalid: descriptors\\[0\\]\\.limit\\.unit: ${unit} `),
    );
  });

  it('shares the counter of a rule and an override of the same unit', () => {
    const { ask } = world();
    ask('two=a');
    const limit = { requestsPerUnit: 9, unit: Unit.HOUR };
    expect(words(ask('', { descriptors: [testDescriptor('two=a', { limit })] }))).toBe('OK | OK 7');
  });

  it('passes the text of a store failure on, and counts no verdict', () => {
    const store: Pick<CounterStore, 'charge'> = {
      charge: (groups, listener) => {
        for (const group of groups) group.failure = { code: 'unavailable', text: 'gone' };
        listener.settled(groups);
      },
    };
    const its = world({ store });
    expect(words(its.ask('one=1'))).toBe('store: gone');
    expect(its.observed.failures).toEqual(['unavailable']);
  });
});

describe('a defect', () => {
  it('costs its own request an error, and no other of the batch', () => {
    const heard: string[] = [];
    const current: RuleSet = {
      version: 1,
      domains: new Map([['d', compileDomain('d', rules)]]),
      brokenDomains: new Set(),
    };
    const waiting: Parameters<CounterStore['charge']>[] = [];
    const limiter = new Limiter({
      rules: { current },
      store: { charge: (...call) => void waiting.push(call) },
      observer: {
        ruleStats: () => new RuleStats(),
        callerStats: () => new RuleStats(),
        domainNotFound: () => {},
        globalShadow: () => {},
        storeFailed: () => {},
      },
      overrides: { of: () => null },
      abuse: null,
      overLimitCache: null,
      monotonicNow: () => 0,
      stopsWhenOver: false,
      isShadowForAll: false,
      isQuotaForAll: false,
      addsMetadata: false,
      headerNames: null,
    });
    const request = { domain: 'd', descriptors: [testDescriptor('one=1')], hitsAddend: 0 };
    const listen = (name: string, fails: boolean) => ({
      deadlineMs: 0,
      requestId: '',
      decided: () => {
        if (fails) throw new Error('gone');
        heard.push(`${name} decided`);
      },
      failed: () => heard.push(`${name} failed`),
      broke: (error: unknown) => heard.push(`${name} broke: ${(error as Error).message}`),
    });
    limiter.decide(request, listen('first', true));
    limiter.decide(request, listen('second', false));
    const groups = waiting.flatMap(([batch]) => [...batch]);
    waiting[0]?.[1].settled(groups);
    expect(heard).toEqual(['first broke: gone', 'second decided']);
  });
});

describe('modes for the whole service', () => {
  it('SHADOW_MODE answers OK overall, keeps the statuses and counts', () => {
    const { ask, observed } = world({ isShadowForAll: true });
    ask('one=a');
    expect(words(ask('one=a'))).toBe('OK | OVER 0');
    expect(observed.shadows).toBe(1);
  });

  it('QUOTA_MODE passes while one descriptor passes', () => {
    const { ask } = world({ isQuotaForAll: true });
    ask('one=a');
    expect(words(ask('one=a;two=a'))).toBe('OK | OVER 0 | OK 1');
  });

  it('adds headers and metadata only when told to', () => {
    const off = world().ask('two=a') as Answer;
    expect([off.responseHeaders, off.dynamicMetadata]).toEqual([null, null]);
    const headerNames = { limit: 'L', remaining: 'R', reset: 'T' };
    const on = world({ headerNames, addsMetadata: true }).ask('two=a') as Answer;
    expect(on.responseHeaders?.map(({ value }) => value)).toEqual(['2', '1', '3600']);
    expect(on.dynamicMetadata).toEqual({ domain: 'd', descriptors: [{ entries: ['two=a'] }] });
  });
});

describe('the over-limit cache', () => {
  it('answers what it knows without a charge, until the window ends', () => {
    const overLimitCache = new OverLimitCache(10_000);
    const its = world({ overLimitCache });
    its.ask('one=a');
    its.ask('one=a');
    expect(its.charged()).toBe(2);
    its.clock += 1_000_000;
    const known = its.ask('one=a;two=a') as Answer;
    expect([words(known), its.charged()]).toEqual(['OVER | OVER 0 | OK 1', 3]);
    expect(known.statuses[0]?.resetSeconds).toBe(2600);
    expect(its.stats.get('one')).toMatchObject({
      totalHits: 3,
      overLimit: 2,
      overLimitWithLocalCache: 1,
    });
    its.clock += 2_600_000;
    expect(words(its.ask('one=a'))).toBe('OK | OK 0');
  });

  it('never speaks for a higher limit than the count it read', () => {
    const its = world({ overLimitCache: new OverLimitCache(10_000) });
    its.ask('one=a', { hitsAddend: 5 });
    const ask = (requestsPerUnit: number) =>
      words(
        its.ask('', {
          descriptors: [testDescriptor('one=a', { limit: { requestsPerUnit, unit: Unit.HOUR } })],
        }),
      );
    expect(ask(9)).toBe('OK | OK 3');
    expect(ask(5)).toBe('OVER | OVER 0');
  });

  it('forgets a counter at a refund', () => {
    const its = world({ overLimitCache: new OverLimitCache(10_000) });
    its.ask('one=a', { hitsAddend: 2 });
    its.ask('', {
      descriptors: [testDescriptor('one=a', { hitsAddend: 2, isNegativeHits: true })],
    });
    expect(words(its.ask('one=a'))).toBe('OK | OK 0');
  });

  it('drops the oldest beyond its bytes, and what alone is larger', () => {
    const cache = new OverLimitCache(250);
    const of = (key: string, unit: Unit = Unit.HOUR) => ({ key, unit, limit: 1 });
    for (const key of ['a', 'b', 'c']) cache.remember(of(key), 2, 100);
    expect([cache.msKnownOver(of('a'), 0), cache.msKnownOver(of('c'), 0)]).toEqual([0, 100]);
    cache.remember(of('x'.repeat(300)), 2, 100);
    expect([cache.entryCount, cache.evictionCount, cache.hitCount]).toEqual([2, 1, 1]);
    expect(cache.msKnownOver(of('c', Unit.DAY), 0)).toBe(0);
    expect(cache.msKnownOver(of('b'), 100)).toBe(0);
    expect(cache.entryCount).toBe(1);
  });
});

describe('STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT', () => {
  it('charges only what is over when a request of several would pass a limit', () => {
    const { ask } = world({ stopsWhenOver: true });
    ask('one=a');
    expect(words(ask('one=a;two=a'))).toBe('OVER | OVER 0 | OK 2');
    expect(words(ask('two=a'))).toBe('OK | OK 1');
  });

  it('charges nothing else beside a counter that the cache knows is over', () => {
    const its = world({ stopsWhenOver: true, overLimitCache: new OverLimitCache(10_000) });
    its.ask('one=a', { hitsAddend: 2 });
    expect(words(its.ask('one=a;two=a'))).toBe('OVER | OVER 0 | OK 2');
    expect(words(its.ask('two=a'))).toBe('OK | OK 1');
  });
});

describe('without the store', () => {
  const gone: Pick<CounterStore, 'charge'> = {
    charge: (groups, listener) => {
      for (const group of groups) {
        const [first] = group.charges;
        if (first !== undefined) Object.assign(first, { degraded: 'breaker', after: 1 });
        group.failure = group.charges.length > 1 ? { code: 'unavailable', text: 'gone' } : null;
      }
      listener.settled(groups);
    },
  };
  const headerNames = { limit: 'L', remaining: 'R', reset: 'T' };

  it('a part that failed leaves what the others read as it is', () => {
    const store: Pick<CounterStore, 'charge'> = {
      charge: (groups, listener) => {
        for (const group of groups) {
          const [served, ...failed] = group.charges;
          if (served !== undefined) served.after = 99;
          const failure = { code: 'unavailable', text: 'gone' } as const;
          group.failure = { ...failure, parts: [{ ...group, charges: failed, failure }] };
        }
        listener.settled(groups);
      },
    };
    // Over is over, whatever the other would have said.
    expect(words(world({ store }).ask('two=a;one=1'))).toBe('OVER | OVER 0 | OK 0');
  });

  it('a degraded answer says so in headers and metadata, and is counted by its own hits', () => {
    const its = world({ store: gone, headerNames, addsMetadata: true });
    const answer = its.ask('two=a', { hitsAddend: 2 }) as Answer;
    expect(answer.responseHeaders?.at(-1)).toEqual({
      key: 'x-ratelimit-degraded',
      value: 'breaker',
    });
    expect(answer.dynamicMetadata).toMatchObject({ degraded: 'breaker' });
    expect(its.stats.get('two')).toMatchObject({ totalHits: 2, withinLimit: 2, overLimit: 0 });
  });

  it('one descriptor that fails fails the call', () => {
    expect(words(world({ store: gone }).ask('two=a;one=a'))).toBe('store: gone');
  });

  it('a descriptor that is known to be over is answered all the same', () => {
    const overLimitCache = new OverLimitCache(10_000);
    const its = world({ overLimitCache });
    its.ask('one=a', { hitsAddend: 2 });
    const later = world({ overLimitCache, store: gone });
    expect(words(later.ask('one=a;two=a;two=b'))).toBe('OVER | OVER 0 | OK 1 | OK 0');
  });
});
