/** What is committed, and what the state machine is given of it (thesis, 3.5 and 3.6.2). */
import { entryBytes } from './log-entry.ts';
import type { RaftNode } from './raft-node.ts';
import type { Leader } from './role.ts';

/**
 * The highest index that a quorum of disks holds is committed, if its entry is of the leader's own term;
 * all before it are then, too. An older entry may be on a quorum and yet be overwritten (figure 3.7).
 */
export function advanceCommit(node: RaftNode, leader: Leader): void {
  const held = [...leader.followers.values()].map(({ match }) => match);
  held.push(node.durability.durableIndex);
  const index = held.sort((a, b) => b - a)[node.quorum - 1] ?? 0;
  if (index <= node.commit) return;
  const isOwnTerm = node.log.at(index)?.term === node.term;
  if (!isOwnTerm && !node.has('commit-older-terms')) return;
  for (const entry of node.log.slice(node.commit + 1, index)) {
    leader.uncommittedBytes -= entryBytes(entry);
  }
  node.commit = index;
}

/**
 * Applies what is committed and on this node's own disk: so the state machine is never ahead of the log
 * that it would be rebuilt from. While a snapshot is being installed nothing behind it counts as durable, so
 * what follows the snapshot is applied after it.
 */
export function applyCommitted(node: RaftNode): void {
  const { log, durability } = node;
  const committed = node.has('apply-beyond-commit') ? log.last.index : node.commit;
  const entries = log.slice(node.applied + 1, Math.min(committed, durability.durableIndex));
  const last = entries.at(-1);
  if (last === undefined) return;
  node.applied = last.index;
  node.effects.push({ kind: 'apply', entries });
}
