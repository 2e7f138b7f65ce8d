/** What the store leaves in Redis, and what it makes of counters that others left there. */
import { expect, test } from 'vitest';
import { UNIT_SECONDS, Unit } from '../../../src/core/rules/unit.ts';
import { ask, askOne, group, readings, stopGroup } from '../../contract/charges.ts';
import { counterKeys, startRig } from './rig.ts';

test('a counter is one key under the very name, and expires with its window', async () => {
  await using rig = await startRig();
  const units = Object.values(Unit).filter((unit) => unit !== Unit.UNKNOWN);
  const groups = await ask(
    rig.store,
    units.map((unit) => group({ key: `k\0${unit}`, unit })),
  );
  for (const its of groups) {
    const { key, unit, resetMs } = its.charges[0] as (typeof its.charges)[number];
    if (unit === Unit.SECOND) continue;
    const ttl = await rig.redis.pttl(key);
    expect(ttl).toBeGreaterThan(resetMs - 1000);
    expect(ttl).toBeLessThanOrEqual(resetMs);
  }
  expect(await rig.redis.dbsize()).toBeGreaterThanOrEqual(6);
});

test('charging again leaves the expiry as it is', async () => {
  await using rig = await startRig();
  await askOne(rig.store, { key: 'k' });
  const at = await rig.redis.pexpiretime('k');
  await ask(rig.store, [group({ key: 'k', hits: 9 }, { key: 'k', hits: 3, isRefund: true })]);
  await ask(rig.store, [stopGroup({ key: 'k' }, { key: 'l' })]);
  expect(await rig.redis.pexpiretime('k')).toBe(at);
  expect(await rig.redis.pexpiretime('l')).toBe(at);
});

test('peeks and refunds of absent counters create nothing', async () => {
  await using rig = await startRig();
  const absent = [
    { key: 'a', hits: 0 },
    { key: 'b', hits: 3, isRefund: true },
  ];
  await ask(rig.store, [group(...absent), stopGroup(...absent)]);
  expect(await counterKeys(rig.redis)).toEqual([]);
});

test('over the edge of a window the count begins anew, just where the reset says so', async () => {
  await using rig = await startRig();
  const unit = Unit.SECOND;
  let last = { after: 0, resetMs: 0 };
  let edges = 0;
  const until = performance.now() + 2300;
  while (performance.now() < until) {
    const [its] = await ask(rig.store, [group({ key: 'k', unit })]);
    const { before, after, resetMs } = its?.charges[0] ?? { before: -1, ...last };
    // A reset that is further away than the last: a new window.
    const isNew = resetMs > last.resetMs;
    if (isNew) edges += 1;
    expect([before, after]).toEqual(isNew ? [0, 1] : [last.after, last.after + 1]);
    last = { after, resetMs };
  }
  expect(edges).toBeGreaterThanOrEqual(3);
});

test('new counters made in each ms of a second are all there one charge later', async () => {
  await using rig = await startRig();
  const unit = Unit.SECOND;
  const lost: string[] = [];
  const until = performance.now() + 2100;
  for (let id = 0; performance.now() < until; id += 1) {
    const [first] = await ask(rig.store, [group({ key: `k${id}`, unit })]);
    const [second] = await ask(rig.store, [group({ key: `k${id}`, unit })]);
    const [one, two] = [first?.charges[0], second?.charges[0]];
    const isSameWindow = (two?.resetMs as number) <= (one?.resetMs as number);
    const expected = isSameWindow ? '1>2' : '0>1';
    const got = `${two?.before}>${two?.after}`;
    if (got !== expected) lost.push(`${got} at ${one?.resetMs}, then ${two?.resetMs}`);
  }
  expect(lost).toEqual([]);
});

test('in the first ms of a window the counters of the one before are gone', async () => {
  await using rig = await startRig();
  let firstMs = '';
  // A busy machine may miss that ms; it comes every second.
  for (let attempt = 0; firstMs === '' && attempt < 20; attempt += 1) {
    const [seconds] = await rig.redis.time();
    const end = (Number(seconds) + 1) * 1000;
    // As the store leaves it: Redis still shows it at `end`.
    await rig.redis.set('k', 100, 'PXAT', end);
    for (let resetMs = 1000, before = 1000; resetMs <= before; ) {
      before = resetMs;
      const [its] = await ask(rig.store, [group({ key: 'k', unit: Unit.SECOND })]);
      resetMs = its?.charges[0]?.resetMs as number;
      if (resetMs === 1000 && its) firstMs = readings([its])[0]?.[0] as string;
    }
  }
  expect(firstMs).toBe('0>1');
});

const foreign: [string, string, string][] = [
  ['no TTL', 'SET', '7>8'],
  ['a TTL beyond its window', 'SETEX', '7>8'],
];
test.each(foreign)('a counter with %s is counted on, and soon mended', async (_, how, expected) => {
  await using rig = await startRig();
  if (how === 'SET') await rig.redis.set('k', 7);
  else await rig.redis.setex('k', 10 * (UNIT_SECONDS[Unit.HOUR] as number), 7);
  expect(await askOne(rig.store, { key: 'k', unit: Unit.HOUR })).toBe(expected);
  let resetMs = 0;
  for (let calls = 0; calls < 2000; calls += 1) {
    const [its] = await ask(rig.store, [group({ key: 'k', unit: Unit.HOUR, hits: 0 })]);
    resetMs = its?.charges[0]?.resetMs as number;
    const ttl = await rig.redis.pttl('k');
    if (ttl > 0 && ttl <= resetMs) break;
  }
  const ttl = await rig.redis.pttl('k');
  expect(ttl).toBeGreaterThan(0);
  expect(ttl).toBeLessThanOrEqual(resetMs);
});

test('a negative count is read as 0, and counted from there', async () => {
  await using rig = await startRig();
  await rig.redis.set('k', -5);
  expect(await askOne(rig.store, { key: 'k', hits: 0 })).toBe('0>0');
  expect(await askOne(rig.store, { key: 'k', hits: 2, isRefund: true })).toBe('0>0');
  expect(await askOne(rig.store, { key: 'k', hits: 3 })).toBe('0>3');
  expect(await rig.redis.get('k')).toBe('3');
});

test('a count beyond COUNT_MAX is read as COUNT_MAX', async () => {
  await using rig = await startRig();
  const max = String(Number.MAX_SAFE_INTEGER);
  await rig.redis.set('k', '1152921504606846976');
  expect(await askOne(rig.store, { key: 'k', hits: 0 })).toBe(`${max}>${max}`);
  expect(await askOne(rig.store, { key: 'k' })).toBe(`${max}>${max}`);
  expect(await rig.redis.get('k')).toBe(max);
});

const poisons: [string, string[]][] = [
  ['a list', ['RPUSH', 'poison', 'x']],
  ['text', ['SET', 'poison', 'many']],
  ['a fraction', ['SET', 'poison', '1.5']],
  ['an overflow', ['SET', 'poison', '9223372036854775807']],
];
test.each(poisons)('a key that holds %s fails its own group only', async (_, poison) => {
  const [command, ...args] = poison;
  await using rig = await startRig();
  await rig.redis.call(command as string, args);
  const bad = { key: 'poison', hits: 2 };
  const groups = await ask(rig.store, [
    group({ key: 'a' }),
    group(bad),
    group({ key: 'a' }, bad),
    stopGroup({ key: 'b' }, { ...bad, limit: Number.MAX_SAFE_INTEGER }),
    stopGroup({ key: 'b' }, { key: 'a' }),
  ]);
  const vector = args[1] === '9223372036854775807' ? '1>2' : '0>1';
  expect(readings(groups)).toEqual([
    ['0>1'],
    ['refused'],
    ['refused'],
    ['refused'],
    [vector, '2>3'],
  ]);
  expect(groups[1]?.failure?.text).toMatch(/^redis: (WRONGTYPE|ERR) /);
  expect(rig.store.isHealthy).toBe(true);
});

test('a poisoned key fails peeks and refunds too', async () => {
  await using rig = await startRig();
  await rig.redis.rpush('poison', 'x');
  const groups = await ask(rig.store, [
    group({ key: 'poison', hits: 0 }),
    group({ key: 'poison', hits: 1, isRefund: true }),
    stopGroup({ key: 'poison', hits: 1, isRefund: true }, { key: 'a' }),
  ]);
  expect(readings(groups)).toEqual([['refused'], ['refused'], ['refused']]);
  expect(await rig.redis.exists('a')).toBe(0);
});

test('a Redis that is full refuses, and counts on what it has', async () => {
  await using rig = await startRig();
  await askOne(rig.store, { key: 'k' });
  await rig.redis.config('SET', 'maxmemory', '1');
  const groups = await ask(rig.store, [group({ key: 'k' }), group({ key: 'k', hits: 0 })]);
  expect(groups[0]?.failure?.code).toBe('refused');
  expect(groups[0]?.failure?.text).toMatch(/^redis: OOM /);
  await rig.redis.config('SET', 'maxmemory', '0');
  expect(await askOne(rig.store, { key: 'k' })).toBe('1>2');
});

test("the reference's keys carry the window's start, and live for a unit plus jitter", async () => {
  const now = Date.UTC(2026, 10, 5, 12, 30, 7, 5);
  await using rig = await startRig({
    keyFormat: 'reference',
    now: () => now,
    random: () => 0.999,
    expirationJitterMaxSeconds: 100,
  });
  const groups = await ask(rig.store, [
    group({ key: 'domain_k_v_', unit: Unit.MINUTE }),
    stopGroup({ key: 'a_', unit: Unit.HOUR }, { key: 'b_', unit: Unit.SECOND }),
  ]);
  expect(groups.flatMap(({ charges }) => charges.map(({ resetMs }) => resetMs))).toEqual([
    52_995, 1_792_995, 995,
  ]);
  const keys = {
    domain_k_v_1793881800: 60,
    a_1793880000: 3600,
    b_1793881807: 1,
  };
  expect(await counterKeys(rig.redis)).toEqual(Object.keys(keys).sort());
  for (const [key, unitSeconds] of Object.entries(keys)) {
    const ttl = await rig.redis.ttl(key);
    expect(ttl).toBeGreaterThanOrEqual(unitSeconds + 99 - 2);
    expect(ttl).toBeLessThanOrEqual(unitSeconds + 99);
  }
});

test("with the reference's keys charges and refunds renew the TTL, peeks do not", async () => {
  await using rig = await startRig({ keyFormat: 'reference', now: () => 0, random: () => 0 });
  await askOne(rig.store, { key: 'k_', unit: Unit.HOUR });
  const renewed = async (hits: number, isRefund: boolean) => {
    await rig.redis.expire('k_0', 10);
    await askOne(rig.store, { key: 'k_', unit: Unit.HOUR, hits, isRefund });
    return (await rig.redis.ttl('k_0')) > 3000;
  };
  expect(await renewed(1, false)).toBe(true);
  expect(await renewed(1, true)).toBe(true);
  expect(await renewed(0, false)).toBe(false);
});
