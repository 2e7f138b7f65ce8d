/** Reading, on a real Redis: in order, each once, and what is wrong is told and passed over. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { encodeEvent } from '../../src/core/events/event-codec.ts';
import { RedisCommandError } from '../../src/counters/redis/redis-commands.ts';
import { EventReplay } from '../../src/events/event-replay.ts';
import { GroupReader } from '../../src/events/group-reader.ts';
import type { EntryReader } from '../../src/events/replay-run.ts';
import { FROM_NOW, StreamReader } from '../../src/events/stream-reader.ts';
import { recorded } from '../core/events/recorded.ts';
import { until } from '../support/child.ts';
import { startRedis } from '../support/redis-server.ts';
import {
  commandsOn,
  type Rig,
  readAll,
  Shown,
  SOON_MS,
  STREAM,
  startRig,
  streamsOf,
} from './rig.ts';

/** Reads on until the test ends. */
function follow({ place }: Rig, from: string | EntryReader = '0-0') {
  const shown = new Shown();
  const end = new AbortController();
  const reader =
    typeof from === 'string' ? new StreamReader(commandsOn(place), streamsOf(), from) : from;
  const isShared = typeof from !== 'string';
  const run = shown.run(reader, { signal: end.signal, isShared });
  const stop = async (): Promise<void> => {
    end.abort();
    await run;
  };
  onTestFinished(stop);
  return { shown, stop };
}

/** Another on its port, that knows nothing of before. */
async function restarted({ server }: Rig): Promise<void> {
  const again = await startRedis({ port: server.port });
  onTestFinished(() => again.stop().then(() => undefined));
}

const shows = (shown: Shown, count: number): Promise<unknown> =>
  until(
    () => shown.lines.length,
    (length) => length >= count,
    SOON_MS,
  );

test('two replicas with different clocks come out in the order of cause and effect', async () => {
  const rig = await startRig();
  const behind = rig.replica({ instance: 'behind', wall: () => Date.now() - 300 });
  const ahead = rig.replica({ instance: 'ahead', wall: () => Date.now() + 150 });
  // Each hears of what the other did before it does its own.
  for (let round = 1; round <= 5; round++) {
    const [from, to] = round % 2 === 1 ? [ahead, behind] : [behind, ahead];
    from.audit(round);
    const message = from.clock.tick(from.wall());
    expect(to.clock.receive(message, to.wall()).kind).toBe('taken');
  }
  await Promise.all([ahead.written(3), behind.written(2)]);
  const { events } = await readAll(rig.place);
  expect(events.map(({ details }) => details['version'])).toEqual([1, 2, 3, 4, 5]);
});

test('without a message their order is that of their clocks', async () => {
  const rig = await startRig();
  const behind = rig.replica({ instance: 'behind', wall: () => Date.now() - 300 });
  const ahead = rig.replica({ instance: 'ahead', wall: () => Date.now() + 150 });
  ahead.audit(1);
  behind.audit(2);
  await Promise.all([ahead.written(1), behind.written(1)]);
  expect((await readAll(rig.place)).lines).toEqual(['behind audit 1', 'ahead audit 1']);
});

test('one reader shows both kinds, or one of them, from an entry on', async () => {
  const rig = await startRig();
  const its = rig.replica();
  for (const version of [1, 2, 3]) {
    its.audit(version);
    its.abuse(`k${version}`);
  }
  await its.written(6);
  const all = await readAll(rig.place);
  expect(all.lines).toEqual(
    [1, 2, 3].flatMap((number) => [`weir-0 audit ${number}`, `weir-0 abuse ${number}`]),
  );
  const id = all.ids[2] as string;
  const reader = new StreamReader(commandsOn(rig.place), streamsOf().slice(0, 1), id);
  expect((await new Shown().run(reader)).lines).toEqual(['weir-0 audit 2', 'weir-0 audit 3']);
  const some = new StreamReader(commandsOn(rig.place), streamsOf(), '0-0');
  expect((await new Shown().run(some, { countMax: 4 })).lines).toEqual(all.lines.slice(0, 4));
});

test('more than a page is read to the end', async () => {
  const rig = await startRig();
  const its = rig.replica();
  for (let i = 1; i <= 600; i++) its.audit(i);
  await its.written(600);
  const { events, missing } = await readAll(rig.place);
  expect(events.map(({ sequence }) => sequence)).toEqual(
    Array.from({ length: 600 }, (_, index) => index + 1),
  );
  expect(missing).toEqual([]);
});

test('what was written twice is shown once, what is missing is told', async () => {
  const rig = await startRig();
  const its = rig.replica();
  for (const version of [1, 2, 3, 4]) its.audit(version);
  await its.written(4);
  const entries = await rig.redis.xrange(STREAM, '-', '+');
  // A batch that came again, and one entry that an operator deleted.
  for (const [, fields] of entries.slice(0, 2)) await rig.redis.xadd(STREAM, '*', ...fields);
  await rig.redis.xdel(STREAM, entries[2]?.[0] ?? '');
  const { lines, missing } = await readAll(rig.place);
  expect(lines).toEqual([1, 2, 4].map((number) => `weir-0 audit ${number}`));
  expect(missing).toEqual(['weir-0 3-3']);
});

test('entries that are no events are told and passed over', async () => {
  const rig = await startRig();
  const its = rig.replica();
  its.audit(1);
  await its.written(1);
  const [[, fields] = ['', []]] = await rig.redis.xrange(STREAM, '-', '+');
  const junk = [
    ['temperature', '20'],
    ['v', '9'],
    ['v', '1', 'kind', 'audit', 'details', '{"a":'],
    fields.map((field) => (field === 'audit' ? 'abuse' : field)),
    ['\u0000\r\n', '\u001b[2J'],
  ];
  for (const values of junk) await rig.redis.xadd(STREAM, '*', ...values);
  its.audit(2);
  await its.written(2);
  const { lines, corrupt } = await readAll(rig.place);
  expect(lines).toEqual(['weir-0 audit 1', 'weir-0 audit 2']);
  expect(corrupt.map((text) => text.replace(/^[\d-]+: /, ''))).toEqual([
    'it has no field v: something else wrote it',
    'its version "9" is not known here',
    'it has no field from',
    'its kind abuse is not that of its stream',
    'it has no field v: something else wrote it',
  ]);
});

describe('a reader that follows', () => {
  test('shows what comes, and begins at the end when told to', async () => {
    const rig = await startRig();
    const its = rig.replica();
    its.audit(1);
    await its.written(1);
    const [all, news] = [follow(rig), follow(rig, FROM_NOW)];
    await shows(all.shown, 1);
    its.audit(2);
    await Promise.all([shows(all.shown, 2), shows(news.shown, 1)]);
    expect(news.shown.lines).toEqual(['weir-0 audit 2']);
    // At its end it gives out what it held back.
    await all.stop();
    expect(all.shown.lines).toEqual(['weir-0 audit 1', 'weir-0 audit 2']);
  });

  test('goes on when its connection was cut', async () => {
    const rig = await startRig();
    const its = rig.replica();
    its.audit(1);
    await its.written(1);
    const { shown } = follow(rig);
    await shows(shown, 1);
    await rig.redis.call('client', ['KILL', 'TYPE', 'normal', 'SKIPME', 'yes']);
    its.audit(2);
    await shows(shown, 2);
    expect(shown.lines).toEqual(['weir-0 audit 1', 'weir-0 audit 2']);
  });

  test('tells that Redis is gone, and goes on when it is back', async () => {
    const rig = await startRig();
    const its = rig.replica();
    its.audit(1);
    await its.written(1);
    const { shown } = follow(rig);
    await shows(shown, 1);
    await rig.server.kill();
    await until(
      () => shown.troubles.length,
      (count) => count > 0,
      SOON_MS,
    );
    expect(shown.troubles[0]).toMatch(/^redis 127\.0\.0\.1:\d+: .*\. [A-Z].*[.?]$/);
    await restarted(rig);
    its.audit(2);
    await shows(shown, 2);
    expect(shown.lines).toEqual(['weir-0 audit 1', 'weir-0 audit 2']);
  });

  test('goes on with a server whose clock is behind that of the one before', async () => {
    const rig = await startRig();
    const its = rig.replica();
    its.audit(1);
    await its.written(1);
    const [[, fields] = ['', []]] = await rig.redis.xrange(STREAM, '-', '+');
    await rig.redis.xadd(STREAM, `${Date.now() + 5000}-0`, ...fields);
    const { shown } = follow(rig);
    await shows(shown, 1);
    await rig.server.kill();
    await until(
      () => shown.troubles.length,
      (count) => count > 0,
      SOON_MS,
    );
    await restarted(rig);
    its.audit(2);
    await shows(shown, 2);
    expect(shown.lines).toEqual(['weir-0 audit 1', 'weir-0 audit 2']);
  });

  test('as one of a group makes the group anew where the streams were deleted', async () => {
    const rig = await startRig();
    const its = rig.replica();
    its.audit(1);
    await its.written(1);
    const options = { group: 'g', consumer: 'c', from: '0-0', claimAfterMs: 60_000 };
    const reader = new GroupReader(commandsOn(rig.place), streamsOf(), options);
    const { shown } = follow(rig, reader);
    await shows(shown, 1);
    await rig.redis.flushall();
    its.audit(2);
    await shows(shown, 2);
    expect(shown.lines).toEqual(['weir-0 audit 1', 'weir-0 audit 2']);
    expect(shown.troubles[0]).toContain('NOGROUP');
  });
});

test('a Redis that cannot be asked at the start is an error with advice', async () => {
  const { place, server } = await startRig();
  await server.kill();
  const failed = readAll(place);
  await expect(failed).rejects.toThrow(RedisCommandError);
  await expect(failed).rejects.toThrow(/ECONNREFUSED.*\. Nothing listens there/);
});

test('a key that is no stream is an error with advice', async () => {
  const { place, redis } = await startRig();
  await redis.set(STREAM, 'x');
  const failed = readAll(place);
  await expect(failed).rejects.toThrow(/WRONGTYPE.*\. Something else lies under the key/);
  await expect(failed).rejects.toMatchObject({ refusal: expect.stringMatching(/^WRONGTYPE/) });
});

test('an entry that is read again while it is held back is over once, when it was shown', () => {
  const shown: string[] = [];
  const replay = new EventReplay(
    { windowMs: 1000, isShared: true, countMax: Infinity },
    { event: (_event, id) => shown.push(id), missing: () => {}, corrupt: () => {} },
  );
  const entry = { kind: 'audit', id: '5-0', fields: encodeEvent(recorded()) } as const;
  replay.take([entry]);
  replay.take([entry]);
  expect([shown, replay.takeDone()]).toEqual([[], []]);
  replay.settle();
  expect([shown, replay.takeDone()]).toEqual([['5-0'], [{ kind: 'audit', id: '5-0' }]]);
  // It was not acknowledged, as Redis was away: now it is, and not shown again.
  replay.take([entry]);
  replay.settle();
  expect([shown, replay.takeDone()]).toEqual([['5-0'], [{ kind: 'audit', id: '5-0' }]]);
});
