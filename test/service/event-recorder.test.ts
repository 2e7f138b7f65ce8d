/** What the service's parts record, on a real Redis; and that nothing is when it is off. */
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import type { RuleSet } from '../../src/core/rules/rule-set.ts';
import { MemoryCounterStore } from '../../src/counters/memory/memory-counter-store.ts';
import { redisErrorRow } from '../../src/counters/redis/redis-errors.ts';
import { emergencyOverrides } from '../../src/service/emergency-overrides.ts';
import { eventStreamLog } from '../../src/service/event-logs.ts';
import { registerEvents } from '../../src/service/event-metrics.ts';
import { EventRecorder } from '../../src/service/event-recorder.ts';
import { loadListener } from '../../src/service/load-listener.ts';
import { redisStore } from '../../src/service/redis-store.ts';
import { Logger } from '../../src/telemetry/logger.ts';
import { ask, group } from '../contract/charges.ts';
import { eventsIn } from '../events/rig.ts';
import { until } from '../support/child.ts';
import { startRedis } from '../support/redis-server.ts';
import { compileDomain } from '../support/rules.ts';
import { settingsOf } from '../support/settings.ts';
import { observed } from '../telemetry/observed.ts';

const STREAM = 'weir:events';

function logged(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const write = (line: string): number => lines.push(line.replace(/^time="[^"]*" /, '').trimEnd());
  return { lines, logger: new Logger({ level: 'DEBUG', format: 'text', write, now: () => 0 }) };
}

async function startRig(env: Record<string, string> = {}) {
  const server = await startRedis();
  onTestFinished(() => server.stop().then(() => undefined));
  const redis = new Redis(server.port);
  redis.on('error', () => {});
  onTestFinished(() => redis.disconnect());
  const settings = settingsOf({
    REDIS_URL: `127.0.0.1:${server.port}`,
    REDIS_SOCKET_TYPE: 'tcp',
    EVENTS_STREAM: STREAM,
    ...env,
  });
  const log = logged();
  const recorder = new EventRecorder(settings, { logger: log.logger, version: '1.2', part: null });
  onTestFinished(() => recorder.stop());
  return { server, redis, settings, recorder, ...log };
}

const RULES: RuleSet = {
  version: 3,
  domains: new Map([['shop', compileDomain('shop', [{ key: 'user', limit: '5/hour' }])]]),
  brokenDomains: new Set(),
};

test('without EVENTS_STREAM nothing is kept, and nothing connects', async () => {
  const { logger, lines } = logged();
  const recorder = new EventRecorder(settingsOf({}), { logger, version: '1', part: null });
  recorder.start();
  recorder.audit({ name: 'service-started', details: {} });
  recorder.stopping();
  await recorder.stop();
  expect([recorder.log, recorder.abuse, lines]).toEqual([null, null, []]);
  const { telemetry, lines: page } = observed();
  registerEvents(telemetry, recorder);
  expect(await page('weir_events')).toEqual([]);
});

test('a load of limits is recorded with what it found', async () => {
  const { redis, recorder, logger } = await startRig();
  recorder.start();
  const { telemetry } = observed();
  const { audit } = recorder;
  const listener = loadListener({ telemetry, logger, audit, onLoaded: () => {} });
  const counts = { files: 2, domains: 1, rules: 4, compiledDomains: 1, durationMs: 1 };
  listener.loaded(RULES, { ...counts, warnings: [], errors: 0 });
  const problem = { file: 'a.yaml', line: 3, column: 1, path: 'x', text: 'bad', stage: 'text' };
  listener.rejected([{ ...problem, reference: 'bad', severity: 'error' } as never], ['shop', 'b']);
  listener.rejected([], []);
  await recorder.stop();
  const events = await eventsIn(redis, STREAM);
  expect(events.map(({ name, details }) => [name, details])).toEqual([
    ['service-started', { version: '1.2', pid: process.pid }],
    ['rules-loaded', { version: 3, files: 2, domains: 1, rules: 4, errors: 0, warnings: 0 }],
    [
      'rules-refused',
      { problems: 1, files: 1, kept: 'shop, b', first: expect.stringMatching(/^a\.yaml:3:1 x/) },
    ],
    ['rules-refused', { problems: 0, files: 0, kept: '', first: '' }],
  ]);
});

test('overrides are recorded with who and why', async () => {
  const { redis, recorder, logger, lines } = await startRig();
  recorder.start();
  const { audit } = recorder;
  const overrides = emergencyOverrides({ current: RULES } as never, 0.8, { logger, audit });
  const untilMs = Date.now() + 60_000;
  const author = { by: 'ann', reason: 'a flood' };
  expect(overrides.force('shop', 'open', { untilMs, ...author })).toBeNull();
  expect(overrides.scale('shop', 'user', 2, { untilMs, ...author })).toBeNull();
  expect(overrides.clear('shop', { by: 'bob', reason: 'over' })).toBeNull();
  await recorder.stop();
  const end = new Date(untilMs).toISOString();
  const [, ...events] = await eventsIn(redis, STREAM);
  expect(events.map(({ name, details }) => [name, details])).toEqual([
    ['override-set', { domain: 'shop', mode: 'open', until: end, ...author }],
    ['override-set', { domain: 'shop', rule: 'user', factor: 2, until: end, ...author }],
    ['override-cleared', { domain: 'shop', mode: 'open', until: end, by: 'bob', reason: 'over' }],
    [
      'override-cleared',
      { domain: 'shop', rule: 'user', factor: 2, until: end, by: 'bob', reason: 'over' },
    ],
  ]);
  expect(lines.filter((line) => line.includes('emergency override'))).toHaveLength(4);
});

test('a breaker is recorded when it opens and when it is closed again, not for each probe', async () => {
  const { server, redis, settings, recorder, logger } = await startRig({ REDIS_TIMEOUT: '100ms' });
  recorder.start();
  const memory = new MemoryCounterStore({ now: Date.now });
  const { guard } = redisStore(settings, { memory, logger, audit: recorder.audit });
  onTestFinished(() => guard.close());
  await guard.start();
  const charge = () => ask(guard, [group({ key: 'k', hits: 1 })]);
  server.freeze();
  const names = async (): Promise<string[]> =>
    (await eventsIn(redis, STREAM)).map(({ name, details }) => `${name} ${details['class'] ?? ''}`);
  // Longer than the first waits between probes.
  const frozenUntil = performance.now() + 2500;
  await until(charge, () => performance.now() > frozenUntil, 15_000);
  server.thaw();
  await until(
    async () => [await charge(), await names()] as const,
    ([, found]) => found.includes('breaker-closed check'),
    20_000,
  );
  const found = (await names()).filter((name) => name.startsWith('breaker'));
  expect(found.filter((name) => name === 'breaker-opened check')).toHaveLength(1);
});

test('metrics say what was written, what was dropped, and what waits', async () => {
  const { recorder } = await startRig();
  const { telemetry, lines } = observed();
  registerEvents(telemetry, recorder);
  recorder.start();
  const over = { key: 'k', hits: 1, limit: 1, rule: { path: 'user' } };
  for (let i = 0; i < 7; i++) recorder.abuse?.over('shop', { ...over, key: `k${i}` }, 0);
  await until(
    () => recorder.log?.lanes.abuse.written,
    (written) => written === 5,
    15_000,
  );
  const page = await lines('weir_events');
  expect(page).toEqual(
    expect.arrayContaining([
      'weir_events_written_total{kind="abuse"} 5',
      'weir_events_dropped_total{kind="audit",reason="queue"} 0',
      'weir_events_dropped_total{kind="audit",reason="fenced"} 0',
      'weir_events_dropped_total{kind="abuse",reason="stopped"} 0',
      'weir_events_queued{kind="abuse"} 0',
      'weir_events_lag_seconds{kind="abuse"} 0',
      'weir_events_suppressed_total{bound="rate"} 2',
      'weir_events_suppressed_total{bound="keys"} 0',
    ]),
  );
});

test('a replica with peers is named by its id, a worker by its host and number', () => {
  const { logger } = logged();
  const env = { REDIS_URL: 'r:1', REDIS_SOCKET_TYPE: 'tcp', EVENTS_STREAM: STREAM };
  const peers = { QUOTA_PEERS: 'a=127.0.0.1:1', QUOTA_NODE_ID: 'b', LIMITS_DIRECTORY: '/x' };
  const named = (more: Record<string, string>, part: number | null): string | undefined =>
    new EventRecorder(settingsOf({ ...env, ...more }), { logger, version: '1', part }).log
      ?.instance;
  expect(named(peers, null)).toBe('b');
  expect(named({}, 2)).toMatch(/.\/2$/);
});

test('the connection tells its errors as warnings with advice, and the rest as details', () => {
  const { logger, lines } = logged();
  const log = eventStreamLog(logger);
  const at = { address: 'r:1' };
  log({ kind: 'ready', text: 'connected', ...at });
  log({ kind: 'error', text: 'OOM x', row: redisErrorRow('OOM'), leftOut: 0, ...at });
  log({ kind: 'error', text: 'OOM x', row: redisErrorRow('OOM'), leftOut: 4, ...at });
  expect(lines).toEqual([
    expect.stringMatching(/^level=debug .*events: the connection changed.* kind=ready/),
    expect.stringMatching(/^level=warn.*events cannot be written now.* class=oom .*advice=/),
    expect.stringMatching(/leftOut=4/),
  ]);
});
