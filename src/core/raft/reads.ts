/**
 * ReadIndex (thesis, 6.4): a read that is not stale, without a log entry. The leader notes how far the log
 * was committed, has a quorum confirm that it still led after that, and waits until this is applied.
 */
import { refuse } from './following.ts';
import type { Read } from './input.ts';
import { beat } from './leadership.ts';
import type { RaftNode } from './raft-node.ts';
import type { Leader } from './role.ts';

/**
 * Until its no-op is committed, a leader does not know how far its predecessors had committed; all of it
 * is before the no-op, so such a read waits for that.
 */
export function onRead(node: RaftNode, { id }: Read): void {
  const { role } = node;
  if (role.kind !== 'leader') refuse(node, 'read', id, 'not-leader');
  else if (role.reads.length >= node.options.limits.readsMax) {
    refuse(node, 'read', id, 'too-many-reads');
  } else {
    beat(node, role);
    const index = Math.max(node.commit, role.firstIndex);
    role.reads.push({ id, index, round: role.rounds.latest });
  }
}

/** Answers the reads that have all they wait for. */
export function answerReads(node: RaftNode, leader: Leader): void {
  const isReady = ({ index, round }: Leader['reads'][number]): boolean =>
    round <= leader.rounds.confirmed && index <= node.applied;
  for (const read of leader.reads.filter(isReady)) {
    node.effects.push({ kind: 'read-ready', id: read.id, index: read.index });
  }
  leader.reads = leader.reads.filter((read) => !isReady(read));
}
