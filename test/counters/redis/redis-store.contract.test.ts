import { Redis } from 'ioredis';
import { RedisCounterStore } from '../../../src/counters/redis/redis-counter-store.ts';
import { type ContractRig, counterStoreContract } from '../../contract/counter-store.ts';
import { pause } from '../../support/child.ts';
import { startRedis } from '../../support/redis-server.ts';

async function makeRig(keyFormat: 'exact' | 'reference'): Promise<ContractRig> {
  const server = await startRedis();
  const address = { host: '127.0.0.1', port: server.port };
  const store = new RedisCounterStore({ address, keyFormat, timeoutMs: 5000 });
  const redis = new Redis(server.port);
  await store.start();
  const now = async () => {
    if (keyFormat === 'reference') return Date.now();
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
    close: async () => {
      await store.close();
      redis.disconnect();
      await server.stop();
    },
  };
}

counterStoreContract('redis with exact keys', () => makeRig('exact'));
counterStoreContract('redis with the reference keys', () => makeRig('reference'));
