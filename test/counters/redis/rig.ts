/**
 * A Redis of the test's own, a store on it, and a plain client to look at what the store left
 * there.
 */
import { Redis } from 'ioredis';
import { RedisCounterStore } from '../../../src/counters/redis/redis-counter-store.ts';
import type { RedisEvent, RedisStoreOptions } from '../../../src/counters/redis/redis-options.ts';
import {
  type RedisServer,
  type RedisServerOptions,
  startRedis,
} from '../../support/redis-server.ts';

export interface Rig extends AsyncDisposable {
  readonly server: RedisServer;
  readonly store: RedisCounterStore;
  readonly redis: Redis;
  readonly events: RedisEvent[];
}

/** `timeoutMs` is long unless told otherwise: the machine may be busy. */
export async function startRig(
  options: Partial<RedisStoreOptions> = {},
  serverOptions: RedisServerOptions = {},
): Promise<Rig> {
  const server = await startRedis(serverOptions);
  const events: RedisEvent[] = [];
  const store = new RedisCounterStore({
    address: { host: '127.0.0.1', port: server.port },
    keyFormat: 'exact',
    timeoutMs: 5000,
    onEvent: (event) => events.push(event),
    ...options,
  });
  const redis = new Redis(server.port, {
    ...(serverOptions.password === undefined ? {} : { password: serverOptions.password }),
    retryStrategy: () => 50,
  });
  redis.on('error', () => {});
  await store.start();
  return {
    server,
    store,
    redis,
    events,
    [Symbol.asyncDispose]: async () => {
      redis.disconnect();
      await store.close();
      await server.stop();
    },
  };
}

/** Resolves at the store's next change to `isHealthy`, or at once when it is so. */
export function health(store: RedisCounterStore, isHealthy: boolean): Promise<void> {
  if (store.isHealthy === isHealthy) return Promise.resolve();
  return new Promise((resolve) => {
    store.onHealth((its) => {
      if (its === isHealthy) resolve();
    });
  });
}

/** Keys of counters: not what the store keeps of its own calls. */
export async function counterKeys(redis: Redis, prefix = ''): Promise<string[]> {
  const own = `${prefix}weir:sequence:`;
  return (await redis.keys('*')).filter((key) => !key.startsWith(own)).sort();
}
