/** Two ways to send: at once, or when what the message says is on the disk. */
import type { Send } from './effect.ts';
import type { NodeId } from './log-entry.ts';
import { MESSAGE_VERSION, type MessageBody } from './message.ts';
import type { RaftNode } from './raft-node.ts';

/** For a leader's appends, which promise nothing about its own disk (thesis, 10.2.1). */
export function sendNow(node: RaftNode, to: NodeId, body: MessageBody): void {
  node.effects.push(addressed(node, to, body));
}

/** For everything else: first note what changed, then send (3.8). */
export function sendWhenDurable(node: RaftNode, to: NodeId, body: MessageBody): void {
  const send = addressed(node, to, body);
  if (!node.durability.hold(send)) node.effects.push(send);
}

function addressed(node: RaftNode, to: NodeId, body: MessageBody): Send {
  const { id: from, clusterId, incarnation } = node.options;
  const { term } = node;
  const message = { version: MESSAGE_VERSION, clusterId, from, to, incarnation, term, body };
  return { kind: 'send', to, message };
}
