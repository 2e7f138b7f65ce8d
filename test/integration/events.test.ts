/** What the whole service records, and that recording costs no answer anything. */
import { hostname } from 'node:os';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import type { RecordedEvent } from '../../src/core/events/event.ts';
import { eventsIn } from '../events/rig.ts';
import { until } from '../support/child.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { RlsClient } from '../support/rls-client.ts';
import { type Service, type ServiceOptions, startService } from '../support/service.ts';

const STREAM = 'weir:events';
const LIMITS = `
domain: shop
descriptors:
  - { key: user, rate_limit: { unit: day, requests_per_unit: 2 } }
`;
/** An event is written within a tenth of a second; a busy machine takes longer. */
const SOON_MS = 15_000;

async function startRig(options: ServiceOptions = {}) {
  const server = await startRedis();
  onTestFinished(() => server.stop().then(() => undefined));
  const redis = new Redis(server.port, { retryStrategy: () => 50 });
  redis.on('error', () => {});
  onTestFinished(() => redis.disconnect());
  const service = await startService({
    files: { 'shop.yaml': LIMITS },
    redisPort: server.port,
    ...options,
    env: { EVENTS_STREAM: STREAM, ...options.env },
  });
  onTestFinished(() => service[Symbol.asyncDispose]());
  return { server, redis, service };
}

async function ask({ ports }: Service, times: number, user = 'ann'): Promise<string[]> {
  using client = new RlsClient(ports.grpc);
  const codes: string[] = [];
  for (let i = 0; i < times; i++) {
    const answer = await client.shouldRateLimit({
      domain: 'shop',
      descriptors: [{ entries: [{ key: 'user', value: user }] }],
    });
    codes.push('response' in answer ? String(answer.response['overallCode']) : 'failed');
  }
  return codes;
}

function recorded(
  redis: Redis,
  isEnough: (events: readonly RecordedEvent[]) => boolean,
): Promise<readonly RecordedEvent[]> {
  return until(() => eventsIn(redis, STREAM), isEnough, SOON_MS);
}

const names = (events: readonly RecordedEvent[]): string[] => events.map(({ name }) => name);
const has = (name: string) => (events: readonly RecordedEvent[]) => names(events).includes(name);

test('its life, its rules, and who asks for more than there is', async () => {
  const { redis, service } = await startRig();
  await recorded(redis, has('rules-loaded'));
  expect(await ask(service, 5)).toEqual(['OK', 'OK', 'OVER_LIMIT', 'OVER_LIMIT', 'OVER_LIMIT']);
  await recorded(redis, has('over-limit'));
  service.write('bad.yaml', 'domain: bad\nfoo: 1\nbar: 2\n');
  await recorded(redis, has('rules-refused'));
  expect(await service.metricSum('weir_events_written_total')).toBeGreaterThanOrEqual(4);
  expect(await service.metricSum('weir_events_dropped_total')).toBe(0);
  await service.stop();
  const events = await eventsIn(redis, STREAM);
  expect(names(events)).toEqual([
    'service-started',
    'rules-loaded',
    // The good file stays in force, and the bad one provides nothing.
    'rules-loaded',
    'rules-refused',
    'service-stopping',
    'over-limit',
  ]);
  expect(new Set(events.map(({ instance }) => instance))).toEqual(new Set([hostname()]));
  const [, loaded, again, refused, , over] = events.map(({ details }) => details);
  expect(loaded).toMatchObject({ version: 1, files: 1, domains: 1, rules: 1, errors: 0 });
  expect(again).toMatchObject({ version: 2, rules: 1, errors: 2 });
  expect(refused).toMatchObject({ problems: 2, files: 1, first: expect.stringContaining('foo') });
  expect(over).toMatchObject({ domain: 'shop', rule: 'user', limit: 2, hits: 1, requests: 1 });
  expect(over?.['key']).toContain('user=ann');
});

/** How the breakers of the charges are doing, by the service's own word. */
const isClosed = async (service: Service): Promise<boolean> =>
  (await service.metricSum('weir_breaker_closed', 'class="check"')) === 1;

async function thawed(server: RedisServer, service: Service): Promise<void> {
  server.thaw();
  await until(() => isClosed(service), Boolean, SOON_MS);
}

test('while Redis hangs answers are what they are without events, and events wait', async () => {
  const { server, redis, service } = await startRig({ env: { REDIS_TIMEOUT: '100ms' } });
  await recorded(redis, has('rules-loaded'));
  server.freeze();
  const startedAt = performance.now();
  const codes = await ask(service, 40, 'bob');
  // By its failure mode: a local share, each answer within its deadline or at once.
  expect(codes.slice(0, 2)).toEqual(['OK', 'OK']);
  expect(codes).not.toContain('failed');
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  await until(
    () => isClosed(service),
    (its) => !its,
    SOON_MS,
  );
  expect(await service.metric('weir_events_queued{kind="audit"}')).toBeGreaterThan(0);
  await until(
    () => service.metric('weir_events_lag_seconds{kind="audit"}'),
    (lag) => lag > 0.2,
  );
  await thawed(server, service);
  const events = await recorded(redis, has('breaker-closed'));
  const [opened, closed] = ['breaker-opened', 'breaker-closed'].map((name) =>
    events.find((event) => event.name === name),
  );
  expect(opened?.details).toMatchObject({ node: `127.0.0.1:${server.port}`, class: 'check' });
  expect(opened?.sequence).toBeLessThan(closed?.sequence ?? 0);
  expect(await service.metricSum('weir_events_dropped_total')).toBe(0);
});

test('without EVENTS_STREAM nothing is written, and no metric speaks of it', async () => {
  const { redis, service } = await startRig({ env: { EVENTS_STREAM: '' } });
  await ask(service, 5);
  expect((await redis.keys('*')).filter((key) => key.includes('events'))).toEqual([]);
  expect(await service.get('metrics', '/metrics')).not.toContain('weir_events');
});

test('workers record by themselves, and the rules are the supervisor’s', async () => {
  const { redis, service } = await startRig({ env: { WORKERS: '2' } });
  await ask(service, 4);
  await recorded(redis, has('over-limit'));
  expect(await service.metricSum('weir_events_written_total')).toBeGreaterThan(0);
  await service.stop();
  const events = await eventsIn(redis, STREAM);
  const sources = (name: string): string[] =>
    events.filter((event) => event.name === name).map(({ instance }) => instance);
  const [host, one, two] = [hostname(), `${hostname()}/1`, `${hostname()}/2`];
  expect(sources('rules-loaded')).toEqual([host]);
  expect(sources('service-started').toSorted()).toEqual([host, one, two]);
  expect(sources('service-stopping').toSorted()).toEqual([host, one, two]);
  expect([one, two]).toEqual(expect.arrayContaining(sources('over-limit')));
});
