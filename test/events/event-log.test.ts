/** Recording, on a real Redis: what is written, and what it costs when Redis is not well. */
import { expect, onTestFinished, test } from 'vitest';
import { INSTANCE_LENGTH_MAX } from '../../src/core/events/event-codec.ts';
import { HybridClock } from '../../src/core/hlc/hybrid-clock.ts';
import { timeText } from '../../src/core/hlc/hybrid-time.ts';
import { BATCH_MAX, EventLane, QUEUE_MAX } from '../../src/events/event-lane.ts';
import { EventLog } from '../../src/events/event-log.ts';
import type { EventSink, WriteOutcome } from '../../src/events/event-sink.ts';
import { startFakeRedis } from '../counters/redis/fake-redis.ts';
import { until } from '../support/child.ts';
import { startRedis } from '../support/redis-server.ts';
import { eventsIn, Replica, SOON_MS, STREAM, startRig } from './rig.ts';

test('events are written in order, each kind to its stream with numbers of its own', async () => {
  const { redis, replica } = await startRig();
  const its = replica();
  its.audit(1);
  its.abuse('k');
  its.audit(2);
  await its.written(3);
  const { instance, incarnation } = its.log;
  const entries = await redis.xrange(STREAM, '-', '+');
  expect(entries.map(([, fields]) => fields.slice(0, 6))).toEqual(
    Array.from({ length: 2 }, () => ['v', '1', 'kind', 'audit', 'name', 'rules-loaded']),
  );
  const events = await eventsIn(redis);
  expect(events).toMatchObject([
    { kind: 'audit', sequence: 1, details: { version: 1 }, instance, incarnation, term: null },
    { kind: 'audit', sequence: 2, details: { version: 2 }, instance, incarnation },
    { kind: 'abuse', sequence: 1, details: { key: 'k' }, instance, incarnation },
  ]);
  const times = [events[0], events[2], events[1]].map((event) => timeText(event?.at ?? never()));
  expect(times).toEqual(times.toSorted());
  expect(await redis.keys('*')).toEqual(expect.arrayContaining([STREAM, `${STREAM}:abuse`]));
});

test('a stream keeps about as many as it is told, and abuse takes no audit away', async () => {
  const { redis, replica } = await startRig(['--stream-node-max-entries', '10']);
  const its = replica({ maxLength: 100 });
  its.audit(1);
  for (let i = 0; i < 400; i++) its.abuse(`k${i}`);
  await its.written(401);
  expect(await redis.xlen(STREAM)).toBe(1);
  expect(await redis.xlen(`${STREAM}:abuse`)).toBeLessThanOrEqual(110);
});

test('a start is told from another of the same name, also within a millisecond', () => {
  const parts = { clock: new HybridClock(), monotonic: () => 0, sink: new HeldSink() };
  const one = new EventLog({ ...parts, instance: 'a', wall: () => 1000, random: () => 0.1 });
  const same = new EventLog({ ...parts, instance: 'a', wall: () => 1000, random: () => 0.9 });
  const later = new EventLog({ ...parts, instance: 'a', wall: () => 1001, random: () => 0 });
  expect(one.incarnation).toBeLessThan(same.incarnation);
  expect(same.incarnation).toBeLessThan(later.incarnation);
  const long = new EventLog({
    ...parts,
    instance: 'x'.repeat(999),
    wall: () => 0,
    random: () => 0,
  });
  expect(long.instance).toHaveLength(INSTANCE_LENGTH_MAX);
});

test('what was recorded before Redis was there is written when it is', async () => {
  const { server, redis, replica } = await startRig();
  await server.kill();
  const its = replica();
  its.audit(1);
  await until(
    () => its.errorClasses,
    (classes) => classes.includes('refused'),
    SOON_MS,
  );
  // Tried several times by then.
  await until(
    () => its.log.lanes.audit.lagMs,
    (lag) => lag > 500,
    SOON_MS,
  );
  expect([its.queued, its.log.lanes.audit.written]).toEqual([1, 0]);
  const again = await startRedis({ port: server.port });
  onTestFinished(() => again.stop().then(() => undefined));
  await its.written(1);
  expect(its.queued).toBe(0);
  expect(await eventsIn(redis)).toHaveLength(1);
});

test('while Redis hangs events wait up to a bound, what is beyond is dropped and counted', async () => {
  const { server, redis, replica } = await startRig();
  const its = replica();
  its.audit(0);
  await its.written(1);
  server.freeze();
  const startedAt = performance.now();
  for (let i = 1; i <= QUEUE_MAX + 100; i++) its.audit(i);
  // Nobody waits for any of it: a thousand take less than one reply of a slow Redis.
  expect(performance.now() - startedAt).toBeLessThan(2000);
  const { audit: lane } = its.log.lanes;
  expect([lane.queued, lane.dropped.queue]).toEqual([QUEUE_MAX, 100]);
  await until(
    () => lane.lagMs,
    (lag) => lag > 300,
    SOON_MS,
  );
  await until(
    () => its.errorClasses,
    (classes) => classes.includes('timed_out'),
    SOON_MS,
  );
  server.thaw();
  await its.written(1 + QUEUE_MAX);
  expect([lane.queued, lane.lagMs]).toEqual([0, 0]);
  const sequences = new Set((await eventsIn(redis)).map(({ sequence }) => sequence));
  expect(sequences.size).toBe(1 + QUEUE_MAX);
});

test('a script that Redis forgot is brought along', async () => {
  const { redis, replica } = await startRig();
  const its = replica();
  its.audit(1);
  await its.written(1);
  await redis.script('FLUSH');
  its.audit(2);
  await its.written(2);
  expect((await eventsIn(redis)).map(({ sequence }) => sequence)).toEqual([1, 2]);
  expect(its.errorClasses).toEqual(['noscript']);
});

test('what Redis refuses is tried again, and written when it is put right', async () => {
  const { redis, replica } = await startRig();
  await redis.set(STREAM, 'no stream');
  const its = replica();
  its.audit(1);
  its.abuse('k');
  await until(
    () => its.errorClasses,
    (classes) => classes.includes('wrongtype'),
    SOON_MS,
  );
  // The other kind is not held up.
  await until(
    () => its.log.lanes.abuse.written,
    (count) => count === 1,
    SOON_MS,
  );
  await redis.del(STREAM);
  await its.written(2);
});

test('a leader of an earlier term writes nothing once a later one has written', async () => {
  const { redis, replica } = await startRig();
  const [old, next] = [replica({ instance: 'old' }), replica({ instance: 'next' })];
  old.audit(1, 4);
  await old.written(1);
  next.audit(2, 5);
  await next.written(1);
  // It was cut off and does not know: what it says as the leader is refused, what it is itself not.
  old.audit(3, 4);
  old.audit(4);
  await old.written(2);
  expect(old.log.lanes.audit.dropped.fenced).toBe(1);
  next.audit(5, 5);
  await next.written(2);
  const said = (await eventsIn(redis)).map(({ term, details }) => [details['version'], term]);
  expect(said).toEqual([
    [1, 4],
    [2, 5],
    [4, null],
    [5, 5],
  ]);
  expect(await redis.get(`${STREAM}:term:group`)).toBe('5');
});

test('within one batch the terms of two leaderships go on', async () => {
  const { redis, replica } = await startRig();
  await redis.set(`${STREAM}:term:group`, 'broken');
  const its = replica();
  for (const term of [1, 3, 2, 3]) its.audit(term, term);
  await its.written(3);
  expect((await eventsIn(redis)).map(({ term }) => term)).toEqual([1, 3, 3]);
  expect(its.log.lanes.audit.dropped.fenced).toBe(1);
});

test('at the end what waits is written, and what cannot be is counted', async () => {
  const { server, redis, replica } = await startRig();
  const its = replica();
  its.audit(0);
  await its.written(1);
  for (let i = 1; i <= 3 * BATCH_MAX; i++) its.audit(i);
  await its.log.close(SOON_MS);
  expect(await redis.xlen(STREAM)).toBe(1 + 3 * BATCH_MAX);
  its.audit(999);
  expect(its.log.lanes.audit.dropped.stopped).toBe(1);

  const other = replica();
  other.audit(0);
  await other.written(1);
  server.freeze();
  other.audit(1);
  const startedAt = performance.now();
  await other.log.close(200);
  expect(performance.now() - startedAt).toBeLessThan(5000);
  expect(other.log.lanes.audit.dropped.stopped).toBe(1);
  server.thaw();
});

test('a reply that is none of the script is an error, and the batch is tried again', async () => {
  await using fake = await startFakeRedis('+OK\r\n');
  const its = new Replica({ address: { host: '127.0.0.1', port: fake.port } });
  its.audit(1);
  await until(
    () => its.errorClasses,
    (classes) => classes.includes('unexpected'),
    SOON_MS,
  );
  expect([its.queued, its.log.lanes.audit.written]).toEqual([1, 0]);
});

/** Takes batches and says nothing until it is told to. */
class HeldSink implements EventSink {
  readonly batches: (readonly string[])[] = [];
  #done: ((outcome: WriteOutcome) => void) | null = null;

  write(...[, batch, done]: Parameters<EventSink['write']>): void {
    this.batches.push(batch.map(({ fields }) => fields[0] ?? ''));
    this.#done = done;
  }

  end(outcome: WriteOutcome): void {
    const done = this.#done;
    this.#done = null;
    done?.(outcome);
  }
}

const event = (name: string) => ({ fields: [name], term: null });

test('a batch whose fate is unknown comes again before anything else', async () => {
  const sink = new HeldSink();
  const lane = new EventLane('audit', sink, () => performance.now());
  lane.push(event('a'));
  await until(
    () => sink.batches.length,
    (count) => count === 1,
  );
  lane.push(event('b'));
  lane.hurry();
  sink.end({ kind: 'failed' });
  await until(
    () => sink.batches.length,
    (count) => count === 2,
  );
  sink.end({ kind: 'written', fenced: 0 });
  await until(
    () => sink.batches.length,
    (count) => count === 2 && lane.queued === 0,
  );
  expect(sink.batches).toEqual([['a'], ['a', 'b']]);
  expect(lane.written).toBe(2);
});

function never(): never {
  throw new Error('there is no such event');
}
