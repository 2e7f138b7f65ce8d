/** Keys and requests as long as a caller likes: bounded in Redis, in a call and in the queue. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { Unit } from '../../../src/core/rules/unit.ts';
import type { CommandWriter } from '../../../src/counters/redis/command-writer.ts';
import { boundedKey, KEY_CHARACTERS_MAX } from '../../../src/counters/redis/counter-key.ts';
import { RedisConnection } from '../../../src/counters/redis/redis-connection.ts';
import { completeOptions } from '../../../src/counters/redis/redis-options.ts';
import type { StoreFailure } from '../../../src/limiter/counter-store.ts';
import { ask, askOne, group, readings, stopGroup } from '../../contract/charges.ts';
import { until } from '../../support/child.ts';
import { counterKeys, startRig } from './rig.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const long = (rest: string, length = 5000) => 'k'.repeat(length) + rest;

test.each([
  ['at the bound', 'k'.repeat(1024), 'k'.repeat(1024)],
  [
    'beyond it',
    `${'k'.repeat(1024)}x`,
    `${'k'.repeat(1024)}#sha256:${sha256(`${'k'.repeat(1024)}x`)}`,
  ],
  ['of two bytes', 'ж'.repeat(2000), `${'ж'.repeat(1024)}#sha256:${sha256('ж'.repeat(2000))}`],
])('an exact key %s is sent bounded', async (_, key, sent) => {
  await using rig = await startRig();
  expect(await askOne(rig.store, { key })).toBe('0>1');
  expect(readings(await ask(rig.store, [stopGroup({ key }, { key: 'a' })]))).toEqual([
    ['1>2', '0>1'],
  ]);
  expect(await counterKeys(rig.redis)).toEqual(['a', sent].sort());
});

test('a key spelled like a shortened one has a counter of its own', async () => {
  await using rig = await startRig();
  const key = long('x');
  const spelled = boundedKey(key);
  expect(spelled.length).toBeGreaterThan(KEY_CHARACTERS_MAX);
  await askOne(rig.store, { key, hits: 5 });
  expect(await askOne(rig.store, { key: spelled })).toBe('0>1');
  expect(await askOne(rig.store, { key })).toBe('5>6');
});

test('a cut through a surrogate pair keeps two keys apart', async () => {
  await using rig = await startRig();
  const [a, b] = ['🫖', '🫗'].map((pair) => 'k'.repeat(KEY_CHARACTERS_MAX - 1) + pair);
  const groups = [group({ key: a as string, hits: 3 }, { key: b as string })];
  expect(readings(await ask(rig.store, groups))).toEqual([['0>3', '0>1']]);
});

test("a long key of the reference's format stays the reference's own", async () => {
  await using rig = await startRig({ keyFormat: 'reference', now: () => 0 });
  const key = long('_');
  const groups = [
    group({ key, unit: Unit.HOUR }, { key, unit: Unit.HOUR }),
    stopGroup({ key, unit: Unit.HOUR, limit: 99 }, { key: 'a_', unit: Unit.HOUR }),
  ];
  expect(readings(await ask(rig.store, groups))).toEqual([
    ['0>1', '1>2'],
    ['2>3', '0>1'],
  ]);
  expect((await rig.redis.keys('k*'))[0]).toBe(`${key}0`);
});

test('a call holds so many characters; a request beyond them goes alone', async () => {
  await using rig = await startRig({ charactersPerCallMax: 3 * (5001 + 128) });
  const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((rest) => long(rest));
  keys.splice(3, 0, long('x', 50_000));
  const asked = keys.map((key) => ask(rig.store, [group({ key })]));
  for (const its of await Promise.all(asked)) expect(readings(its)).toEqual([['0>1']]);
  // a b c, x, d e f, g
  expect(rig.store.calls).toBe(4);
});

test('what one charge brings is cut by characters too, and settles as one', async () => {
  await using rig = await startRig({ charactersPerCallMax: 2 * (5001 + 128) });
  const groups = ['a', 'b', 'c', 'd', 'e'].map((rest) => group({ key: long(rest) }));
  groups.splice(1, 0, group({ key: long('x', 50_000) }));
  expect(await ask(rig.store, groups)).toBe(groups);
  expect(readings(groups)).toEqual(groups.map(() => ['0>1']));
  // a, x, b c, d e
  expect(rig.store.calls).toBe(4);
});

test('beyond the characters that may wait a charge fails at once; alone it never does', async () => {
  await using rig = await startRig({ groupsQueuedMax: 10 });
  const first = ask(rig.store, [group({ key: long('a', 50_000) })]);
  const late = [group({ key: 'b' })];
  let isSettled = false;
  rig.store.charge(late, {
    settled: () => {
      isSettled = true;
    },
  });
  expect(isSettled).toBe(true);
  expect(late[0]?.failure).toEqual({
    code: 'overloaded',
    text: 'redis: requests of 20480 characters wait already',
  });
  expect(rig.store.overloads).toBe(1);
  expect(readings(await first)).toEqual([['0>1']]);
  expect(await askOne(rig.store, { key: 'b' })).toBe('0>1');
});

test('characters that were taken or timed out no longer wait', async () => {
  await using rig = await startRig({ groupsQueuedMax: 10, timeoutMs: 100, silenceMaxMs: 60_000 });
  rig.server.freeze();
  const sent = ask(rig.store, [group({ key: 'a' })]);
  await until(
    () => rig.store.calls,
    (calls) => calls === 1,
  );
  const waits = [long('b', 9000), long('c', 9000)].map((key) => ask(rig.store, [group({ key })]));
  expect(await askOne(rig.store, { key: long('d', 9000) })).toBe('overloaded');
  for (const its of [sent, ...waits]) expect(readings(await its)).toEqual([['timeout']]);
  rig.server.thaw();
  const again = [long('e', 9000), long('f', 9000)].map((key) => ask(rig.store, [group({ key })]));
  expect((await Promise.all(again)).every(([its]) => its?.failure?.code !== 'overloaded')).toBe(
    true,
  );
});

test('a call that is too long fails, and the connection serves on', async () => {
  await using rig = await startRig();
  const address = { host: '127.0.0.1', port: rig.server.port };
  // Writing so much may keep a busy machine longer than a Redis may be silent.
  const options = completeOptions({ address, keyFormat: 'exact', silenceMaxMs: 60_000 });
  const connection = new RedisConnection(options, () => {});
  await connection.start();
  const part = 'k'.repeat(2 ** 20);
  const send = (args: readonly string[]) =>
    new Promise<StoreFailure | null | undefined>((resolve) => {
      const listener = { replied: () => resolve(undefined), failed: resolve };
      const encode = (to: CommandWriter): void => {
        for (const argument of args) to.text(argument);
      };
      connection.call({ encode }, listener);
    });
  expect(await send(['64', ...Array.from({ length: 64 }, () => part)])).toEqual({
    code: 'overloaded',
    text: 'redis: not sent: a command of more than 67108864 bytes',
  });
  expect(await send(['0', '', '', '', '0', '0'])).toBeUndefined();
  await connection.close();
});
