/** The whole service on each topology of Redis: it counts where its variables say. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { startClusterRig } from '../support/cluster-rig.ts';
import { startRedis } from '../support/redis-server.ts';
import { RlsClient } from '../support/rls-client.ts';
import { SENTINEL_PRIMARY, startSentinelRig } from '../support/sentinel-rig.ts';
import { type Service, startService } from '../support/service.ts';

const FILES = {
  'shop.yaml': `
domain: shop
descriptors:
  - { key: user, rate_limit: { unit: week, requests_per_unit: 3 } }
  - { key: path, rate_limit: { unit: second, requests_per_unit: 1000 } }
`,
};

async function serviceOn(env: Readonly<Record<string, string>>): Promise<Service> {
  return startService({
    files: FILES,
    env: { BACKEND_TYPE: 'redis', REDIS_TIMEOUT: '5s', ...env },
  });
}

/** The codes of so many requests of one user. */
async function codes(service: Service, user: string, times: number): Promise<string[]> {
  using client = new RlsClient(service.ports.grpc);
  const seen: string[] = [];
  for (let i = 0; i < times; i += 1) {
    const answer = await client.shouldRateLimit({
      domain: 'shop',
      descriptors: [
        { entries: [{ key: 'user', value: user }] },
        { entries: [{ key: 'path', value: '/' }] },
      ],
    });
    const { response } = answer as { response?: { overallCode: string } };
    seen.push(response?.overallCode ?? JSON.stringify(answer));
  }
  return seen;
}

const THREE_PASS = ['OK', 'OK', 'OK', 'OVER_LIMIT'];

test('a unix socket', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'weir-socket-'));
  const path = join(directory, 'redis.sock');
  await using redis = await startRedis({ args: ['--unixsocket', path] });
  await using service = await serviceOn({ REDIS_SOCKET_TYPE: 'unix', REDIS_URL: path });
  expect(await codes(service, 'ann', 4)).toEqual(THREE_PASS);
  expect(redis.pid).toBeGreaterThan(0);
  rmSync(directory, { recursive: true });
});

test('a primary behind Sentinels', async () => {
  await using rig = await startSentinelRig();
  const url = `${SENTINEL_PRIMARY},${rig.sentinelAddresses()}`;
  await using service = await serviceOn({ REDIS_TYPE: 'SENTINEL', REDIS_URL: url });
  expect(await codes(service, 'ann', 4)).toEqual(THREE_PASS);
  expect(Number(await rig.primary().text('DBSIZE'))).toBeGreaterThan(0);
});

test('a cluster: two services count together, whatever node a counter is on', async () => {
  await using rig = await startClusterRig();
  const [first] = rig.nodes();
  const env = { REDIS_TYPE: 'CLUSTER', REDIS_URL: first?.address ?? '' };
  await using one = await serviceOn(env);
  await using two = await serviceOn(env);
  for (const user of ['ann', 'bob', 'cid', 'dee']) {
    expect([...(await codes(one, user, 2)), ...(await codes(two, user, 2))]).toEqual(THREE_PASS);
  }
  const nodes = await one.get('metrics', '/metrics');
  const asked = nodes.match(/^weir_redis_calls_total\{[^}]*\} [1-9]/gm) ?? [];
  expect(asked.length).toBeGreaterThan(1);
  const whole = 'weir_breaker_closed{redis="main",node="cluster",class="check"}';
  expect(await one.metric(whole)).toBe(1);
});

test('a second Redis has the limits per second, and nothing else', async () => {
  await using main = await startRedis();
  await using second = await startRedis();
  await using service = await serviceOn({
    REDIS_SOCKET_TYPE: 'tcp',
    REDIS_URL: `127.0.0.1:${main.port}`,
    REDIS_PERSECOND: 'true',
    REDIS_PERSECOND_SOCKET_TYPE: 'tcp',
    REDIS_PERSECOND_URL: `127.0.0.1:${second.port}`,
    REDIS_PERSECOND_TIMEOUT: '5s',
  });
  expect(await codes(service, 'ann', 4)).toEqual(THREE_PASS);
  const charged = (name: string) =>
    service.metricSum('weir_redis_charges_total', `redis="${name}"`);
  expect([await charged('main'), await charged('per_second')]).toEqual([4, 4]);
  const redis = new Redis(main.port);
  const keys = (await redis.keys('*')).filter((key) => !key.includes('weir:sequence'));
  redis.disconnect();
  expect(keys).toHaveLength(1);
});
