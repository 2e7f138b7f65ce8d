/** Log compaction (thesis, 5.1): once a snapshot is on the disk, the log before it can go. */
import { refuse } from './following.ts';
import type { SnapshotMade } from './input.ts';
import type { LogIndex } from './log-entry.ts';
import type { RaftNode } from './raft-node.ts';
import { makeSnapshot, type Snapshot } from './snapshot.ts';

/** The state machine made a snapshot: it goes to the disk. */
export function onSnapshotMade(node: RaftNode, { index, bytes }: SnapshotMade): void {
  const entry = node.log.at(index);
  if (entry === null || index > node.applied || index <= node.madeIndex) {
    refuse(node, 'snapshot-made', index, 'out-of-range');
  } else if (bytes.length > node.options.limits.snapshotBytesMax) {
    refuse(node, 'snapshot-made', index, 'too-large');
  } else {
    node.madeIndex = index;
    node.durability.noteSnapshot(makeSnapshot(entry, bytes));
  }
}

/** A snapshot is on the disk. One that a leader sent goes to the state machine now. */
export function onSnapshotDurable(node: RaftNode, snapshot: Snapshot): void {
  const { index } = snapshot.meta;
  node.snapshot = snapshot;
  if (index > node.applied) {
    node.applied = index;
    node.effects.push({ kind: 'install-snapshot', snapshot });
  }
  node.log.compactThrough(Math.min(index - tailOf(node), neededAfter(node)));
  // The log may have restarted at a later snapshot meanwhile, which the disk does not have yet.
  node.effects.push({ kind: 'compact', through: Math.min(node.log.base.index, index) });
}

/** A log that is half full has no room for what it need not keep. */
function tailOf(node: RaftNode): number {
  return isHalfFull(node) ? 0 : node.options.limits.compactionTail;
}

/**
 * A follower that is being sent a snapshot needs the entries behind it next. Were they gone by then, it would be
 * sent another one, and a leader that makes them faster than they travel would never be done.
 */
function neededAfter(node: RaftNode): LogIndex {
  const { role } = node;
  if (role.kind !== 'leader' || isHalfFull(node)) return Infinity;
  let least = Infinity;
  for (const { peer, state } of role.followers.values()) {
    if (state.kind !== 'snapshot' || !role.rounds.hasAnsweredLately(peer)) continue;
    least = Math.min(least, state.snapshot.meta.index);
  }
  return least;
}

function isHalfFull({ log, options: { limits } }: RaftNode): boolean {
  return log.bytes * 2 > limits.logBytesMax;
}
