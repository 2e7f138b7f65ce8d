/** Commands for the log: a leader takes them or says why not (thesis, 3.5; bounds: 10.2). */

import type { RefusalReason } from './effect.ts';
import { refuse } from './following.ts';
import type { Propose } from './input.ts';
import { type Entry, entryBytes } from './log-entry.ts';
import type { RaftNode } from './raft-node.ts';
import { replicate } from './replication.ts';
import type { Leader } from './role.ts';

export function onPropose(node: RaftNode, proposal: Propose): void {
  const { role, log, term } = node;
  if (role.kind !== 'leader') {
    refuse(node, 'propose', proposal.id, 'not-leader');
    return;
  }
  const first = log.last.index + 1;
  const entries = proposal.payloads.map((payload, i) => ({ index: first + i, term, payload }));
  const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
  const reason = whyNot(node, role, entries, bytes);
  if (reason !== null) {
    refuse(node, 'propose', proposal.id, reason);
    return;
  }
  log.append(entries);
  node.durability.noteAppended(first);
  role.uncommittedBytes += bytes;
  node.effects.push({ kind: 'accepted', id: proposal.id, index: first, term });
  for (const progress of role.followers.values()) replicate(node, role, progress);
}

/** What can never be taken is told apart from what may be taken later. */
function whyNot(
  { log, options: { limits } }: RaftNode,
  leader: Leader,
  entries: readonly Entry[],
  bytes: number,
): RefusalReason | null {
  if (leader.transfer !== null) return 'transferring';
  if (entries.length === 0) return 'empty';
  const isLarge = ({ payload }: Entry): boolean => (payload?.length ?? 0) > limits.payloadBytesMax;
  if (entries.some(isLarge) || bytes > limits.uncommittedBytesMax) return 'too-large';
  if (leader.uncommittedBytes + bytes > limits.uncommittedBytesMax) return 'uncommitted-full';
  return log.bytes + bytes > limits.logBytesMax ? 'log-full' : null;
}
