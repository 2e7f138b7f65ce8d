import { Redis } from 'ioredis';
import { MemoryCounterStore } from '../../../src/counters/memory/memory-counter-store.ts';
import { RedisCounterStore } from '../../../src/counters/redis/redis-counter-store.ts';
import { SplitCounterStore } from '../../../src/counters/split/split-counter-store.ts';
import type { Charge, CounterStore } from '../../../src/limiter/counter-store.ts';
import { type ContractRig, counterStoreContract } from '../../contract/counter-store.ts';
import { pause } from '../../support/child.ts';
import { startRedis } from '../../support/redis-server.ts';

/** By the last character, so that most groups of the contract have counters in both. */
function placeOf({ key }: Charge): number {
  return (key.charCodeAt(key.length - 1) || 0) % 2;
}

function split(stores: readonly CounterStore[]): SplitCounterStore {
  return new SplitCounterStore({
    name: 'split',
    stores,
    placeOf,
    monotonic: () => performance.now(),
  });
}

function memoryRig(): ContractRig {
  let time = Date.now();
  const store = split([1, 2].map(() => new MemoryCounterStore({ now: () => time })));
  return {
    store,
    now: async () => time,
    reach: async (until) => {
      time = Math.max(time, until);
    },
    vectorsLast: false,
    isSplit: true,
    close: () => store.close(),
  };
}

async function redisRig(): Promise<ContractRig> {
  const servers = [await startRedis(), await startRedis()] as const;
  const stores = servers.map(
    ({ port }) =>
      new RedisCounterStore({
        address: { host: '127.0.0.1', port },
        keyFormat: 'exact',
        timeoutMs: 5000,
      }),
  );
  const store = split(stores);
  const redis = new Redis(servers[0].port);
  await store.start();
  const now = async () => {
    const [seconds, micros] = await redis.time();
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  };
  return {
    store,
    now,
    reach: async (time) => {
      for (let left = time - (await now()); left > 0; left = time - (await now()))
        await pause(left);
    },
    vectorsLast: true,
    isSplit: true,
    close: async () => {
      await store.close();
      redis.disconnect();
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

counterStoreContract('two stores in memory as one', async () => memoryRig());
counterStoreContract('two redis as one', redisRig);
