/** What callers see while Redis is away, and when it is back: the whole service against a real Redis. */
import { expect, test } from 'vitest';
import { until } from '../support/child.ts';
import { startRedis } from '../support/redis-server.ts';
import { RlsClient } from '../support/rls-client.ts';
import { type Service, startService } from '../support/service.ts';

const FILES = {
  'shop.yaml': `
domain: shop
descriptors:
  - { key: user, rate_limit: { unit: day, requests_per_unit: 100 } }
`,
};
const TIMEOUT_MS = 300;
const ENV = {
  REDIS_TIMEOUT: `${TIMEOUT_MS}ms`,
  LIMIT_RESPONSE_HEADERS_ENABLED: 'true',
};
/** Beyond the deadline, on a machine that is busy with other tests. */
const MARGIN_MS = 700;

interface Asked {
  readonly code: string;
  readonly remaining: number;
  readonly degraded: string | null;
  readonly tookMs: number;
}

async function ask(client: RlsClient, user = 'ann'): Promise<Asked> {
  const since = performance.now();
  const answer = await client.shouldRateLimit({
    domain: 'shop',
    descriptors: [{ entries: [{ key: 'user', value: user }] }],
  });
  const tookMs = performance.now() - since;
  if (!('response' in answer)) {
    return { code: JSON.stringify(answer), remaining: -1, degraded: null, tookMs };
  }
  const { response } = answer as {
    response: {
      overallCode: string;
      statuses: { limitRemaining?: number }[];
      responseHeadersToAdd?: { key: string; value: string }[];
    };
  };
  const header = response.responseHeadersToAdd?.find(({ key }) => key === 'x-ratelimit-degraded');
  return {
    code: response.overallCode,
    remaining: response.statuses[0]?.limitRemaining ?? 0,
    degraded: header?.value ?? null,
    tookMs,
  };
}

/** Awaits that Redis is asked for everything again. */
async function recovered(service: Service): Promise<void> {
  await until(
    () => service.metricSum('weir_breaker_closed', 'class="check"'),
    (closed) => closed === 1,
  );
}

/** Charged afterwards, or found to have been charged when their reply was waited for. */
function hitsReplayed(service: Service, hits: number): Promise<number> {
  const told = ['replayed', 'confirmed'].map((how) => `weir_local_hits_${how}_total`);
  return until(
    async () => {
      const values = await Promise.all(told.map((metric) => service.metric(metric)));
      return values.reduce((sum, value) => sum + value, 0);
    },
    (value) => value >= hits,
  );
}

test('a Redis that is killed costs no error, and is told afterwards what was admitted', async () => {
  const first = await startRedis();
  await using service = await startService({ files: FILES, redisPort: first.port, env: ENV });
  using client = new RlsClient(service.ports.grpc);
  expect(await ask(client)).toMatchObject({ code: 'OK', remaining: 99, degraded: null });

  await first.kill();
  const away = [];
  for (let i = 0; i < 20; i += 1) away.push(await ask(client));
  expect(away.map(({ code }) => code)).toEqual(away.map(() => 'OK'));
  expect(away.filter(({ degraded }) => degraded === null)).toEqual([]);
  expect(Math.max(...away.map(({ tookMs }) => tookMs))).toBeLessThan(TIMEOUT_MS + MARGIN_MS);

  await using second = await startRedis({ port: first.port });
  await recovered(service);
  const unknown = await service.metric('weir_local_hits_unknown_total');
  await hitsReplayed(service, 20 - unknown);
  // The new Redis knows nothing of the hit before, but all that was admitted without it.
  const after = await ask(client);
  expect(after).toMatchObject({ code: 'OK', degraded: null });
  expect(after.remaining).toBe(100 - (20 - unknown) - 1);
  expect(second.port).toBe(first.port);
});

test('callers that give up at once keep nobody else from being counted in Redis', async () => {
  await using redis = await startRedis();
  await using service = await startService({ files: FILES, redisPort: redis.port, env: ENV });
  using client = new RlsClient(service.ports.grpc);
  using hasty = new RlsClient(service.ports.grpc, 1);
  expect(await ask(client)).toMatchObject({ remaining: 99, degraded: null });
  await until(
    async () => {
      await Promise.all(Array.from({ length: 10 }, () => ask(hasty)));
      return service.metric('weir_degraded_charges_total{mode="local",reason="timeout"}');
    },
    (timeouts) => timeouts >= 40,
    20_000,
  );
  expect(await ask(client, 'bob')).toMatchObject({ code: 'OK', degraded: null });
  await recovered(service);
});

test('a Redis that hangs is answered for within the deadline, and asked again when it wakes up', async () => {
  await using redis = await startRedis();
  await using service = await startService({ files: FILES, redisPort: redis.port, env: ENV });
  using client = new RlsClient(service.ports.grpc);
  expect(await ask(client)).toMatchObject({ remaining: 99, degraded: null });

  redis.freeze();
  const away = [];
  for (let i = 0; i < 10; i += 1) away.push(await ask(client));
  redis.thaw();
  expect(away.map(({ code }) => code)).toEqual(away.map(() => 'OK'));
  expect(Math.max(...away.map(({ tookMs }) => tookMs))).toBeLessThan(TIMEOUT_MS + MARGIN_MS);
  await recovered(service);
  const unknown = await service.metric('weir_local_hits_unknown_total');
  await hitsReplayed(service, 10 - unknown);
  const { remaining } = await ask(client);
  // Calls of unknown outcome may have been made by Redis or not; nothing was charged twice.
  expect(remaining).toBeGreaterThanOrEqual(100 - 1 - 10 - 1);
  expect(remaining).toBeLessThanOrEqual(100 - 1 - (10 - unknown) - 1);
});

test.each([
  ['open', { code: 'OK', degraded: 'unavailable' }],
  ['closed', { code: 'OVER_LIMIT', degraded: 'unavailable' }],
] as const)('STORE_FAILURE_MODE=%s', async (mode, want) => {
  const redis = await startRedis();
  const env = { ...ENV, STORE_FAILURE_MODE: mode };
  await using service = await startService({ files: FILES, redisPort: redis.port, env });
  using client = new RlsClient(service.ports.grpc);
  await redis.kill();
  await until(
    () => ask(client),
    ({ degraded }) => degraded !== null,
  );
  const answer = await ask(client);
  expect(answer.code).toBe(want.code);
  expect(answer.degraded).not.toBeNull();
});

test('STORE_FAILURE_MODE=error fails the call with UNAVAILABLE, for Envoy to decide', async () => {
  const redis = await startRedis();
  const env = { ...ENV, STORE_FAILURE_MODE: 'error' };
  await using service = await startService({ files: FILES, redisPort: redis.port, env });
  using client = new RlsClient(service.ports.grpc);
  await redis.kill();
  const { code } = await ask(client);
  expect(JSON.parse(code)).toMatchObject({ error: { code: 14 } });
});
