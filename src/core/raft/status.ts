/** What others may know about a node: leases, metrics, the admin API. */
import type { MonotonicMs } from '../time.ts';
import type { RoleChanged } from './effect.ts';
import type { ProgressState } from './follower-progress.ts';
import type { LogIndex, NodeId, Term } from './log-entry.ts';
import type { RaftNode } from './raft-node.ts';
import type { Leader } from './role.ts';

export interface RaftStatus {
  readonly id: NodeId;
  readonly role: RoleChanged['role'];
  readonly term: Term;
  readonly leader: NodeId | null;
  readonly commit: LogIndex;
  readonly applied: LogIndex;
  /** The disk holds the log up to here. */
  readonly durable: LogIndex;
  readonly last: LogIndex;
  /** Of the latest snapshot on the disk; 0 before the first. */
  readonly snapshotIndex: LogIndex;
  /** In memory. When they grow, it is time for a snapshot. */
  readonly logEntries: number;
  readonly logBytes: number;
  /** null unless it leads. */
  readonly leading: LeaderStatus | null;
}

export interface LeaderStatus {
  readonly electedAt: MonotonicMs;
  /**
   * Begin of the latest heartbeat round of this term that a quorum answered: nobody else can have been
   * elected before it. null until one was. Leases may be granted from here, never from "now".
   */
  readonly confirmedAt: MonotonicMs | null;
  /** Its no-op is applied: the state machine holds all that earlier leaders committed. */
  readonly isReady: boolean;
  readonly transferTo: NodeId | null;
  readonly uncommittedBytes: number;
  readonly followers: readonly FollowerStatus[];
}

export interface FollowerStatus {
  readonly id: NodeId;
  readonly state: ProgressState['kind'];
  readonly match: LogIndex;
  readonly next: LogIndex;
}

export function statusOf(node: RaftNode): RaftStatus {
  return {
    id: node.id,
    role: node.role.kind,
    term: node.term,
    leader: node.leader,
    commit: node.commit,
    applied: node.applied,
    durable: node.durability.durableIndex,
    last: node.log.last.index,
    snapshotIndex: node.snapshot?.meta.index ?? 0,
    logEntries: node.log.length,
    logBytes: node.log.bytes,
    leading: node.role.kind === 'leader' ? leaderStatusOf(node, node.role) : null,
  };
}

function leaderStatusOf({ applied }: RaftNode, leader: Leader): LeaderStatus {
  return {
    electedAt: leader.electedAt,
    confirmedAt: leader.rounds.confirmedAt,
    isReady: applied >= leader.firstIndex,
    transferTo: leader.transfer?.to ?? null,
    uncommittedBytes: leader.uncommittedBytes,
    followers: [...leader.followers.values()].map(({ peer, state, match, next }) => ({
      id: peer,
      state: state.kind,
      match,
      next,
    })),
  };
}
