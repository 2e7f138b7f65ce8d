/**
 * Mutated conversations, from a seed: whatever comes, the connection neither throws nor hangs nor
 * grows, says whole frames, and says nothing after its end. `FUZZ_SEED=n FUZZ_RUNS=m` replays more.
 */
import { describe, expect, it } from 'vitest';
import {
  bodyFrame,
  call,
  callFields,
  END_HEADERS,
  END_STREAM,
  frame,
  headers,
  message,
  PREFACE,
  settings,
  uint32,
  windowUpdate,
} from '../../support/http2-frames.ts';
import { Http2Peer } from '../../support/http2-peer.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? 1);
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 1500);

/** A small generator of its own (mulberry32), so that a seed means the same everywhere. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function anyFrame(pick: (below: number) => number): Buffer {
  const id = 2 * pick(8) + 1;
  const choices: (() => Buffer)[] = [
    () => call(id, 'hello'),
    () => call(id, 'hold', callFields('/test.Service/Hold')),
    () => call(id, 'watch', callFields('/test.Service/Watch')),
    () => headers(id, callFields()),
    () => bodyFrame(id, message('x'.repeat(pick(300))), pick(2)),
    () => bodyFrame(id, Buffer.alloc(pick(20)), pick(2)),
    () => headers(id, [['x', 'y']], END_HEADERS | END_STREAM),
    () => frame('RST_STREAM', id, 0, uint32(pick(14))),
    () => windowUpdate(pick(2) * id, pick(3) * pick(0x7fffffff)),
    () => settings([pick(7), pick(2) * pick(0xffffffff)]),
    () => frame('PING', 0, pick(2), Buffer.from('weir-bye')),
    () => frame('HEADERS', id, pick(256), Buffer.from(callFields().flat().join(''))),
    () => frame('CONTINUATION', id, pick(8), Buffer.alloc(pick(30), pick(256))),
    () => frame(pick(12), pick(20), pick(256), Buffer.alloc(pick(40), pick(256))),
    () => frame('GOAWAY', 0, 0, Buffer.alloc(8)),
  ];
  return (choices[pick(choices.length)] as () => Buffer)();
}

function mutate(bytes: Buffer, pick: (below: number) => number): Buffer {
  const mutations = pick(3) === 0 ? pick(4) : 0;
  for (let i = 0; i < mutations; i++) bytes[pick(bytes.length)] = pick(256);
  return pick(20) === 0 ? bytes.subarray(0, pick(bytes.length)) : bytes;
}

function converse(seed: number): void {
  const pick = random(seed);
  const peer = new Http2Peer({
    limits: { heldBytesMax: 2000, outputBytesMax: 20_000, concurrentStreamsMax: 5 },
    assemblyBytesMax: 4000,
  });
  peer.send(PREFACE, settings([4, pick(2) === 0 ? pick(40) : 65_535]));
  for (let turn = 0; turn < 12; turn++) {
    const bytes = mutate(Buffer.concat(Array.from({ length: 4 }, () => anyFrame(pick))), pick);
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + pick(bytes.length);
      peer.send(bytes.subarray(at, end));
      at = end;
    }
    if (pick(3) === 0) peer.held.pop()?.reply(Buffer.from('late'));
    if (pick(3) === 0) peer.watched.at(-1)?.send(Buffer.alloc(pick(500)));
    if (pick(10) === 0) peer.connection.leave(peer.nowMs);
    peer.tick(pick(3000));
    expect(peer.output.bytes.length).toBeLessThanOrEqual(40_000);
    const wasFinished = peer.connection.isFinished;
    const said = peer.output.hasOverflowed ? [] : peer.said();
    expect(said.join()).not.toContain('undefined');
    if (wasFinished) break;
  }
  checkEnd(peer);
}

/** After the connection has gone, nothing is left of it. */
function checkEnd(peer: Http2Peer): void {
  peer.connection.lose();
  peer.output.take();
  for (const held of peer.held) held.fail(14, 'late');
  for (const watched of peer.watched) watched.end(0, '');
  peer.send(PREFACE);
  peer.tick(1e6);
  expect(peer.output.length).toBe(0);
  expect(peer.connection.callCount).toBe(0);
  expect(peer.counters.streamsClosed).toBe(peer.counters.streamsOpened);
}

describe('a connection under mutated conversations', () => {
  it(`stays whole through ${RUNS} of them, from seed ${SEED}`, () => {
    for (let run = 0; run < RUNS; run++) {
      const seed = SEED * 1_000_003 + run;
      try {
        converse(seed);
      } catch (error) {
        throw new Error(`conversation ${seed} (run ${run}) failed`, { cause: error });
      }
    }
  });
});
