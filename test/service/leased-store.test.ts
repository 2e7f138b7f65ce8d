/** Leased limits as the service puts them together. */
import { afterEach, describe, expect, test } from 'vitest';
import { HybridClock } from '../../src/core/hlc/hybrid-clock.ts';
import { leasedCounters } from '../../src/core/rules/leased-counters.ts';
import type { RuleSet } from '../../src/core/rules/rule-set.ts';
import { Unit } from '../../src/core/rules/unit.ts';
import { counterStores } from '../../src/service/counter-stores.ts';
import {
  degradedByLease,
  registerLeased,
  registerPrepaid,
} from '../../src/service/leased-metrics.ts';
import { leasedNotice } from '../../src/service/leased-notice.ts';
import { expectLeased } from '../../src/service/leased-store.ts';
import { ask, group, readings } from '../contract/charges.ts';
import { until } from '../support/child.ts';
import { logged } from '../support/logged.ts';
import { compileDomain } from '../support/rules.ts';
import { settingsOf } from '../support/settings.ts';
import { observed } from '../telemetry/observed.ts';

const toStop: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of toStop.splice(0).reverse()) await stop();
});

function storesOf(isWorker: boolean, env: Record<string, string> = {}) {
  const { telemetry, lines } = observed();
  const { logger } = logged();
  const stores = counterStores(settingsOf(env), {
    telemetry,
    logger,
    audit: () => {},
    hybrid: new HybridClock(),
    isWorker,
  });
  toStop.push(() => stores.store.close());
  return { stores, telemetry, lines };
}

const leased = { key: 'a', isLeased: true, unit: Unit.HOUR, limit: 100 };

test('a replica without any setting decides leased limits by itself, and shows it', async () => {
  const { stores, telemetry, lines } = storesOf(false);
  const { store, quota, leased: its } = stores;
  if (quota === null || its === null) throw new Error('a single process has both');
  registerLeased(telemetry, its);
  await store.start();
  await quota.start();
  toStop.push(() => quota.stop());
  // On a busy machine the first answer may take longer than a caller waits.
  await until(
    () => ask(store, [group(leased)]),
    ([settled]) => settled?.failure === null,
  );
  await ask(store, [group({ ...leased, hits: 101, failureMode: 'open' })]);
  expect(await lines('weir_quota_decisions_total{result="over"}')).toEqual([
    'weir_quota_decisions_total{result="over"} 1',
  ]);
  const [leader] = await lines('weir_quota_decisions_total{result="leader"}');
  const [share] = await lines('weir_quota_decisions_total{result="share"}');
  expect(`${leader} ${share}`).toMatch(/leader"} [01] .*share"} [01]/);
  expect(await lines('weir_quota_waiting_charges', 'weir_quota_questions_total')).toEqual([
    expect.stringMatching(/^weir_quota_questions_total [1-9]/),
    'weir_quota_waiting_charges 0',
  ]);
  expect(await lines('weir_quota_local_hits_total', 'weir_quota_wasted_hits_total')).toHaveLength(
    3,
  );
});

test('limits that the files name in full are asked for before their first request', async () => {
  const { stores } = storesOf(false);
  const { quota } = stores;
  if (quota === null) throw new Error('a single process has one');
  const limit = { requestsPerUnit: 50, unit: Unit.SECOND, isLeased: true as const };
  const domain = compileDomain('shop', [{ key: 'path', value: '/a', limit }]);
  const set = { domains: new Map([['shop', domain]]) } as unknown as RuleSet;
  expectLeased(null, set);
  expectLeased(quota, set);
  await quota.start();
  toStop.push(() => quota.stop());
  const [counter] = leasedCounters([domain], 1);
  const key = counter?.key ?? '';
  await until(
    () => quota.lessee.shareOf(key, performance.now(), Date.now())?.left,
    (left) => left === 5,
  );
  let isSettled = false;
  const first = group({ key, isLeased: true, unit: Unit.SECOND, limit: 50 });
  stores.store.charge([first], { settled: () => (isSettled = true) });
  expect([isSettled, first.failure]).toEqual([true, null]);
});

test('what failure modes answered is shown with the reason', async () => {
  const { stores } = storesOf(false);
  const { store } = stores;
  // Its group was never started: nobody answers.
  await ask(store, [group({ ...leased, failureMode: 'open' })]);
  expect(degradedByLease(stores.leased!)).toEqual([
    { labels: { mode: 'open', reason: 'lease' }, value: 1 },
  ]);
});

test('hot counters in Redis are charged ahead where that is asked for, also by a worker', async () => {
  const env = { REDIS_URL: '127.0.0.1:1', QUOTA_PROMOTE_RATE: '500', QUOTA_PROMOTED_MAX: '7' };
  const { stores, telemetry, lines } = storesOf(true, env);
  if (stores.prepaid === null) throw new Error('it was asked for');
  registerPrepaid(telemetry, stores.prepaid);
  expect(stores.store).toBe(stores.prepaid);
  expect(await lines('weir_quota_promoted_keys', 'weir_quota_prepaid_hits_total')).toEqual([
    'weir_quota_prepaid_hits_total{outcome="charged"} 0',
    'weir_quota_prepaid_hits_total{outcome="given_back"} 0',
    'weir_quota_prepaid_hits_total{outcome="lost"} 0',
    'weir_quota_prepaid_hits_total{outcome="spent"} 0',
    'weir_quota_promoted_keys 0',
  ]);
  expect(storesOf(false, { REDIS_URL: '127.0.0.1:1' }).stores.prepaid).toBe(null);
});

test('a worker counts leased limits as all others', async () => {
  const { stores } = storesOf(true);
  expect([stores.quota, stores.leased]).toEqual([null, null]);
  expect(readings(await ask(stores.store, [group(leased)]))).toEqual([['0>1']]);
});

describe('leased limits are told to the operator', () => {
  const PEERS = 'a=127.0.0.1:1,b=127.0.0.1:2,c=127.0.0.1:3';
  const REDIS = { REDIS_URL: 'localhost:6379' };
  const group3 = { QUOTA_PEERS: PEERS, QUOTA_NODE_ID: 'x' };
  const setOf = (length: number): RuleSet =>
    ({ domains: new Map([['shop', { leased: { length } }]]) }) as unknown as RuleSet;

  test.each([
    ['when several processes count them in Redis', REDIS, 2, 'WORKERS is more than 1'],
    ['when replicas beside one Redis would each have them all', REDIS, 1, 'QUOTA_PEERS'],
    ['when nobody said how many replicas there are', group3, 1, 'LOCAL_LIMITER_REPLICAS'],
    ['not where they are shared', { ...REDIS, ...group3, LOCAL_LIMITER_REPLICAS: '3' }, 1, null],
    ['not where a replica is alone', {}, 1, null],
  ])('%s', (_, env, workers, text) => {
    const { logger, lines } = logged();
    const notice = leasedNotice(settingsOf(env), workers, logger);
    for (const count of [0, 2, 3, 0, 1]) notice(setOf(count));
    expect(lines).toHaveLength(text === null ? 0 : 2);
    for (const line of lines) expect(line).toContain(text);
  });
});
