/** Domains that say `charge: all_or_nothing`: what is charged, answered, counted and remembered. */
import { describe, expect, it } from 'vitest';
import { Unit } from '../../src/core/rules/unit.ts';
import type { Answer } from '../../src/core/verdict/answer.ts';
import { Check } from '../../src/core/verdict/check.ts';
import type { ChargeGroup } from '../../src/limiter/counter-store.ts';
import type { LimiterOptions } from '../../src/limiter/limiter.ts';
import { OverLimitCache } from '../../src/limiter/over-limit-cache.ts';
import { type TestDescriptor, testDescriptor } from '../support/rules.ts';
import { type World, words, worldOf } from './world.ts';

const WHOLE = { chargesWhole: true } as const;
const rules: TestDescriptor[] = [
  { key: 'one', limit: '1/hour', ...WHOLE },
  { key: 'ten', limit: '10/hour', ...WHOLE },
  { key: 'none', limit: '0/hour', ...WHOLE },
  { key: 'shadow', limit: '1/hour', shadowMode: true, ...WHOLE },
  { key: 'quota', limit: '1/hour', quotaMode: true, ...WHOLE },
  { key: 'free', limit: 'unlimited', ...WHOLE },
];
const world = (options: Partial<LimiterOptions> = {}): World => worldOf(rules, options);
const cached = (): World => world({ overLimitCache: new OverLimitCache(10_000) });

/** What a store does by itself with a reservation. */
function givenBack(scope: string, rest: string, hits: number): Omit<ChargeGroup, 'failure'> {
  const name = { key: scope + rest, scope, rest };
  const charge = Object.assign(new Check(), { ...name, unit: Unit.HOUR, hits, isRefund: true });
  return { charges: [charge], policy: 0, deadlineMs: 0, requestId: '' };
}

/** What is left of a limit, read without a charge. */
function left(its: World, text: string): number | undefined {
  const answer = its.ask('', { descriptors: [testDescriptor(text, { hitsAddend: 0 })] }) as Answer;
  return answer.statuses[0]?.remaining;
}

describe('a request of several descriptors', () => {
  it('charges all when all pass', () => {
    const its = world();
    expect(words(its.ask('one=a;ten=a;free=1;nothing=1'))).toBe(
      'OK | OK 0 | OK 9 | OK 4294967295 | OK -',
    );
  });

  it.each<[string, string, string]>([
    ['one=a;ten=a', 'one is over', 'OVER | OVER 0 | OK 10'],
    ['ten=a;one=a', 'a later one is over', 'OVER | OK 10 | OVER 0'],
    ['none=a;ten=a', 'one is banned', 'OVER | OVER 0 | OK 10'],
    ['one=b;one=b;ten=a', 'two fit one counter singly', 'OVER | OK 1 | OVER 0 | OK 10'],
  ])('charges none of %s when %s', (text, _when, want) => {
    const its = world();
    its.ask('one=a');
    expect(words(its.ask(text))).toBe(want);
    expect(left(its, 'ten=a')).toBe(10);
    expect(left(its, 'one=b')).toBe(1);
  });

  it('takes nothing of what is left when its hits do not fit, and a smaller one passes', () => {
    const its = world();
    its.ask('ten=a', { hitsAddend: 8 });
    expect(words(its.ask('ten=a', { hitsAddend: 3 }))).toBe('OVER | OVER 0');
    expect(words(its.ask('ten=a', { hitsAddend: 2 }))).toBe('OK | OK 0');
  });

  it('holds for overrides of the request', () => {
    const its = world();
    const limit = { requestsPerUnit: 1, unit: 3 };
    const descriptors = [testDescriptor('any=1', { limit }), testDescriptor('ten=a')];
    expect(words(its.ask('', { descriptors }))).toBe('OK | OK 0 | OK 9');
    expect(words(its.ask('', { descriptors }))).toBe('OVER | OVER 0 | OK 9');
  });

  it('makes refunds either way', () => {
    const its = world();
    its.ask('one=a;ten=a');
    const refund = testDescriptor('ten=a', { isNegativeHits: true });
    const descriptors = [testDescriptor('one=a'), refund];
    expect(words(its.ask('', { descriptors }))).toBe('OVER | OVER 0 | OK 10');
  });

  it('goes before STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT', () => {
    const its = world({ stopsWhenOver: true });
    its.ask('one=a');
    its.ask('one=a;ten=a');
    const descriptors = [testDescriptor('one=a', { isNegativeHits: true })];
    expect(words(its.ask('', { descriptors }))).toBe('OK | OK 1');
  });
});

describe('rules that turn nobody away', () => {
  it.each<[string, Partial<LimiterOptions>, string]>([
    ['shadow', {}, 'OK | OK 0 | OK 8'],
    ['quota', {}, 'OVER | OVER 0 | OK 8'],
    ['one', { isShadowForAll: true }, 'OK | OVER 0 | OK 8'],
    ['one', { isQuotaForAll: true }, 'OK | OVER 0 | OK 8'],
  ])('%s with %j keeps nobody from being charged', (key, options, want) => {
    const its = world(options);
    its.ask(`${key}=a;ten=a`);
    expect(words(its.ask(`${key}=a;ten=a`))).toBe(want);
    expect(its.stats.get(key)).toMatchObject({ totalHits: 2, withinLimit: 1, overLimit: 1 });
  });

  it('are not charged when another turns the request away, and count nothing', () => {
    const its = world();
    its.ask('one=a');
    expect(words(its.ask('one=a;shadow=a'))).toBe('OVER | OVER 0 | OK 1');
    expect(its.stats.get('shadow')).toMatchObject({ totalHits: 1, withinLimit: 0, shadowMode: 0 });
  });
});

describe('the statistics of a request that was turned away', () => {
  it('count what was asked, and as over all hits of what was over', () => {
    const its = world();
    its.ask('ten=a', { hitsAddend: 9 });
    its.ask('ten=a;one=a', { hitsAddend: 3 });
    const before = { withinLimit: 9, nearLimit: 1 };
    expect(its.stats.get('ten')).toMatchObject({ ...before, totalHits: 12, overLimit: 3 });
    expect(its.stats.get('one')).toMatchObject({ totalHits: 3, withinLimit: 0, overLimit: 3 });
    its.ask('none=a;ten=a');
    expect(its.stats.get('ten')).toMatchObject({ ...before, totalHits: 13, overLimit: 3 });
  });
});

describe('the over-limit cache', () => {
  it('answers for a counter at its limit, and then nothing else is charged', () => {
    const its = cached();
    its.ask('one=a');
    its.ask('one=a');
    const before = its.charged();
    expect(words(its.ask('one=a;ten=a'))).toBe('OVER | OVER 0 | OK 10');
    expect(its.charged() - before).toBe(1);
    expect(its.stats.get('one')).toMatchObject({ overLimit: 2, overLimitWithLocalCache: 1 });
    expect(its.stats.get('ten')).toMatchObject({ totalHits: 1, withinLimit: 0 });
    expect(left(its, 'ten=a')).toBe(10);
  });

  it('asks again after a second: another request may have reserved and given back', () => {
    const its = cached();
    its.ask('ten=a', { hitsAddend: 10 });
    its.ask('ten=a');
    its.clock += 999;
    const known = its.ask('ten=a') as Answer;
    expect([its.charged(), known.statuses[0]?.resetSeconds]).toEqual([2, 3600]);
    const group = { ...givenBack('h1:d,3:ten=', 'a', 5), failure: null };
    its.store.charge([group], { settled: () => {} });
    expect(words(its.ask('ten=a'))).toBe('OVER | OVER 0');
    its.clock += 1;
    expect(words(its.ask('ten=a'))).toBe('OK | OK 4');
  });

  it('still asks for a peek at the limit, which passes', () => {
    const its = cached();
    its.ask('one=a');
    its.ask('one=a');
    const descriptors = [testDescriptor('one=a', { hitsAddend: 0 })];
    expect(words(its.ask('', { descriptors }))).toBe('OK | OK 0');
  });

  it('does not take a refused request for one that was counted', () => {
    const its = cached();
    its.ask('ten=a', { hitsAddend: 9 });
    expect(words(its.ask('ten=a', { hitsAddend: 5 }))).toBe('OVER | OVER 0');
    expect(words(its.ask('ten=a'))).toBe('OK | OK 0');
    expect(words(its.ask('ten=a'))).toBe('OVER | OVER 0');
  });

  it('knows a banned counter, and lets a rule in shadow mode stop nobody', () => {
    const its = cached();
    its.ask('none=a');
    const before = its.charged();
    its.ask('none=a');
    expect(its.charged()).toBe(before);
    for (let asked = 0; asked < 3; asked += 1) its.ask('shadow=a;ten=a');
    expect(left(its, 'ten=a')).toBe(7);
  });

  it('is silent on a request with an id, which may be a retry of one that passed', () => {
    const its = cached();
    expect(words(its.ask('one=a', { requestId: 'r' }))).toBe('OK | OK 0');
    its.ask('one=a');
    expect(words(its.ask('one=a'))).toBe('OVER | OVER 0');
    expect(words(its.ask('one=a', { requestId: 'r' }))).toBe('OK | OK 0');
  });

  it('learns nothing from a retry that is answered as in the window before', () => {
    const its = cached();
    its.clock += 3_600_000 - 1000;
    its.ask('one=a');
    expect(words(its.ask('one=a', { requestId: 'r' }))).toBe('OVER | OVER 0');
    its.clock += 2000;
    expect(words(its.ask('one=a', { requestId: 'r' }))).toBe('OVER | OVER 0');
    expect(words(its.ask('one=a'))).toBe('OK | OK 0');
  });
});

describe('a store that cannot serve', () => {
  it('is answered for by failure modes, and what another turned away counts nothing', () => {
    const its = world({
      store: {
        charge: (groups, listener) => {
          for (const { charges } of groups) {
            for (const each of charges) {
              const isOver = each.key.includes('one');
              Object.assign(each, { degraded: 'timeout', after: isOver ? each.limit + 1 : 0 });
            }
          }
          listener.settled(groups);
        },
      },
    });
    expect(words(its.ask('one=a;ten=a'))).toBe('OVER | OVER 0 | OK 10');
    expect(its.stats.get('one')).toMatchObject({ totalHits: 1, withinLimit: 0, overLimit: 1 });
    expect(its.stats.get('ten')).toMatchObject({ totalHits: 1, withinLimit: 0, overLimit: 0 });
    expect(words(its.ask('ten=a'))).toBe('OK | OK 10');
    expect(its.stats.get('ten')).toMatchObject({ totalHits: 2, withinLimit: 1 });
  });
});
