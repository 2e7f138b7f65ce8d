/**
 * Leadership transfer (thesis, 3.10): the leader takes no more proposals, brings its successor up to date,
 * and tells it to campaign at once. Not done within an election timeout, it goes on leading.
 */

import type { FollowerProgress } from './follower-progress.ts';
import { refuse } from './following.ts';
import type { Transfer } from './input.ts';
import type { NodeId } from './log-entry.ts';
import type { RaftNode } from './raft-node.ts';
import type { Leader, LeadershipTransfer } from './role.ts';
import { sendNow } from './sending.ts';

export function onTransfer(node: RaftNode, { id, to }: Transfer): void {
  const { role } = node;
  if (role.kind !== 'leader') {
    refuse(node, 'transfer', id, 'not-leader');
    return;
  }
  const successor = role.followers.get(to ?? furthest(role) ?? '');
  if (successor === undefined) refuse(node, 'transfer', id, 'no-such-peer');
  else if (role.transfer !== null) refuse(node, 'transfer', id, 'transferring');
  else {
    const deadline = node.now + node.options.electionTimeoutMs;
    role.transfer = { id, to: successor.peer, deadline };
    finishTransfer(node, role.transfer, successor);
  }
}

/** The successor has the whole log. Asked again with each answer: this message, too, may be lost. */
export function finishTransfer(
  node: RaftNode,
  { to }: LeadershipTransfer,
  { match }: FollowerProgress,
): void {
  if (match === node.log.last.index) sendNow(node, to, { kind: 'timeout-now' });
}

/** Of the followers that were heard in this term, the one whose disk holds most. */
function furthest({ followers, rounds }: Leader): NodeId | null {
  const heard = [...followers.values()].filter(({ peer }) => rounds.hasAnswered(peer));
  return heard.sort((a, b) => b.match - a.match)[0]?.peer ?? null;
}
