/** What a connection keeps of what it was sent, whatever a peer makes of it. */
import { expect, it } from 'vitest';
import { encodeHeaders } from '../../../src/wire/http2/hpack/encoder.ts';
import {
  bodyFrame,
  call,
  callFields,
  END_HEADERS,
  frame,
  message,
} from '../../support/http2-frames.ts';
import { Http2Peer } from '../../support/http2-peer.ts';
import { memoryBytes } from '../memory.ts';

const PEERS = 40;
const TURNS = 64;
/** Chunks of this size come from a socket. */
const CHUNK_BYTES = 65_536;
/** Beyond a peer of ordinary calls: a full table, 13 KiB, and sixteen heads of thirty fields each. */
const CONNECTION_BYTES_MAX = 64 * 1024;
const BASE = encodeHeaders(callFields());

const letter = (i: number): number => 0x61 + (i % 26);

/** As many short fields as the table holds, unlike those of other turns. */
function refill(turn: number): Buffer {
  const fields = Array.from({ length: 110 }, (_, i) => {
    const name = [0x61, letter(turn), letter(i)];
    return Buffer.from([0x40, 3, ...name, 2, letter(i), letter(turn >> 2)]);
  });
  return Buffer.concat([BASE, ...fields]);
}

/** Names fields of the table, another number of them in each turn. */
function naming(turn: number, count: number): Buffer {
  const fields = Array.from({ length: count + (turn % 16) }, (_, i) => 0x80 | (62 + (i % 60)));
  return Buffer.concat([BASE, Buffer.from(fields)]);
}

/** Fields that do not enter the table. */
function literals(turn: number, count: number): Buffer {
  const fields = Array.from({ length: count + (turn % 16) }, (_, i) =>
    Buffer.from([0, 1, letter(turn), 1, letter(i)]),
  );
  return Buffer.concat([BASE, ...fields]);
}

/** A peer that sent these blocks, each as a call. */
function converse(blocks: readonly Uint8Array[]): Http2Peer {
  const peer = Http2Peer.greeted();
  for (const [at, block] of blocks.entries()) {
    const id = 2 * at + 1;
    peer.send(frame('HEADERS', id, END_HEADERS, block), bodyFrame(id, message('')));
    peer.said();
  }
  return peer;
}

async function bytesOf(blocks: readonly Uint8Array[]): Promise<number> {
  // Code is compiled the first time.
  converse(blocks);
  const before = await memoryBytes();
  const peers = Array.from({ length: PEERS }, () => converse(blocks));
  const bytes = ((await memoryBytes()) - before) / PEERS;
  expect(peers.some(({ connection }) => connection.isFinished)).toBe(false);
  return bytes;
}

it.each<[string, (turn: number) => Buffer[]]>([
  ['after each change of the table', (turn) => [refill(turn), naming(turn, 10)]],
  ['with very many fields', (turn) => [refill(0), naming(turn, 100)]],
  ['with fields of their own', (turn) => [literals(turn, 80)]],
  ['with as many of their own as are kept', (turn) => [literals(turn, 14)]],
])('blocks that come again cost a connection some KiB: %s', async (_name, blocksOf) => {
  const blocks = Array.from({ length: TURNS }, (_, turn) => blocksOf(turn)).flat();
  const ordinary = blocks.map(() => BASE);
  expect((await bytesOf(blocks)) - (await bytesOf(ordinary))).toBeLessThan(CONNECTION_BYTES_MAX);
});

it.each([
  ['that ends with fields never seen before', 0],
  ['that ends amid a frame', 5],
])('a chunk %s is not kept', async (_name, bytesOfNext) => {
  const fields = callFields('/test.Service/Echo', [['unlike', 'others']]);
  const calls = Buffer.concat([call(1, 'x'.repeat(16_000)), call(3, 'x', fields)]);
  const chunk = Buffer.concat([calls, call(5, 'x').subarray(0, bytesOfNext)]);
  const openPeer = (text: Uint8Array): Http2Peer => {
    const peer = Http2Peer.greeted();
    // As a socket does: memory of its own for each chunk, here larger than what is in it.
    const memory = new Uint8Array(CHUNK_BYTES);
    memory.set(text);
    peer.connection.receive(memory.subarray(0, text.length), peer.nowMs);
    peer.said();
    return peer;
  };
  openPeer(chunk);
  const before = await memoryBytes();
  const peers = Array.from({ length: PEERS }, () => openPeer(chunk));
  const bytes = ((await memoryBytes()) - before) / PEERS;
  expect(peers.some(({ connection }) => connection.isFinished)).toBe(false);
  expect(bytes).toBeLessThan(CHUNK_BYTES / 2);
});
