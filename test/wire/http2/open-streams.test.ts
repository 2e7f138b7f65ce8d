import fc from 'fast-check';
import { expect, it } from 'vitest';
import { OpenStreams } from '../../../src/wire/http2/open-streams.ts';

interface Stream {
  readonly id: number;
}

/** What a Map would say, whatever opens and ends in whatever order. */
function expectSame(streams: OpenStreams<Stream>, map: ReadonlyMap<number, Stream>): void {
  const byId = (a: Stream, b: Stream): number => a.id - b.id;
  expect(streams.size).toBe(map.size);
  expect([...streams.values()].toSorted(byId)).toEqual([...map.values()].toSorted(byId));
}

it('knows the streams that are open, as a Map would', () => {
  // Each step opens a stream, its id so much further on, or ends the one that is open at that place.
  const step = fc.oneof(
    fc.record({ opens: fc.integer({ min: 1, max: 300 }) }),
    fc.record({ ends: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const streams = new OpenStreams<Stream>();
      const map = new Map<number, Stream>();
      let lastId = -1;
      for (const each of steps) {
        if ('opens' in each) {
          lastId += 2 * each.opens;
          const stream = { id: lastId };
          streams.add(stream);
          map.set(lastId, stream);
        } else {
          const open = [...map.values()];
          const stream = open[each.ends % open.length];
          if (stream === undefined) continue;
          streams.delete(stream);
          map.delete(stream.id);
        }
        expect(streams.get(lastId)).toBe(map.get(lastId));
      }
      for (let id = 1; id <= lastId; id += 2) expect(streams.get(id)).toBe(map.get(id));
      expectSame(streams, map);
    }),
  );
});

it('keeps a stream that outlives thousands, beside those that come and go', () => {
  const streams = new OpenStreams<Stream>();
  const watch = { id: 1 };
  streams.add(watch);
  for (let id = 3; id < 20_000; id += 2) {
    const call = { id };
    streams.add(call);
    expect(streams.get(1)).toBe(watch);
    streams.delete(call);
  }
  expectSame(streams, new Map([[1, watch]]));
  streams.delete(watch);
  expect([streams.size, streams.get(1)]).toEqual([0, undefined]);
});

it('holds more at once than it has places', () => {
  const streams = new OpenStreams<Stream>();
  const map = new Map(Array.from({ length: 3000 }, (_, i) => [2 * i + 1, { id: 2 * i + 1 }]));
  for (const stream of map.values()) streams.add(stream);
  expectSame(streams, map);
  for (const [id, stream] of map) expect(streams.get(id)).toBe(stream);
});

it('takes no notice of the end of a stream that is not there', () => {
  const streams = new OpenStreams<Stream>();
  streams.delete({ id: 1 });
  streams.add({ id: 1 });
  streams.delete({ id: 1 + 2 * 64 });
  expect(streams.size).toBe(1);
});
