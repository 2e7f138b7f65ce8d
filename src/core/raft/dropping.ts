/** Messages that are not taken leave a trace. */
import type { DropReason } from './effect.ts';
import type { NodeId } from './log-entry.ts';
import type { RaftNode } from './raft-node.ts';

export function drop(node: RaftNode, from: NodeId, reason: DropReason): void {
  node.effects.push({ kind: 'dropped', from, reason });
}
