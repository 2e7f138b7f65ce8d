/** A Redis that answers, but not with what was asked for: each kind of refusal under load. */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { pause } from '../support/child.ts';
import { freePort } from '../support/free-ports.ts';
import { startRedis } from '../support/redis-server.ts';
import { FORM } from './form.ts';
import { expectAccountedFor, expectAllCounted, expectCounts, expectKept } from './promise.ts';
import {
  answersByUser,
  answersOf,
  countsOf,
  onePhase,
  order,
  recoveryMs,
  startShop,
  USERS,
  underLoad,
  userOf,
  wellAgain,
} from './scene.ts';

const USER = 'weir';
const PASSWORD = randomUUID();

interface Row {
  readonly name: string;
  /** What a test's own user does to Redis, and undoes. */
  readonly cause: (redis: Redis) => Promise<unknown>;
  readonly end: (redis: Redis) => Promise<unknown>;
  /** Of degraded answers; a busy machine adds others. */
  readonly reason: string;
}

const rows: Row[] = [
  {
    name: 'OOM',
    cause: (redis) => redis.config('SET', 'maxmemory', '1'),
    end: (redis) => redis.config('SET', 'maxmemory', '0'),
    reason: 'refused',
  },
  {
    name: 'READONLY',
    cause: async (redis) => redis.replicaof('127.0.0.1', await freePort()),
    end: (redis) => redis.replicaof('NO', 'ONE'),
    reason: 'unavailable',
  },
  {
    name: 'a right taken away',
    cause: (redis) => redis.call('ACL', 'SETUSER', USER, '-evalsha', '-eval'),
    end: (redis) => redis.call('ACL', 'SETUSER', USER, '+evalsha', '+eval'),
    reason: 'refused',
  },
  {
    name: 'NOREPLICAS',
    cause: (redis) => redis.config('SET', 'min-replicas-to-write', '1'),
    end: (redis) => redis.config('SET', 'min-replicas-to-write', '0'),
    reason: 'unavailable',
  },
  {
    name: 'BUSY with a script of somebody else',
    cause: async (redis) => {
      const other = redis.duplicate();
      const ended = other.call('EVAL', 'while true do end', '0').catch(() => {});
      void ended.then(() => other.disconnect());
      await pause(FORM.phaseMs / 10);
    },
    end: (redis) => redis.call('SCRIPT', 'KILL'),
    reason: 'unavailable',
  },
];

/** Scripts of others are answered for with BUSY soon; users and their rights come with the start. */
const ARGS = ['--busy-reply-threshold', '50', '--user', USER, 'on', `>${PASSWORD}`, '~*', '+@all'];

test.each(rows)(
  '$name: every call is answered in time, and afterwards Redis has each hit once',
  async ({ name, cause, end, reason }) => {
    await using redis = await startRedis({ args: ARGS });
    const env = { REDIS_AUTH: `${USER}:${PASSWORD}` };
    await using service = await startShop({ redisPort: redis.port, env });
    let [causedMs, endedMs] = [0, 0];
    const scene = await underLoad({ service }, () =>
      order(redis.port, async (client) => {
        causedMs = performance.now();
        await cause(client);
        await onePhase();
        await end(client);
        endedMs = performance.now();
        await wellAgain(service);
      }),
    );
    expectKept(scene, { row: name, recoveryMs: recoveryMs(scene.report, causedMs, endedMs) });
    expect(scene.report.summary().degraded[reason]).toBeGreaterThan(0);
    expectAllCounted(scene, await countsOf(redis.port));
    expectAccountedFor(scene);
  },
  FORM.testMsMax,
);

test(
  'scripts that are flushed again and again are brought along, and no call is degraded for it',
  async () => {
    await using redis = await startRedis();
    await using service = await startShop({ redisPort: redis.port });
    let flushes = 0;
    const scene = await underLoad({ service }, () =>
      order(redis.port, async (client) => {
        const endMs = performance.now() + FORM.phaseMs;
        for (; performance.now() < endMs; flushes += 1) {
          await client.script('FLUSH', 'SYNC');
          await pause(1);
        }
      }),
    );
    expectKept(scene, { row: 'SCRIPT FLUSH without end' });
    const { degraded } = scene.report.summary();
    expect(degraded['refused']).toBeUndefined();
    expect(flushes).toBeGreaterThan(50);
    const noscripts = scene.watch.last.sum('weir_redis_errors_total', 'class="noscript"');
    expect(noscripts).toBeGreaterThan(0);
    expectAllCounted(scene, await countsOf(redis.port));
  },
  FORM.testMsMax,
);

test(
  'keys of other types cost their own counters alone',
  async () => {
    await using redis = await startRedis();
    await using service = await startShop({ redisPort: redis.port });
    const isHit = (user: number | null): boolean => user !== null && user % 10 === 3;
    const scene = await underLoad({ service }, () =>
      order(redis.port, async (client) => {
        const keys = await client.keys('*user-*3');
        for (const key of keys) await client.multi().del(key).hset(key, 'a', '1').exec();
        expect(keys).toHaveLength(USERS / 10);
        await onePhase();
        await client.del(keys);
        await onePhase();
      }),
    );
    expectKept(scene, { row: 'WRONGTYPE' });
    const refused = [...answersOf(scene.report)].filter(({ degraded }) => degraded === 'refused');
    expect(new Set(refused.map(({ call }) => isHit(userOf(call))))).toEqual(new Set([true]));
    const { replayed, confirmed, lost, unknown } = scene.watch.last.local;
    const admitted = [...answersOf(scene.report)].filter(({ degraded }) => degraded !== null);
    expect({ unknown, all: replayed + confirmed + lost }).toEqual({
      unknown: 0,
      all: admitted.length,
    });
    const asked = answersByUser(scene.report, () => true);
    const counted = await countsOf(redis.port);
    const others = (counts: readonly number[]) => counts.filter((_, user) => !isHit(user));
    expectCounts(others(counted), others(asked));
  },
  FORM.testMsMax,
);
