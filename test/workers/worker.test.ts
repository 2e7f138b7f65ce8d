/** A worker, and a supervisor that is the test: orders in, reports out. */
import { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { HttpAnswer } from '../../src/admin/http-server.ts';
import { Profiler } from '../../src/admin/profiler.ts';
import { HealthState } from '../../src/rpc/health-state.ts';
import type { Order, Report } from '../../src/workers/protocol.ts';
import { ReceivedRuleSource } from '../../src/workers/received-rules.ts';
import { SupervisorLink } from '../../src/workers/supervisor-link.ts';
import { Worker, type WorkerParts } from '../../src/workers/worker.ts';
import { observed } from '../telemetry/observed.ts';

/** The channel between the two, with both ends in this process. */
class TestChannel extends EventEmitter {
  connected = true;
  readonly reports: Report[] = [];

  send(message: unknown, callback: (error: Error | null) => void): boolean {
    this.reports.push(structuredClone(message) as Report);
    setImmediate(callback, null);
    return true;
  }

  order(order: Order, socket?: Socket): void {
    this.emit('message', structuredClone(order), socket);
  }

  lose(): void {
    this.connected = false;
    this.emit('disconnect');
  }

  kinds(): string[] {
    return this.reports.map(({ kind }) => kind);
  }

  last<K extends Report['kind']>(kind: K): Extract<Report, { kind: K }> | undefined {
    return this.reports.findLast((report) => report.kind === kind) as
      | Extract<Report, { kind: K }>
      | undefined;
  }
}

const OK: HttpAnswer = { status: 200, contentType: 'text/plain', body: 'ok', reason: '' };

function startWorker(parts: Partial<WorkerParts> = {}) {
  const channel = new TestChannel();
  const health = new HealthState({ config: true, store: false });
  const taken: Socket[] = [];
  const exits: number[] = [];
  const { telemetry } = observed();
  const link = new SupervisorLink(channel);
  const worker = new Worker({
    link,
    rules: new ReceivedRuleSource({
      compile: {} as never,
      onReady: (version) => void link.send({ kind: 'ready', version }),
      onCurrent: () => {},
    }),
    service: { start: () => Promise.resolve(), stop: () => Promise.resolve() },
    listener: {
      take: (socket) => taken.push(socket),
      get connectionCount() {
        return taken.length;
      },
    },
    health,
    telemetry,
    answerJson: (body) => Promise.resolve({ ...OK, body }),
    profiler: new Profiler(),
    stopMsMax: 60_000,
    exit: (code) => exits.push(code),
    ...parts,
  });
  onTestFinished(() => worker.stop());
  return { channel, health, taken, exits, telemetry, worker, link };
}

test('it tells that it lives before it serves, and when its health changes', async () => {
  const { channel, health, worker } = startWorker();
  await worker.start();
  expect(channel.kinds()).toEqual(['alive', 'alive', 'serving']);
  expect(channel.last('alive')).toEqual({ kind: 'alive', isServing: false, connections: 0 });
  health.setStore(true);
  expect(channel.last('alive')).toMatchObject({ isServing: true });
});

test('every second it tells that it lives, and what it counted', async () => {
  const { channel, worker, telemetry } = startWorker();
  await worker.start();
  channel.reports.length = 0;
  telemetry.ruleStats('shop', 'user').totalHits += 3;
  await expect.poll(() => channel.kinds(), { timeout: 5000 }).toContain('own');
  expect(channel.kinds().slice(0, 3)).toEqual(['alive', 'counts', 'own']);
  expect(channel.last('counts')?.counts.paths).toEqual([
    { domain: 'shop', path: 'user', isCallers: false },
  ]);
});

test('it takes connections that it is given, and says how many it has', async () => {
  const { channel, worker, taken } = startWorker();
  await worker.start();
  const socket = new Socket();
  channel.order({ kind: 'connection' }, socket);
  expect(channel.last('taken')).toEqual({ kind: 'taken', connections: 1 });
  // Closed on its way.
  channel.order({ kind: 'connection' });
  expect(channel.last('taken')).toEqual({ kind: 'taken', connections: 1 });
  expect(taken).toEqual([socket]);
});

test('rules that it is sent become ready', async () => {
  const { channel, worker } = startWorker();
  await worker.start();
  channel.order({ kind: 'rules', version: 0, domains: [], broken: [] });
  await expect.poll(() => channel.last('ready')).toEqual({ kind: 'ready', version: 0 });
});

test('it answers questions, counts after all that it counted', async () => {
  const { channel, worker } = startWorker();
  await worker.start();
  channel.order({ kind: 'ask', id: 1, question: { kind: 'json', body: '{}' } });
  await expect.poll(() => channel.last('answer')).toMatchObject({ id: 1, answer: { body: '{}' } });
  channel.reports.length = 0;
  channel.order({ kind: 'ask', id: 2, question: { kind: 'counts' } });
  await expect.poll(() => channel.last('answer')).toMatchObject({ id: 2, answer: null });
  expect(channel.kinds().filter((kind) => kind !== 'alive')).toEqual(['counts', 'own', 'answer']);
});

test('a profile is JSON; a second one meanwhile is refused', async () => {
  const { channel, worker } = startWorker();
  await worker.start();
  const question = { kind: 'profile', profile: 'cpu', seconds: 1 } as const;
  channel.order({ kind: 'ask', id: 1, question });
  channel.order({ kind: 'ask', id: 2, question });
  await expect.poll(() => channel.last('unanswered')).toMatchObject({ id: 2 });
  await expect.poll(() => channel.last('answer'), { timeout: 5000 }).toMatchObject({ id: 1 });
  expect(JSON.parse(String(channel.last('answer')?.answer))).toHaveProperty('nodes');
});

test.each([
  ['told to stop', (channel: TestChannel): void => channel.order({ kind: 'stop' })],
  ['without its supervisor', (channel: TestChannel): void => channel.lose()],
])('%s it drains once, and ends with 0', async (_name, end) => {
  let stops = 0;
  const stop = (): Promise<void> => {
    stops += 1;
    return Promise.resolve();
  };
  const { channel, worker, exits } = startWorker({
    service: { start: () => Promise.resolve(), stop },
  });
  await worker.start();
  end(channel);
  worker.stop();
  await expect.poll(() => exits).toEqual([0]);
  expect(stops).toBe(1);
  expect(channel.kinds().includes('own')).toBe(channel.connected);
});

test('stopped before it serves it does not say that it does', async () => {
  const gate = Promise.withResolvers<void>();
  const service = { start: () => gate.promise, stop: () => Promise.resolve() };
  const { channel, worker, exits } = startWorker({ service });
  const started = worker.start();
  channel.order({ kind: 'stop' });
  gate.resolve();
  await started;
  await expect.poll(() => exits).toEqual([0]);
  expect(channel.kinds()).not.toContain('serving');
});

test('a drain that does not end is ended by force', async () => {
  const stop = (): Promise<void> => new Promise(() => {});
  const { channel, worker, exits } = startWorker({
    service: { start: () => Promise.resolve(), stop },
    stopMsMax: 5,
  });
  await worker.start();
  channel.order({ kind: 'stop' });
  await expect.poll(() => exits).toEqual([1]);
});

test('without a channel at all nothing is told, and nothing waits', async () => {
  const link = new SupervisorLink({ connected: false, on: () => {}, once: () => {} });
  expect(link.isConnected).toBe(false);
  await link.send({ kind: 'serving' });
});
