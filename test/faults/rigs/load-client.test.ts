/** The load generator itself, against the real service: an instrument is checked before it is believed. */
import { expect, test } from 'vitest';
import { pause, until } from '../../support/child.ts';
import { freePort } from '../../support/free-ports.ts';
import { LoadClient } from '../../support/load-client.ts';
import type { Answer } from '../../support/load-report.ts';
import { startService } from '../../support/service.ts';

const FILES = {
  'shop.yaml': `
domain: shop
descriptors:
  - { key: many, rate_limit: { unit: day, requests_per_unit: 4000000000 } }
  - { key: few, rate_limit: { unit: day, requests_per_unit: 100 } }
`,
};
const RATE = 2000;
/** What a test calls long: far beyond what a busy machine adds by itself. */
const LONG_MS = 400;

function request(key: string, hitsAddend = 0) {
  return { domain: 'shop', descriptors: [{ entries: [{ key, value: 'ann' }] }], hitsAddend };
}

function blockFor(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

test.each(['native', 'grpc-js'])(
  'holds its rate, and its numbers add up, over %s',
  async (name) => {
    await using service = await startService({ files: FILES, env: { GRPC_LISTENER: name } });
    const answers: Answer[] = [];
    using load = await LoadClient.start({
      port: service.ports.grpc,
      ratePerSecond: RATE,
      durationMs: 1000,
      requests: [request('many'), request('few', 2)],
      connections: 3,
      timeoutMs: 10_000,
      onAnswer: (answer) => answers.push(answer),
    });
    const report = await load.done;
    const summary = report.summary();
    // Half of the calls ask for two hits of a hundred.
    expect(summary.outcomes).toEqual({ OK: RATE / 2 + 50, OVER_LIMIT: RATE / 2 - 50 });
    expect(summary).toMatchObject({ due: RATE, degraded: {} });
    expect(answers).toHaveLength(RATE);
    expect(new Set(answers.map(({ call }) => call)).size).toBe(RATE);
    for (const { call, dueMs, sentMs, answeredMs } of answers) {
      expect(dueMs).toBeCloseTo(report.startMs + (call * 1000) / RATE, 6);
      expect(sentMs).toBeGreaterThanOrEqual(dueMs);
      expect(answeredMs).toBeGreaterThanOrEqual(sentMs);
    }
    const { p50, p99, p999, max } = summary.fromDue;
    expect([p50, p99, p999, max].toSorted((a, b) => a - b)).toEqual([p50, p99, p999, max]);
    expect(summary.fromSent.max).toBeLessThanOrEqual(max);
  },
);

test('calls that a hanging service keeps waiting are late from when they were due', async () => {
  const env = { GRPC_MAX_CONCURRENT_STREAMS: '50' };
  await using service = await startService({ files: FILES, env });
  const requests = [request('many')];
  const options = { port: service.ports.grpc, ratePerSecond: RATE, requests };
  using load = await LoadClient.start({ ...options, durationMs: LONG_MS * 3 });
  await until(
    () => load.report.summary().outcomes.OK ?? 0,
    (answered) => answered > 0,
  );
  service.child.signal('SIGSTOP');
  await pause(LONG_MS);
  service.child.signal('SIGCONT');
  const report = await load.done;
  // No more were sent than the service takes at once, and none was left out.
  expect(report.summary().outcomes).toEqual({ OK: report.due });
  // Those due in its first half waited for its second at least; only the 50 under way were sent then.
  const late = report.laterThan(LONG_MS / 2);
  expect(late).toBeGreaterThan((RATE * LONG_MS) / 2000 - 50);
  expect(report.laterThan(LONG_MS / 2, 'sent')).toBeLessThan(late / 2);
  expect(report.laterThan(LONG_MS * 10)).toBe(0);
});

test('a stall of its own is told apart from a slow service', async () => {
  await using service = await startService({ files: FILES });
  const requests = [request('many')];
  const options = { port: service.ports.grpc, ratePerSecond: RATE, requests };
  using load = await LoadClient.start({ ...options, durationMs: LONG_MS * 2 });
  await pause(LONG_MS / 2);
  blockFor(LONG_MS);
  const report = await load.done;
  expect(report.summary().outcomes).toEqual({ OK: report.due });
  expect(report.summary().stalls.longestMs).toBeGreaterThan(LONG_MS - 10);
  expect(report.laterThan(LONG_MS / 2)).toBeGreaterThan(0);
  expect(report.laterThanBesideStalls(LONG_MS / 2)).toBe(0);
});

test('a service that goes away ends its calls as lost, and no call is forgotten', async () => {
  await using service = await startService({ files: FILES });
  using load = await LoadClient.start({
    port: service.ports.grpc,
    ratePerSecond: RATE,
    durationMs: LONG_MS * 2,
    requests: [request('many')],
  });
  await until(
    () => load.report.summary().outcomes.OK ?? 0,
    (answered) => answered > 0,
  );
  await service.stop('SIGKILL');
  const { outcomes, due } = (await load.done).summary();
  const { OK = 0, lost = 0 } = outcomes;
  expect(lost).toBeGreaterThan(0);
  expect(OK + lost).toBe(due);
});

test('an error status is an outcome of its own', async () => {
  await using service = await startService({ files: FILES });
  const refused = { domain: '', descriptors: [] };
  const options = { port: service.ports.grpc, ratePerSecond: 100, requests: [refused] };
  using load = await LoadClient.start({ ...options, durationMs: 100 });
  expect(Object.keys((await load.done).summary().outcomes)).toEqual(['status 2']);
});

test('stopped early, it has asked for no more than was due until then', async () => {
  await using service = await startService({ files: FILES });
  const options = { port: service.ports.grpc, ratePerSecond: RATE, requests: [request('many')] };
  using load = await LoadClient.start({ ...options, durationMs: 60_000 });
  await until(
    () => load.report.summary().outcomes.OK ?? 0,
    (answered) => answered > 10,
  );
  load.stop();
  const { outcomes, due } = (await load.done).summary();
  expect(outcomes).toEqual({ OK: due });
  expect(due).toBeLessThan(RATE * 60);
});

test('where nothing listens it does not start', async () => {
  const options = { port: await freePort(), ratePerSecond: 1, requests: [request('many')] };
  const start = LoadClient.start({ ...options, durationMs: 1000 });
  await expect(start).rejects.toThrow('ECONNREFUSED');
});
