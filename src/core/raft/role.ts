/**
 * What a node is at the moment; each role carries only what that role needs (thesis, 3.4 and 9.6).
 *
 *   follower ──timeout──▶ pre-candidate ──a quorum would vote──▶ candidate ──a quorum voted──▶ leader
 *      ▲                        │                                   │                            │
 *      └── a leader is heard, or a higher term, or (leader) no quorum for an election timeout ───┘
 */
import type { MonotonicMs } from '../time.ts';
import type { FollowerProgress } from './follower-progress.ts';
import type { HeartbeatRounds } from './heartbeat-rounds.ts';
import type { LogIndex, NodeId } from './log-entry.ts';
import type { SnapshotMeta } from './snapshot.ts';

export type Role = Follower | PreCandidate | Candidate | Leader;

export interface Follower {
  readonly kind: 'follower';
  /** Known once it was heard in this term. */
  readonly leader: NodeId | null;
  /** Null with the leader. */
  readonly heardAt: MonotonicMs | null;
  incoming: IncomingSnapshot | null;
}

/** A snapshot that came in part. */
export interface IncomingSnapshot {
  readonly meta: SnapshotMeta;
  /** Of the whole size; bounded by the limit on snapshots. */
  readonly bytes: Uint8Array;
  received: number;
}

export interface PreCandidate {
  readonly kind: 'pre-candidate';
  /** Peers that would vote for it. A set: an answer that comes twice counts once. */
  readonly granted: Set<NodeId>;
}

export interface Candidate {
  readonly kind: 'candidate';
  readonly granted: Set<NodeId>;
  /** Its own vote counts when this persist is on the disk. */
  readonly voteSequence: number;
}

export interface Leader {
  readonly kind: 'leader';
  readonly electedAt: MonotonicMs;
  /** Of the no-op that its term began with. */
  readonly firstIndex: LogIndex;
  readonly followers: ReadonlyMap<NodeId, FollowerProgress>;
  readonly rounds: HeartbeatRounds;
  nextHeartbeatAt: MonotonicMs;
  uncommittedBytes: number;
  transfer: LeadershipTransfer | null;
  /** Bounded by the limit on reads. */
  reads: PendingRead[];
}

export interface LeadershipTransfer {
  readonly id: number;
  readonly to: NodeId;
  readonly deadline: MonotonicMs;
}

export interface PendingRead {
  readonly id: number;
  /** What must be applied first. */
  readonly index: LogIndex;
  /** The heartbeat round that must be answered by a quorum first. */
  readonly round: number;
}
