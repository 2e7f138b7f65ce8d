/** How the process starts, refuses to start, and stops. */
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { until } from '../support/child.ts';
import { Gate } from '../support/gate.ts';
import { startRedis } from '../support/redis-server.ts';
import { RlsClient } from '../support/rls-client.ts';
import { freeServicePorts, isListening, spawnService, startService } from '../support/service.ts';

const FILES = {
  'shop.yaml': `
domain: shop
descriptors:
  - { key: user, rate_limit: { unit: hour, requests_per_unit: 100 } }
`,
};
const REQUEST = {
  domain: 'shop',
  descriptors: [{ entries: [{ key: 'user', value: 'ann' }] }],
};
const STOPPED = { code: 0, signal: null };
const LISTENERS = ['native', 'grpc-js'] as const;

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  '%s ends the process with 0',
  async (signal) => {
    await using service = await startService({ files: FILES });
    expect(await service.stop(signal)).toEqual(STOPPED);
  },
);

test.each(LISTENERS)(
  'told to stop it reports NOT_SERVING to who watches, checks or asks by HTTP (%s)',
  async (listener) => {
    const env = { DRAIN_DELAY: '1s', GRPC_LISTENER: listener };
    await using service = await startService({ files: FILES, env });
    using client = new RlsClient(service.ports.grpc);
    const seen: (string | null)[] = [];
    client.watchHealth('ratelimit', (status) => seen.push(status));
    await until(
      () => seen,
      ([first]) => first === 'SERVING',
    );
    expect(await client.health('')).toBe('SERVING');

    service.child.signal('SIGTERM');
    await until(
      () => seen,
      ([, second]) => second !== undefined,
    );
    expect(seen).toEqual(['SERVING', 'NOT_SERVING']);
    expect(await client.health('')).toBe('NOT_SERVING');
    const health = await fetch(`http://127.0.0.1:${service.ports.http}/healthcheck`);
    expect(health.status).toBe(500);
    // Until DRAIN_DELAY is over, who has not heard of it yet is still answered.
    expect(await client.shouldRateLimit(REQUEST)).toHaveProperty('response.overallCode', 'OK');
    expect(await service.child.exited).toEqual(STOPPED);
  },
);

test.each(LISTENERS)(
  'a call under way when the process is told to stop gets its answer (%s)',
  async (listener) => {
    await using redis = await startRedis();
    await using gate = await Gate.open(redis.port);
    const env = { REDIS_TIMEOUT: '5s', GRPC_LISTENER: listener };
    await using service = await startService({ files: FILES, redisPort: gate.port, env });
    using client = new RlsClient(service.ports.grpc);
    expect(await client.shouldRateLimit(REQUEST)).toHaveProperty('response.overallCode', 'OK');

    const charged = gate.hold();
    const answer = client.shouldRateLimit(REQUEST);
    await charged;
    service.child.signal('SIGTERM');
    await until(
      () => isListening(service.ports.grpc),
      (is) => !is,
    );
    gate.release();
    expect(await answer).toHaveProperty('response.statuses.0.limitRemaining', 98);
    expect(await service.child.exited).toEqual(STOPPED);
  },
);

test('a call that never ends is cut after DRAIN_TIMEOUT, and the process still ends', async () => {
  await using redis = await startRedis();
  await using gate = await Gate.open(redis.port);
  const env = { REDIS_TIMEOUT: '60s', DRAIN_TIMEOUT: '500ms' };
  await using service = await startService({ files: FILES, redisPort: gate.port, env });
  using client = new RlsClient(service.ports.grpc, 20_000);
  const charged = gate.hold();
  const answer = client.shouldRateLimit(REQUEST);
  await charged;
  const stopped = performance.now();
  expect(await service.stop()).toEqual(STOPPED);
  expect(performance.now() - stopped).toBeLessThan(10_000);
  expect(await answer).toHaveProperty('error');
});

test('settings that make no sense end it with 2, and all of them are named', async () => {
  const env = {
    NEAR_LIMIT_RATIO: '7',
    GRPC_MAX_CONNECTION_AGE: 'soon',
    MERGE_DOMAIN_CONFIG: 'maybe',
  };
  await using service = await spawnService({ files: FILES, env });
  expect(await service.child.exited).toEqual({ code: 2, signal: null });
  for (const [name, value] of Object.entries(env)) {
    expect(service.child.output).toContain(name);
    expect(service.child.output).toContain(value);
  }
});

test.each(['grpc', 'http', 'debug', 'metrics'] as const)(
  'a taken %s port ends it with 1 and a message that names it',
  async (name) => {
    const ports = await freeServicePorts();
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(ports[name], '127.0.0.1', resolve));
    await using service = await spawnService({ files: FILES, ports });
    expect(await service.child.exited).toEqual({ code: 1, signal: null });
    expect(service.child.output).toContain(String(ports[name]));
    expect(service.child.output).toMatch(/in use/);
    expect(service.child.output).not.toMatch(/^\s+at /m);
    await new Promise((resolve) => taken.close(resolve));
  },
);

test('told to stop while it still waits for Redis it ends with 0', async () => {
  const { grpc: closedPort } = await freeServicePorts();
  await using service = await spawnService({ files: FILES, redisPort: closedPort });
  await until(
    () => service.child.output,
    (text) => text.includes('redis failed'),
  );
  service.child.signal('SIGTERM');
  expect(await service.child.exited).toEqual(STOPPED);
  expect(await isListening(service.ports.grpc)).toBe(false);
});

test('what a setting does not do here is told at start, whatever the log level', async () => {
  const env = { USE_STATSD: 'true', USE_PROMETHEUS: 'false', LOG_LEVEL: 'error' };
  await using service = await startService({ files: FILES, env });
  expect(service.child.output).toContain('USE_STATSD');
});

test('DISABLE_STATS serves no metrics anywhere', async () => {
  await using service = await startService({ files: FILES, env: { DISABLE_STATS: 'true' } });
  const page = await fetch(`http://127.0.0.1:${service.ports.debug}/metrics`);
  expect(page.status).toBe(404);
});
