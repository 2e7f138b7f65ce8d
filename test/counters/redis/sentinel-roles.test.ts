/** Servers that change their mind between the look at their role and the connection to them. */
import { expect, test } from 'vitest';
import { RedisCounterStore } from '../../../src/counters/redis/redis-counter-store.ts';
import type { RedisEvent } from '../../../src/counters/redis/redis-options.ts';
import { until } from '../../support/child.ts';
import { respList, startFakeRedis } from './fake-redis.ts';

/** A sentinel that names the primary at `port`, with a replica at each of `replicas`. */
function sentinelOf(port: () => number, replicas: readonly number[] = []) {
  const server = (at: number) => ['ip', '127.0.0.1', 'port', String(at)];
  return startFakeRedis('', ([name, order]) => {
    if (name !== 'sentinel') return undefined;
    if (order === 'master') return respList([...server(port()), 'flags', 'master']);
    return `*${replicas.length}\r\n${replicas.map((at) => respList(server(at))).join('')}`;
  });
}

/** Says of itself what the next of `roles` is, and then always the last. */
function redisOf(roles: string[]) {
  return startFakeRedis('', ([name]) => {
    if (name !== 'role') return undefined;
    return respList([(roles.length > 1 ? roles.shift() : roles[0]) as string]);
  });
}

async function open(port: number) {
  const events: RedisEvent[] = [];
  const store = new RedisCounterStore({
    address: { primary: 'rl', sentinels: [{ host: '127.0.0.1', port }] },
    keyFormat: 'exact',
    startMaxMs: 10_000,
    onEvent: (event) => events.push(event),
  });
  await store.start();
  return { store, events, [Symbol.asyncDispose]: () => store.close() };
}

test('one that is a replica once connected is not ready, and is looked for again', async () => {
  await using redis = await redisOf(['master', 'slave', 'slave', 'master']);
  await using sentinel = await sentinelOf(() => redis.port);
  await using opened = await open(sentinel.port);
  expect(opened.events.map(({ kind, row, text }) => [kind, row?.name, text])).toEqual([
    ['error', 'no_primary', 'it is a slave, not a primary'],
    ['ready', undefined, 'connected'],
  ]);
});

test('one that may not be asked for its role is told of by what it said', async () => {
  await using redis = await startFakeRedis('', ([name]) =>
    name === 'role' ? '-NOPERM no right to role\r\n' : undefined,
  );
  await using sentinel = await sentinelOf(() => redis.port);
  const store = new RedisCounterStore({
    address: { primary: 'rl', sentinels: [{ host: '127.0.0.1', port: sentinel.port }] },
    keyFormat: 'exact',
    startMaxMs: 300,
  });
  await expect(store.start()).rejects.toThrow(
    `127.0.0.1:${redis.port} is named primary; 127.0.0.1:${redis.port}: NOPERM no right to role`,
  );
  await store.close();
});

test('servers that are no candidates any more are left alone', async () => {
  await using gone = await redisOf(['slave']);
  await using redis = await redisOf(['master']);
  let port = gone.port;
  await using sentinel = await sentinelOf(() => port);
  const opening = open(sentinel.port);
  await until(
    () => gone.connections,
    (count) => count > 0,
  );
  port = redis.port;
  await using opened = await opening;
  expect(opened.events.at(-1)?.address).toBe(`127.0.0.1:${redis.port}`);
  await until(
    () => gone.connections,
    (count) => count === 0,
  );
});
