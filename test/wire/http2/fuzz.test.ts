/**
 * Mutated conversations, from a seed: whatever comes, the connection neither throws nor hangs nor
 * grows, says whole frames, says nothing after its end, and says the same however the bytes are cut
 * into chunks.
 */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { encodeHeaders } from '../../../src/wire/http2/hpack/encoder.ts';
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
import {
  FUZZ_SEED,
  fuzz,
  fuzzMsMax,
  fuzzRuns,
  mutateBytes,
  type Pick,
  pickFrom,
} from '../fuzzing.ts';

const RUNS = fuzzRuns(3000);
const TURNS = 12;
const FRAMES_A_TURN = 4;

const HOLD = callFields('/test.Service/Hold');
const WATCH = callFields('/test.Service/Watch');
const GZIP = callFields('/test.Service/Echo', [['grpc-encoding', 'gzip']]);
const ZIPPED = gzipSync('hello hello hello hello');
/** Literals that enter the dynamic table, references to it, size updates, Huffman's padding. */
const BLOCK_PARTS = [
  Buffer.from([0x40, 1, 0x61, 1, 0x62]),
  Buffer.from([0xbe]),
  Buffer.from([0xbf, 0xc0]),
  Buffer.from([0x20, 0x3f, 0xe1, 0x1f]),
  Buffer.from([0x7e, 0x82, 0xff, 0xff]),
  Buffer.from([0x00, 0x81, 0x1f, 0x01, 0x61]),
];

function anyBlock(pick: Pick): Buffer {
  const parts = [encodeHeaders(callFields())];
  for (let left = pick(4); left > 0; left--) {
    const part = BLOCK_PARTS[pick(BLOCK_PARTS.length)] as Buffer;
    if (pick(2) === 0) parts.push(part);
    else parts.unshift(part);
  }
  return Buffer.concat(parts);
}

/** A header block in HEADERS and CONTINUATION frames, now and then with something in between. */
function splitBlock(id: number, pick: Pick): Buffer {
  const block = anyBlock(pick);
  const at = pick(block.length);
  const between = pick(8) === 0 ? frame('PING', 0, 0, Buffer.alloc(8)) : Buffer.alloc(0);
  return Buffer.concat([
    frame('HEADERS', id, pick(2), block.subarray(0, at)),
    between,
    frame('CONTINUATION', id, END_HEADERS, block.subarray(at)),
  ]);
}

function anyFrame(pick: Pick): Buffer {
  const id = 2 * pick(8) + 1;
  const choices: (() => Buffer)[] = [
    () => call(id, 'hello'),
    () => call(id, 'hold', HOLD),
    () => call(id, 'watch', WATCH),
    () => Buffer.concat([headers(id, GZIP), bodyFrame(id, message(mutateBytes(ZIPPED, pick), 1))]),
    () => headers(id, pick(2) === 0 ? callFields() : WATCH),
    () => frame('HEADERS', id, END_HEADERS, anyBlock(pick)),
    () => splitBlock(id, pick),
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

interface Turn {
  readonly bytes: Buffer;
  /** Where the bytes are cut. */
  readonly cuts: readonly number[];
  readonly answersCall: boolean;
  /** A message of so many bytes to the newest stream; -1: none. */
  readonly streamBytes: number;
  readonly leaves: boolean;
  readonly passMs: number;
}

function anyTurn(pick: Pick, mayLeave: boolean): Turn {
  const frames = Buffer.concat(Array.from({ length: FRAMES_A_TURN }, () => anyFrame(pick)));
  const bytes = pick(3) === 0 ? mutateBytes(frames, pick) : frames;
  const cuts: number[] = [];
  for (let at = 0; at < bytes.length; ) cuts.push((at += 1 + pick(bytes.length)));
  return {
    bytes,
    cuts,
    answersCall: pick(3) === 0,
    streamBytes: pick(3) === 0 ? pick(500) : -1,
    leaves: mayLeave && pick(10) === 0,
    passMs: pick(3000),
  };
}

/** What the connection said in each turn. */
function converse(turns: readonly Turn[], windowBytes: number, isCut: boolean): string[] {
  const peer = new Http2Peer({
    limits: { heldBytesMax: 2000, outputBytesMax: 20_000, concurrentStreamsMax: 5 },
    assemblyBytesMax: 4000,
  });
  peer.send(PREFACE, settings([4, windowBytes]));
  const heard: string[] = [];
  for (const turn of turns) {
    const { bytes } = turn;
    let from = 0;
    for (const to of isCut ? turn.cuts : [bytes.length]) {
      peer.send(bytes.subarray(from, to));
      from = to;
    }
    if (turn.answersCall) peer.held.pop()?.reply(Buffer.from('late'));
    if (turn.streamBytes >= 0) peer.watched.at(-1)?.send(Buffer.alloc(turn.streamBytes));
    if (turn.leaves) peer.connection.leave(peer.nowMs);
    peer.tick(turn.passMs);
    expect(peer.output.bytes.length).toBeLessThanOrEqual(40_000);
    const wasFinished = peer.connection.isFinished;
    const said = peer.output.hasOverflowed ? 'too much' : peer.said().join('\n');
    expect(said).not.toContain('undefined');
    heard.push(said);
    if (wasFinished || peer.output.hasOverflowed) break;
  }
  checkEnd(peer);
  return heard;
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
  expect(peer.service.assembly.bytes).toBe(0);
  expect(peer.counters.streamsClosed).toBe(peer.counters.streamsOpened);
}

function conversation(seed: number): void {
  const pick = pickFrom(seed);
  const windowBytes = pick(2) === 0 ? pick(40) : 65_535;
  // One that leaves may go as soon as a chunk leaves it without calls, so there chunks matter.
  const mayLeave = pick(4) === 0;
  const turns = Array.from({ length: TURNS }, () => anyTurn(pick, mayLeave));
  const inPieces = converse(turns, windowBytes, true);
  if (!mayLeave) expect(converse(turns, windowBytes, false)).toEqual(inPieces);
}

describe('a connection under mutated conversations', () => {
  it(
    `stays whole through ${RUNS} of them, from seed ${FUZZ_SEED}`,
    () => fuzz('conversation', RUNS, conversation),
    fuzzMsMax(RUNS),
  );
});
