/**
 * The rights that docs/redis.md tells operators to grant are enough for everything that a store
 * does, and none of them is too many.
 */
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { RedisCounterStore } from '../../../src/counters/redis/redis-counter-store.ts';
import type { RedisEvent, RedisStoreOptions } from '../../../src/counters/redis/redis-options.ts';
import { ask, askOne, group, readings, stopGroup, wholeGroup } from '../../contract/charges.ts';
import { type RedisServer, startRedis } from '../../support/redis-server.ts';
import { counterKeys } from './rig.ts';

const page = readFileSync(new URL('../../../docs/redis.md', import.meta.url), 'utf8');
const [line = ''] = /^ACL SETUSER .*\+evalsha.*$/m.exec(page) ?? [];
const [userName = '', ...rules] = line.split(' ').slice(2);
const PREFIX = 'weir:';

async function grant(server: RedisServer, rights: readonly string[]): Promise<Redis> {
  const admin = new Redis(server.port, { retryStrategy: () => null });
  admin.on('error', () => {});
  await admin.acl('SETUSER', userName, 'reset', ...rights);
  return admin;
}

async function open(server: RedisServer, options: Partial<RedisStoreOptions> = {}) {
  const store = new RedisCounterStore({
    address: { host: '127.0.0.1', port: server.port },
    keyFormat: 'exact',
    keyPrefix: PREFIX,
    timeoutMs: 5000,
    username: userName,
    password: 'password',
    ...options,
  });
  await store.start();
  return store;
}

/** Everything there is to ask: hits, refunds, peeks, dependent charges, a request that is known. */
async function askAll(store: RedisCounterStore): Promise<readonly string[]> {
  const key = `${PREFIX}k`;
  const groups = [
    group({ key, hits: 3 }),
    group({ key, hits: 1, isRefund: true }),
    group({ key, hits: 0 }),
    wholeGroup({ key, hits: 1 }, { key: `${PREFIX}m`, hits: 1 }),
    { ...group({ key, hits: 1 }), requestId: 'r1' },
  ];
  const asked = await ask(store, groups);
  return readings(asked).flat();
}

describe.each(['exact', 'reference'] as const)('with %s keys', (keyFormat) => {
  test('the rights of the page are enough', async () => {
    await using server = await startRedis();
    const admin = await grant(server, rules);
    const store = await open(server, { keyFormat });
    const seen = await askAll(store);
    expect(seen.filter((reading) => !reading.includes('>'))).toEqual([]);
    await admin.script('FLUSH');
    expect((await askAll(store)).every((reading) => reading.includes('>'))).toBe(true);
    const log = (await admin.call('ACL', 'LOG')) as unknown[];
    expect(log).toEqual([]);
    await store.close();
    admin.disconnect();
  });
});

test('keys with another prefix are out of its reach', async () => {
  await using server = await startRedis();
  const admin = await grant(server, rules);
  const store = await open(server);
  expect(await askOne(store, { key: 'other' })).toBe('refused');
  await store.close();
  admin.disconnect();
});

/** Needed now and then only: at the edge of a window, for a counter to mend, by other keys. */
const RARE = ['+del', '+pttl', '+expire'];
/** The client warns on its own where it may not ask for INFO, and goes on. */
const WARNED = ['+info'];
const commands = rules.filter(
  (rule) => rule.startsWith('+') && ![...RARE, ...WARNED].includes(rule),
);
test.each(commands)('without %s something is refused', async (command) => {
  await using server = await startRedis();
  // Denied, rather than left out, so that the rest stays as the page says.
  const admin = await grant(server, [...rules, command.replace('+', '-')]);
  const store = await open(server);
  await admin.script('FLUSH');
  await askAll(store);
  const log = JSON.stringify(await admin.call('ACL', 'LOG'));
  expect(log).toContain(command.slice(1));
  await store.close();
  admin.disconnect();
});

const WITHOUT: [string, 'exact' | 'reference'][] = [
  ['+pexpireat', 'exact'],
  ['+expire', 'reference'],
  ['+set', 'exact'],
  ['+set', 'reference'],
];
test.each(WITHOUT)('without %s no count of %s keys is left behind', async (right, keyFormat) => {
  await using server = await startRedis();
  const admin = await grant(server, [...rules, right.replace('+', '-')]);
  const seen: string[] = [];
  const onEvent = (event: RedisEvent) => seen.push(event.row?.name ?? event.kind);
  const store = await open(server, { keyFormat, keyPrefix: PREFIX, onEvent });
  const key = `${PREFIX}k`;
  const groups = await ask(store, [
    group({ key, hits: 3 }),
    wholeGroup({ key: `${PREFIX}m` }),
    stopGroup({ key: `${PREFIX}n` }, { key: `${PREFIX}o` }),
  ]);
  expect(readings(groups)).toEqual([['refused'], ['refused'], ['refused']]);
  expect(seen).toContain('noperm');
  expect(await counterKeys(admin, PREFIX)).toEqual([]);
  await store.close();
  admin.disconnect();
});

test('without +set nothing is given back either', async () => {
  await using server = await startRedis();
  const admin = await grant(server, [...rules, '-set']);
  const store = await open(server);
  await admin.set(`${PREFIX}k`, 5, 'EX', 60);
  expect(await askOne(store, { key: `${PREFIX}k`, isRefund: true })).toBe('refused');
  expect(await admin.get(`${PREFIX}k`)).toBe('5');
  await store.close();
  admin.disconnect();
});

test('a database by its number takes +select', async () => {
  await using server = await startRedis();
  const admin = await grant(server, rules);
  const refused = new RedisCounterStore({
    address: { host: '127.0.0.1', port: server.port },
    keyFormat: 'exact',
    username: userName,
    password: 'password',
    db: 2,
    startMaxMs: 300,
  });
  await expect(refused.start()).rejects.toThrow(/NOPERM .*select/);
  await refused.close();
  await admin.acl('SETUSER', userName, '+select');
  const store = await open(server, { db: 2 });
  expect(await askOne(store, { key: `${PREFIX}k` })).toBe('0>1');
  await admin.select(2);
  expect(await admin.get(`${PREFIX}k`)).toBe('1');
  await store.close();
  admin.disconnect();
});

test('a database that is not there is told of, and no other is counted in', async () => {
  await using server = await startRedis({ args: ['--databases', '1'] });
  const store = new RedisCounterStore({
    address: { host: '127.0.0.1', port: server.port },
    keyFormat: 'exact',
    db: 5,
    startMaxMs: 300,
  });
  await expect(store.start()).rejects.toThrow(/DB index is out of range/);
  expect(store.isHealthy).toBe(false);
  await store.close();
});
