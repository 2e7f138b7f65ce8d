/** Readers that share a stream, on a real Redis: each event is shown by one, and none is forgotten. */
import { expect, test } from 'vitest';
import { GroupReader } from '../../src/events/group-reader.ts';
import type { StreamEntry } from '../../src/events/stream-entry.ts';
import { FROM_NOW } from '../../src/events/stream-reader.ts';
import { until } from '../support/child.ts';
import { commandsOn, type Rig, Shown, SOON_MS, STREAM, startRig, streamsOf } from './rig.ts';

interface Consumer {
  readonly consumer?: string;
  readonly from?: string;
  readonly claimAfterMs?: number;
}

function readerOn({ place }: Rig, options: Consumer = {}): GroupReader {
  return new GroupReader(commandsOn(place), streamsOf(), {
    group: 'siem',
    consumer: 'one',
    from: '0-0',
    claimAfterMs: 3_600_000,
    ...options,
  });
}

const shared = { isShared: true };

async function rigWith(count: number) {
  const rig = await startRig();
  const its = rig.replica();
  for (let i = 1; i <= count; i++) its.audit(i);
  its.abuse('k');
  await its.written(count + 1);
  return { rig, its };
}

const sequences = (entries: readonly StreamEntry[]): number[] =>
  entries.map(({ fields }) => Number(fields?.[(fields.indexOf('seq') ?? 0) + 1]));

test('what is acknowledged comes to nobody again', async () => {
  const { rig, its } = await rigWith(2);
  expect((await new Shown().run(readerOn(rig), shared)).lines).toHaveLength(3);
  expect((await new Shown().run(readerOn(rig), shared)).lines).toEqual([]);
  const other = readerOn(rig, { consumer: 'two', claimAfterMs: 0 });
  expect((await new Shown().run(other, shared)).lines).toEqual([]);
  its.audit(3);
  await its.written(4);
  expect((await new Shown().run(readerOn(rig), shared)).lines).toEqual(['weir-0 audit 3']);
});

test('two consumers share the events', async () => {
  const { rig } = await rigWith(400);
  const [one, two] = await Promise.all(
    ['one', 'two'].map((consumer) => new Shown().run(readerOn(rig, { consumer }), shared)),
  );
  const all = [...(one?.lines ?? []), ...(two?.lines ?? [])];
  expect(new Set(all).size).toBe(401);
  expect(all).toHaveLength(401);
  // Of what the other got nothing is missing.
  expect([one?.missing, two?.missing]).toEqual([[], []]);
});

test('a consumer that ended before it acknowledged is given the same again', async () => {
  const { rig } = await rigWith(2);
  expect(sequences(await readerOn(rig).read())).toEqual([1, 2, 1]);
  const again = await new Shown().run(readerOn(rig), shared);
  expect(again.lines.toSorted()).toEqual(['weir-0 abuse 1', 'weir-0 audit 1', 'weir-0 audit 2']);
});

test('what another left behind is taken over after a time', async () => {
  const { rig } = await rigWith(2);
  await readerOn(rig).read();
  const patient = readerOn(rig, { consumer: 'two' });
  expect((await new Shown().run(patient, shared)).lines).toEqual([]);
  const heir = readerOn(rig, { consumer: 'two', claimAfterMs: 1 });
  const shown = await new Shown().run(heir, shared);
  expect(shown.lines.toSorted()).toEqual(['weir-0 abuse 1', 'weir-0 audit 1', 'weir-0 audit 2']);
});

test('an entry that was trimmed before it was acknowledged is told once', async () => {
  const { rig } = await rigWith(2);
  await readerOn(rig).read();
  await rig.redis.xtrim(STREAM, 'MAXLEN', 1);
  const again = await new Shown().run(readerOn(rig), shared);
  expect(again.corrupt).toEqual([
    expect.stringMatching(/^\d+-\d+: it was trimmed before anybody acknowledged it$/),
  ]);
  expect(again.lines.toSorted()).toEqual(['weir-0 abuse 1', 'weir-0 audit 2']);
  expect((await new Shown().run(readerOn(rig), shared)).corrupt).toEqual([]);
});

test('an entry that was trimmed is told by who takes it over', async () => {
  const { rig } = await rigWith(2);
  await readerOn(rig).read();
  await rig.redis.xtrim(STREAM, 'MAXLEN', 1);
  const heir = readerOn(rig, { consumer: 'two', claimAfterMs: 1 });
  const shown = await new Shown().run(heir, shared);
  expect(shown.corrupt).toHaveLength(1);
  expect(shown.lines.toSorted()).toEqual(['weir-0 abuse 1', 'weir-0 audit 2']);
});

test('no event at all is acknowledged as well, or it would come for ever', async () => {
  const { rig } = await rigWith(0);
  await rig.redis.xadd(STREAM, '*', 'temperature', '20');
  expect((await new Shown().run(readerOn(rig), shared)).corrupt).toHaveLength(1);
  expect((await new Shown().run(readerOn(rig), shared)).corrupt).toEqual([]);
});

test('what was written twice is shown once, and acknowledged twice', async () => {
  const { rig } = await rigWith(1);
  const [[, fields] = ['', []]] = await rig.redis.xrange(STREAM, '-', '+');
  await rig.redis.xadd(STREAM, '*', ...fields);
  const shown = await new Shown().run(readerOn(rig), shared);
  expect(shown.lines.toSorted()).toEqual(['weir-0 abuse 1', 'weir-0 audit 1']);
  expect((await rig.redis.xpending(STREAM, 'siem'))[0]).toBe(0);
});

test('a new group begins where it is told, one that is there goes on', async () => {
  const { rig, its } = await rigWith(2);
  expect((await new Shown().run(readerOn(rig, { from: FROM_NOW }), shared)).lines).toEqual([]);
  its.audit(3);
  await its.written(4);
  const later = await new Shown().run(readerOn(rig, { from: '0-0' }), shared);
  expect(later.lines).toEqual(['weir-0 audit 3']);
});

test('a consumer that lost its connection shows everything once, and acknowledges it', async () => {
  const { rig, its } = await rigWith(50);
  const end = new AbortController();
  const shown = new Shown();
  const run = shown.run(readerOn(rig), { ...shared, signal: end.signal, windowMs: 500 });
  // It holds them back still, and has not acknowledged them.
  await until(
    () => rig.redis.xpending(STREAM, 'siem').catch(() => [0]),
    ([n]) => Number(n) > 0,
  );
  await rig.redis.call('client', ['KILL', 'TYPE', 'normal', 'SKIPME', 'yes']);
  its.audit(51);
  await until(
    () => shown.lines.length,
    (length) => length >= 52,
    SOON_MS,
  );
  const pending = async (): Promise<unknown> => (await rig.redis.xpending(STREAM, 'siem'))[0];
  await until(pending, (count) => count === 0, SOON_MS);
  end.abort();
  await run;
  expect(shown.lines).toHaveLength(52);
  expect(new Set(shown.lines).size).toBe(52);
});
