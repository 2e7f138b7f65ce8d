/**
 * What a leader does by itself: begins its term with a no-op, sends heartbeats, and steps down when it
 * has no quorum (CheckQuorum: thesis, 6.2) or no disk.
 */
import type { MonotonicMs } from '../time.ts';
import { FollowerProgress } from './follower-progress.ts';
import { becomeFollower, refuse } from './following.ts';
import { HeartbeatRounds } from './heartbeat-rounds.ts';
import { entryBytes } from './log-entry.ts';
import type { RaftNode } from './raft-node.ts';
import { sendHeartbeat } from './replication.ts';
import type { Leader } from './role.ts';

/** Heartbeats per election timeout: several may be lost before anybody wants another leader. */
const HEARTBEATS_PER_TIMEOUT = 10;

/**
 * The no-op is the first entry that this leader may count to commit, and what is before it is committed
 * with it (3.6.2, 6.4). No bound holds it up: without it nothing would move.
 */
export function becomeLeader(node: RaftNode): void {
  const { log } = node;
  const index = log.last.index + 1;
  const leader: Leader = {
    kind: 'leader',
    electedAt: node.now,
    firstIndex: index,
    followers: new Map(node.peers.map((peer) => [peer, new FollowerProgress(peer, index)])),
    rounds: new HeartbeatRounds(node.quorum),
    nextHeartbeatAt: node.now,
    uncommittedBytes: 0,
    transfer: null,
    reads: [],
  };
  node.role = leader;
  log.append([{ index, term: node.term, payload: null }]);
  node.durability.noteAppended(index);
  const uncommitted = log.slice(node.commit + 1, index);
  leader.uncommittedBytes = uncommitted.reduce((sum, entry) => sum + entryBytes(entry), 0);
  beat(node, leader);
}

/** A heartbeat round: everybody hears the leader, and gets what it lacks as far as it may be sent. */
export function beat(node: RaftNode, leader: Leader): void {
  leader.rounds.begin(node.now);
  leader.nextHeartbeatAt = node.now + node.options.electionTimeoutMs / HEARTBEATS_PER_TIMEOUT;
  for (const progress of leader.followers.values()) sendHeartbeat(node, leader, progress);
}

export function tickLeader(node: RaftNode, leader: Leader): void {
  if (node.now >= stepDownAt(node, leader)) {
    becomeFollower(node, node.term);
    return;
  }
  if (leader.transfer !== null && node.now >= leader.transfer.deadline) {
    const { id } = leader.transfer;
    leader.transfer = null;
    refuse(node, 'transfer', id, 'transfer-timed-out');
  }
  if (node.now >= leader.nextHeartbeatAt) beat(node, leader);
}

/** When a leader must be ticked next. */
export function leaderDeadline(node: RaftNode, leader: Leader): MonotonicMs {
  const transferAt = leader.transfer?.deadline ?? Infinity;
  return Math.min(leader.nextHeartbeatAt, transferAt, stepDownAt(node, leader));
}

/**
 * An election timeout after the last round that a quorum answered was begun: nobody can have been elected
 * before, for those who answered were loyal until then (4.2.3). The same for a disk that stands still:
 * others can do better, and nothing that waits for it would ever be granted.
 */
function stepDownAt(node: RaftNode, leader: Leader): MonotonicMs {
  if (node.has('lead-without-quorum') || node.peers.length === 0) return Infinity;
  const inTouchAt = Math.max(leader.electedAt, leader.rounds.confirmedAt ?? leader.electedAt);
  const diskAt = node.durability.waitingSince ?? Infinity;
  return Math.min(inTouchAt, diskAt) + node.options.electionTimeoutMs;
}
