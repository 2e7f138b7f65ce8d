/** Declares a test per recorded case, backend and listener. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ClusterRig, startClusterRig } from '../support/cluster-rig.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { readCases } from './recording.ts';
import { replay } from './replay.ts';

/** Differences shown of a case: the later ones usually follow from the first. */
const SHOWN_MAX = 3;

export function conformance(file: string): void {
  const cases = readCases(file);

  describe(`${file} with Redis`, () => {
    let redis: RedisServer;
    beforeAll(async () => {
      redis = await startRedis();
    });
    afterAll(() => redis[Symbol.asyncDispose]());

    test.concurrent.for(cases)('$name', async (recorded) => {
      expect((await replay(recorded, { redisPort: redis.port })).slice(0, SHOWN_MAX)).toEqual([]);
    });
  });

  describe(`${file} with a cluster`, () => {
    let servers: ClusterRig;
    beforeAll(async () => {
      servers = await startClusterRig();
    });
    afterAll(() => servers[Symbol.asyncDispose]());

    test.concurrent.for(cases)('$name', async (recorded) => {
      const nodes = servers.nodes().map(({ address }) => address);
      const redisEnv = { REDIS_TYPE: 'CLUSTER', REDIS_URL: nodes.join() };
      const redisPort = servers.nodes()[0]?.port as number;
      const differences = await replay(recorded, { redisPort, redisEnv });
      expect(differences.slice(0, SHOWN_MAX)).toEqual([]);
    });
  });

  describe.for(['native', 'grpc-js'])(`${file} in memory, over the %s listener`, (listener) => {
    test.concurrent.for(cases)('$name', async (recorded) => {
      expect((await replay(recorded, { listener })).slice(0, SHOWN_MAX)).toEqual([]);
    });
  });
}
