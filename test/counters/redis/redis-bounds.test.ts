/** Batches, and every bound of the store. */
import { describe, expect, test } from 'vitest';
import { RedisCounterStore } from '../../../src/counters/redis/redis-counter-store.ts';
import type { RedisStoreOptions } from '../../../src/counters/redis/redis-options.ts';
import { ask, askOne, group, readings, stopGroup } from '../../contract/charges.ts';
import { until } from '../../support/child.ts';
import { startRig } from './rig.ts';

test('what is charged in one turn of the loop goes as one call', async () => {
  await using rig = await startRig();
  const first = Array.from({ length: 100 }, () => ask(rig.store, [group({ key: 'k' })]));
  await until(
    () => rig.store.calls,
    (calls) => calls === 1,
  );
  await Promise.all(first);
  expect(rig.store.calls).toBe(1);
  expect(rig.store.charges).toBe(100);
  expect(await rig.redis.get('k')).toBe('100');
  expect(rig.store.groupsQueuedHighWater).toBe(100);
});

test('hits of one counter are sent once per batch', async () => {
  await using rig = await startRig();
  await askOne(rig.store, { key: 'k' });
  const before = (await rig.redis.info('commandstats')).match(/cmdstat_incrby:calls=(\d+)/)?.[1];
  await ask(
    rig.store,
    Array.from({ length: 50 }, () => group({ key: 'k' })),
  );
  const after = (await rig.redis.info('commandstats')).match(/cmdstat_incrby:calls=(\d+)/)?.[1];
  expect(Number(after) - Number(before)).toBe(1);
});

test('over many calls charges are dealt in order', async () => {
  await using rig = await startRig({ chargesPerCallMax: 3 });
  const asked = Array.from({ length: 40 }, () => ask(rig.store, [group({ key: 'k' })]));
  const got = (await Promise.all(asked)).map((groups) => readings(groups)[0]?.[0]);
  expect(got).toEqual(Array.from({ length: 40 }, (_, id) => `${id}>${id + 1}`));
  expect(rig.store.calls).toBe(14);
});

test('what one charge brings is cut to the size of a call, and settles as one', async () => {
  await using rig = await startRig({ chargesPerCallMax: 4 });
  const groups = Array.from({ length: 10 }, (_, id) =>
    id % 2 === 0
      ? group({ key: 'a' }, { key: 'b' })
      : stopGroup({ key: 'c' }, { key: 'a', limit: 99 }),
  );
  expect(await ask(rig.store, groups)).toBe(groups);
  expect(groups.every(({ failure }) => failure === null)).toBe(true);
  expect(rig.store.calls).toBe(5);
  expect(await rig.redis.mget('a', 'b', 'c')).toEqual(['10', '5', '5']);
});

test('a group that no call can carry is refused, the others beside it are served', async () => {
  await using rig = await startRig({ chargesPerCallMax: 2 });
  const large = group({ key: 'k' }, { key: 'k' }, { key: 'k' });
  const groups = await ask(rig.store, [group({ key: 'k' }), large, group({ key: 'k' })]);
  expect(readings(groups)).toEqual([['0>1'], ['overloaded'], ['1>2']]);
  expect(large.failure?.text).toBe('redis: 3 limits in one request, more than one call may carry');
});

test('beyond the queue a charge fails at once as overloaded', async () => {
  await using rig = await startRig({ groupsQueuedMax: 3 });
  const waiting = ask(rig.store, [group({ key: 'k' }), group({ key: 'k' })]);
  let isSettled = false;
  const late = [group({ key: 'k' }), group({ key: 'k' })];
  rig.store.charge(late, {
    settled: () => {
      isSettled = true;
    },
  });
  expect(isSettled).toBe(true);
  expect(readings(late)).toEqual([['overloaded'], ['overloaded']]);
  expect(late[0]?.failure?.text).toBe('redis: 3 requests wait already');
  expect(rig.store.overloads).toBe(1);
  const fits = ask(rig.store, [group({ key: 'k' })]);
  expect(readings([...(await waiting), ...(await fits)])).toEqual([['0>1'], ['1>2'], ['2>3']]);
});

test('a queue with a long past forgets it', async () => {
  await using rig = await startRig({ chargesPerCallMax: 100 });
  const asked = Array.from({ length: 5000 }, (_, id) =>
    ask(rig.store, [group({ key: `k${id % 9}` })]),
  );
  await Promise.all(asked);
  expect(rig.store.calls).toBe(50);
  expect(rig.store.groupsQueued).toBe(0);
});

describe('options', () => {
  const base = { address: { host: '127.0.0.1', port: 1 }, keyFormat: 'exact' } as const;
  const cases: [Partial<RedisStoreOptions>, string][] = [
    [{ timeoutMs: 0 }, 'timeoutMs must be a whole number of at least 1, not 0'],
    [{ chargesPerCallMax: 0.5 }, 'chargesPerCallMax must be a whole number of at least 1, not 0.5'],
    [
      { charactersPerCallMax: 0 },
      'charactersPerCallMax must be a whole number of at least 1, not 0',
    ],
    [{ groupsQueuedMax: -1 }, 'groupsQueuedMax must be a whole number of at least 1, not -1'],
    [{ db: -1 }, 'db must be a whole number of at least 0, not -1'],
  ];
  test.each(cases)('%o is refused', (its, text) => {
    expect(() => new RedisCounterStore({ ...base, ...its })).toThrow(text);
  });
});
