import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import type { Message, MessageBody } from '../../../src/core/raft/message.ts';
import { type RaftMessage, RaftMessageSchema } from '../../../src/gen/weir/peer/v1/peer_pb.ts';
import { decodeRaftMessage, encodeRaftMessage } from '../../../src/peers/messages/raft-message.ts';
import { MalformedMessage } from '../../../src/peers/messages/whole.ts';

const BIG = Number.MAX_SAFE_INTEGER;
const snapshot = { index: 7, term: 3, size: 70_000, checksum: 0xffff_fff0 };

const BODIES: readonly MessageBody[] = [
  { kind: 'pre-vote', campaignTerm: 4, last: { index: 9, term: 3 } },
  { kind: 'pre-vote-reply', campaignTerm: 4, isGranted: true },
  { kind: 'vote', last: { index: BIG, term: BIG }, isTransfer: true },
  { kind: 'vote-reply', isGranted: false },
  { kind: 'append', prev: { index: 0, term: 0 }, entries: [], commit: 0, round: 1 },
  {
    kind: 'append',
    prev: { index: 5, term: 1 },
    entries: [
      { index: 6, term: 1, payload: null },
      { index: 7, term: 2, payload: new Uint8Array() },
      { index: 8, term: 2, payload: Uint8Array.of(1, 2, 255) },
    ],
    commit: 6,
    round: 12,
  },
  { kind: 'append-reply', isMatch: true, match: 8, isFull: true, round: 12 },
  {
    kind: 'append-reply',
    isMatch: false,
    prevIndex: 5,
    conflict: { index: 3, term: 1 },
    round: 12,
  },
  {
    kind: 'append-reply',
    isMatch: false,
    prevIndex: 5,
    conflict: { index: 0, term: null },
    round: 0,
  },
  { kind: 'snapshot-chunk', snapshot, offset: 65_536, bytes: Uint8Array.of(9), round: 2 },
  { kind: 'snapshot-reply', snapshot, received: 65_537, round: 2 },
  { kind: 'timeout-now' },
];

function messageOf(body: MessageBody): Message {
  const head = { version: 1, clusterId: 'shop', from: 'a', to: 'b', incarnation: 2, term: BIG };
  return { ...head, body };
}

const travelled = (message: RaftMessage): RaftMessage =>
  fromBinary(RaftMessageSchema, toBinary(RaftMessageSchema, message));

describe('a raft message', () => {
  it.each(BODIES)('of kind $kind arrives as it was sent', (body) => {
    const message = messageOf(body);
    expect(decodeRaftMessage(travelled(encodeRaftMessage(message)))).toEqual(message);
  });

  it('of a newer version arrives with its version, fields that are not known left out', () => {
    const bytes = toBinary(
      RaftMessageSchema,
      encodeRaftMessage({ ...messageOf({ kind: 'timeout-now' }), version: 2 }),
    );
    const unknownField = Uint8Array.of(0xf8, 0x07, 0x01);
    const newer = fromBinary(RaftMessageSchema, Uint8Array.from([...bytes, ...unknownField]));
    expect(decodeRaftMessage(newer)).toMatchObject({ version: 2, body: { kind: 'timeout-now' } });
  });

  it.each([
    ['no kind', {}],
    ['an answer without a result', { body: { case: 'appendReply' as const, value: {} } }],
  ])('with %s is of a kind that is not known', (_what, fields) => {
    expect(decodeRaftMessage(create(RaftMessageSchema, fields))).toBeNull();
  });

  it.each([
    ['a number beyond 2^53', { term: 2n ** 53n, body: { case: 'timeoutNow' as const, value: {} } }],
    ['no position', { body: { case: 'vote' as const, value: {} } }],
    ['no snapshot', { body: { case: 'snapshotChunk' as const, value: {} } }],
  ])('with %s makes no sense', (_what, fields) => {
    expect(() => decodeRaftMessage(create(RaftMessageSchema, fields))).toThrow(MalformedMessage);
  });
});
