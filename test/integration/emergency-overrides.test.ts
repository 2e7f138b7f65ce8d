/** Emergency overrides of a composed service, in this process: over gRPC, with Redis, log and metrics. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { compose } from '../../src/compose.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { until } from '../support/child.ts';
import { startRedis } from '../support/redis-server.ts';
import { RlsClient } from '../support/rls-client.ts';
import { freeServicePorts } from '../support/service.ts';

const LIMITS = `domain: shop
descriptors:
  - { key: user, rate_limit: { unit: day, requests_per_unit: 2, name: daily } }
  - { key: free, rate_limit: { unlimited: true } }
`;

/** The service, its log, and `ask`, which answers `OVER_LIMIT 0 override`: code, remaining, degraded. */
async function running(redisPort: number | null) {
  const root = mkdtempSync(join(tmpdir(), 'weir-'));
  const directory = join(root, 'config');
  mkdirSync(directory);
  writeFileSync(join(directory, 'shop.yaml'), LIMITS);
  const ports = await freeServicePorts();
  const result = readSettings({
    ...(redisPort === null ? { BACKEND_TYPE: 'memory' } : { REDIS_URL: `127.0.0.1:${redisPort}` }),
    ...(redisPort === null ? {} : { REDIS_SOCKET_TYPE: 'tcp', REDIS_TIMEOUT: '5s' }),
    RUNTIME_ROOT: root,
    RUNTIME_SUBDIRECTORY: '.',
    RUNTIME_WATCH_ROOT: 'false',
    HOST: '127.0.0.1',
    PORT: String(ports.http),
    GRPC_HOST: '127.0.0.1',
    GRPC_PORT: String(ports.grpc),
    DEBUG_HOST: '127.0.0.1',
    DEBUG_PORT: String(ports.debug),
    USE_PROMETHEUS: 'true',
    USE_STATSD: 'false',
    PROMETHEUS_ADDR: `127.0.0.1:${ports.metrics}`,
    LIMIT_RESPONSE_HEADERS_ENABLED: 'true',
    LOG_LEVEL: 'error',
  });
  if ('problems' in result) throw new Error(result.problems.join('\n'));
  const log: string[] = [];
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((line) => {
    log.push(String(line));
    return true;
  });
  const { service, overrides } = compose(result.settings);
  await service.start();
  const client = new RlsClient(ports.grpc);
  onTestFinished(async () => {
    client[Symbol.dispose]();
    await service.stop();
    stderr.mockRestore();
    rmSync(root, { recursive: true, force: true });
  });
  const ask = async (user: string): Promise<string> => {
    const descriptors = [{ entries: [{ key: 'user', value: user }] }];
    const { response } = (await client.shouldRateLimit({ domain: 'shop', descriptors })) as {
      response: {
        overallCode: string;
        statuses: { limitRemaining?: number }[];
        responseHeadersToAdd: { key: string; value: string }[];
      };
    };
    const degraded = response.responseHeadersToAdd.find(({ key }) => key.endsWith('-degraded'));
    const remaining = response.statuses[0]?.limitRemaining ?? 0;
    return `${response.overallCode} ${remaining} ${degraded?.value ?? '-'}`;
  };
  const degradedCharges = async (mode: string): Promise<string | undefined> => {
    const page = await (await fetch(`http://127.0.0.1:${ports.metrics}/metrics`)).text();
    const name = `weir_degraded_charges_total{mode="${mode}",reason="override"} `;
    const line = page.split('\n').find((each) => each.startsWith(name));
    return line?.slice(name.length);
  };
  const audit = (): string[] => log.filter((line) => line.includes('emergency override'));
  const terms = (ms = 60_000) => ({
    untilMs: Date.now() + ms,
    by: 'ann',
    reason: 'redis\nis on fire',
  });
  return { overrides, ask, degradedCharges, audit, terms };
}

test('open, closed, local and scaled, on Redis', async () => {
  await using redis = await startRedis();
  const { overrides, ask, degradedCharges, audit, terms } = await running(redis.port);
  expect(await ask('ann')).toBe('OK 1 -');
  overrides.force('shop', 'closed', terms());
  expect(await ask('ann')).toBe('OVER_LIMIT 0 override');
  overrides.force('shop', 'open', terms());
  expect(await ask('ann')).toBe('OK 2 override');
  overrides.force('shop', 'local', terms());
  expect([await ask('ann'), await ask('ann'), await ask('ann')]).toEqual([
    'OK 1 override',
    'OK 0 override',
    'OVER_LIMIT 0 override',
  ]);
  overrides.clear('shop', terms());
  expect(await ask('ann')).toBe('OK 0 -');
  overrides.scale('shop', 'daily', 1.5, terms());
  expect(await ask('ann')).toBe('OK 0 -');
  expect(await ask('ann')).toBe('OVER_LIMIT 0 -');
  const counted = ['open', 'closed', 'local'].map((mode) => degradedCharges(mode));
  expect(await Promise.all(counted)).toEqual(['1', '1', '3']);
  const lines = audit();
  expect(lines).toHaveLength(5);
  expect(lines[3]).toContain('msg="emergency override cleared" domain=shop mode=local until=');
  expect(lines[3]).toContain('by=ann reason="redis\\nis on fire"');
  expect(lines[4]).toContain('rule=daily factor=1.5');
});

test('an override in memory ends by itself, and its end is told without a request', async () => {
  const { overrides, ask, degradedCharges, audit, terms } = await running(null);
  overrides.force('shop', 'closed', terms(300));
  expect(await ask('ann')).toBe('OVER_LIMIT 0 override');
  await until(
    () => Promise.resolve(audit().at(-1) ?? ''),
    (line) => line.includes('emergency override expired'),
  );
  expect(await ask('ann')).toBe('OK 1 -');
  expect(await degradedCharges('closed')).toBe('1');
});
