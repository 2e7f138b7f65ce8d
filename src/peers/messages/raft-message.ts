/**
 * Raft's messages on the wire. A kind that this version does not know is told apart from nonsense: it
 * comes from a newer voter, and Raft may lose any message.
 */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { Entry, Position } from '../../core/raft/log-entry.ts';
import type {
  Append,
  AppendReply,
  Message,
  MessageBody,
  SnapshotChunk,
  SnapshotReply,
} from '../../core/raft/message.ts';
import type { SnapshotMeta } from '../../core/raft/snapshot.ts';
import {
  type RaftMessage,
  RaftMessageSchema,
  type Append as WireAppend,
  type AppendReply as WireAppendReply,
  type Position as WirePosition,
  type SnapshotMeta as WireSnapshotMeta,
} from '../../gen/weir/peer/v1/peer_pb.ts';
import { present, wholeOf } from './whole.ts';

type WireBody = NonNullable<MessageInitShape<typeof RaftMessageSchema>['body']>;

export function encodeRaftMessage(message: Message): RaftMessage {
  const { version, clusterId, from, to, incarnation, term, body } = message;
  return create(RaftMessageSchema, {
    version,
    clusterId,
    from,
    to,
    incarnation: BigInt(incarnation),
    term: BigInt(term),
    body: wireBodyOf(body),
  });
}

/** null for a kind that is not known. Throws MalformedMessage for what makes no sense. */
export function decodeRaftMessage(message: RaftMessage): Message | null {
  const { version, clusterId, from, to } = message;
  const body = bodyOf(message.body);
  if (body === null) return null;
  const incarnation = wholeOf(message.incarnation);
  return { version, clusterId, from, to, incarnation, term: wholeOf(message.term), body };
}

function wireBodyOf(body: MessageBody): WireBody {
  switch (body.kind) {
    case 'pre-vote': {
      const value = { campaignTerm: BigInt(body.campaignTerm), last: wirePositionOf(body.last) };
      return { case: 'preVote', value };
    }
    case 'pre-vote-reply': {
      const { campaignTerm, isGranted } = body;
      return { case: 'preVoteReply', value: { campaignTerm: BigInt(campaignTerm), isGranted } };
    }
    case 'vote': {
      const { isTransfer } = body;
      return { case: 'vote', value: { last: wirePositionOf(body.last), isTransfer } };
    }
    case 'vote-reply':
      return { case: 'voteReply', value: { isGranted: body.isGranted } };
    case 'append':
      return { case: 'append', value: wireAppendOf(body) };
    case 'append-reply':
      return { case: 'appendReply', value: wireAppendReplyOf(body) };
    case 'snapshot-chunk': {
      const { offset, bytes, round } = body;
      const snapshot = wireMetaOf(body.snapshot);
      const value = { snapshot, offset: BigInt(offset), bytes, round: BigInt(round) };
      return { case: 'snapshotChunk', value };
    }
    case 'snapshot-reply': {
      const { received, round } = body;
      const snapshot = wireMetaOf(body.snapshot);
      const value = { snapshot, received: BigInt(received), round: BigInt(round) };
      return { case: 'snapshotReply', value };
    }
    case 'timeout-now':
      return { case: 'timeoutNow', value: {} };
  }
}

function bodyOf(body: RaftMessage['body']): MessageBody | null {
  switch (body.case) {
    case 'preVote': {
      const { campaignTerm, last } = body.value;
      return {
        kind: 'pre-vote',
        campaignTerm: wholeOf(campaignTerm),
        last: positionOf(last),
      };
    }
    case 'preVoteReply': {
      const { campaignTerm, isGranted } = body.value;
      return { kind: 'pre-vote-reply', campaignTerm: wholeOf(campaignTerm), isGranted };
    }
    case 'vote': {
      const { last, isTransfer } = body.value;
      return { kind: 'vote', last: positionOf(last), isTransfer };
    }
    case 'voteReply':
      return { kind: 'vote-reply', isGranted: body.value.isGranted };
    case 'append':
      return appendOf(body.value);
    case 'appendReply':
      return appendReplyOf(body.value);
    case 'snapshotChunk': {
      const { snapshot, offset, bytes, round } = body.value;
      const at = { offset: wholeOf(offset), bytes, round: wholeOf(round) };
      return { kind: 'snapshot-chunk', snapshot: metaOf(snapshot), ...at } satisfies SnapshotChunk;
    }
    case 'snapshotReply': {
      const { snapshot, received, round } = body.value;
      const at = { received: wholeOf(received), round: wholeOf(round) };
      return { kind: 'snapshot-reply', snapshot: metaOf(snapshot), ...at } satisfies SnapshotReply;
    }
    case 'timeoutNow':
      return { kind: 'timeout-now' };
    default:
      return null;
  }
}

function wireAppendOf({ prev, entries, commit, round }: Append) {
  return {
    prev: wirePositionOf(prev),
    entries: entries.map(({ term, payload }) => ({
      term: BigInt(term),
      ...(payload === null ? {} : { payload }),
    })),
    commit: BigInt(commit),
    round: BigInt(round),
  };
}

function appendOf({ prev, entries, commit, round }: WireAppend): Append {
  const before = positionOf(prev);
  return {
    kind: 'append',
    prev: before,
    entries: entries.map(
      ({ term, payload }, at): Entry => ({
        index: before.index + at + 1,
        term: wholeOf(term),
        payload: payload ?? null,
      }),
    ),
    commit: wholeOf(commit),
    round: wholeOf(round),
  };
}

function wireAppendReplyOf(reply: AppendReply) {
  const round = BigInt(reply.round);
  if (reply.isMatch) {
    const value = { index: BigInt(reply.match), isFull: reply.isFull };
    return { round, result: { case: 'match' as const, value } };
  }
  const { index, term } = reply.conflict;
  const value = {
    prevIndex: BigInt(reply.prevIndex),
    index: BigInt(index),
    ...(term === null ? {} : { term: BigInt(term) }),
  };
  return { round, result: { case: 'conflict' as const, value } };
}

function appendReplyOf({ round, result }: WireAppendReply): AppendReply | null {
  const head = { kind: 'append-reply', round: wholeOf(round) } as const;
  switch (result.case) {
    case 'match': {
      const { index, isFull } = result.value;
      return { ...head, isMatch: true, match: wholeOf(index), isFull };
    }
    case 'conflict': {
      const { prevIndex, index, term } = result.value;
      const conflict = { index: wholeOf(index), term: term === undefined ? null : wholeOf(term) };
      return { ...head, isMatch: false, prevIndex: wholeOf(prevIndex), conflict };
    }
    default:
      return null;
  }
}

function wirePositionOf({ index, term }: Position) {
  return { index: BigInt(index), term: BigInt(term) };
}

function positionOf(position: WirePosition | undefined): Position {
  const { index, term } = present(position, 'a position');
  return { index: wholeOf(index), term: wholeOf(term) };
}

function wireMetaOf({ index, term, size, checksum }: SnapshotMeta) {
  return { index: BigInt(index), term: BigInt(term), size: BigInt(size), checksum };
}

function metaOf(meta: WireSnapshotMeta | undefined): SnapshotMeta {
  const { index, term, size, checksum } = present(meta, "a snapshot's place");
  return { index: wholeOf(index), term: wholeOf(term), size: wholeOf(size), checksum };
}
