/**
 * What voters say to each other. A message is an envelope, the same for all, and a body. The term in the
 * envelope is always the sender's own; a pre-vote names the term that it would campaign in beside it.
 */
import type { Entry, LogIndex, NodeId, Position, Term } from './log-entry.ts';
import type { SnapshotMeta } from './snapshot.ts';

/** Of the meaning below. A node refuses any other, so a change of meaning is a new number. */
export const MESSAGE_VERSION = 1;

export interface Message {
  readonly version: number;
  readonly clusterId: string;
  readonly from: NodeId;
  readonly to: NodeId;
  /** The sender's. */
  readonly incarnation: number;
  /** The sender's, when it made the message. */
  readonly term: Term;
  readonly body: MessageBody;
}

export type MessageBody =
  | PreVote
  | PreVoteReply
  | Vote
  | VoteReply
  | Append
  | AppendReply
  | SnapshotChunk
  | SnapshotReply
  | TimeoutNow;

/** "Would you vote for me?" Changes nothing at either side (9.6). */
export interface PreVote {
  readonly kind: 'pre-vote';
  readonly campaignTerm: Term;
  readonly last: Position;
}

export interface PreVoteReply {
  readonly kind: 'pre-vote-reply';
  /** Of the question, so that an answer to an earlier one does not count. */
  readonly campaignTerm: Term;
  readonly isGranted: boolean;
}

/** RequestVote (3.4), for the envelope's term. */
export interface Vote {
  readonly kind: 'vote';
  readonly last: Position;
  /** The leader itself asked for this election, so it may disturb its followers (4.2.3). */
  readonly isTransfer: boolean;
}

export interface VoteReply {
  readonly kind: 'vote-reply';
  readonly isGranted: boolean;
}

/** AppendEntries (3.5); without entries, a heartbeat. */
export interface Append {
  readonly kind: 'append';
  /** Directly before `entries`. */
  readonly prev: Position;
  readonly entries: readonly Entry[];
  /** The leader's. */
  readonly commit: LogIndex;
  /** Heartbeat round that was the leader's latest when it sent this; comes back with the answer. */
  readonly round: number;
}

export type AppendReply = AppendMatch | AppendConflict;

/** The follower's disk holds the leader's log up to `match`. */
export interface AppendMatch {
  readonly kind: 'append-reply';
  readonly isMatch: true;
  readonly match: LogIndex;
  /** It took no more because its log is full: try again at the next heartbeat. */
  readonly isFull: boolean;
  readonly round: number;
}

/** The follower does not have `prev`. */
export interface AppendConflict {
  readonly kind: 'append-reply';
  readonly isMatch: false;
  readonly prevIndex: LogIndex;
  readonly conflict: ConflictHint;
  readonly round: number;
}

/** Saves a round trip per entry when logs differ (3.5, at its end). */
export interface ConflictHint {
  /** First index of `term` at the follower; where `term` is null, the first that it does not have. */
  readonly index: LogIndex;
  /** The follower's term at the index that was refused; null when it has nothing there. */
  readonly term: Term | null;
}

/** InstallSnapshot (5.1). It counts as a heartbeat, too. */
export interface SnapshotChunk {
  readonly kind: 'snapshot-chunk';
  readonly snapshot: SnapshotMeta;
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly round: number;
}

/** Send on from `received`. The last chunk is answered by an append reply, once it is on the disk. */
export interface SnapshotReply {
  readonly kind: 'snapshot-reply';
  readonly snapshot: SnapshotMeta;
  readonly received: number;
  readonly round: number;
}

/** "Campaign at once": the end of a transfer of leadership (3.10). */
export interface TimeoutNow {
  readonly kind: 'timeout-now';
}
