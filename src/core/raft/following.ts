/** Becoming a follower: at a higher term (thesis, 3.3), on hearing a leader (3.4), without a quorum (6.2). */
import type { RefusalReason, Refused } from './effect.ts';
import type { NodeId, Term } from './log-entry.ts';
import type { RaftNode } from './raft-node.ts';
import type { Follower, Leader } from './role.ts';

/**
 * A follower of `term`, which is not below its own, and of nobody yet. In a new term it has no vote, and
 * what it was about to say of the old one is not sent any more.
 */
export function becomeFollower(node: RaftNode, term: Term): void {
  if (term > node.term) enterTerm(node, term, null);
  if (node.role.kind === 'leader') endLeadership(node, node.role);
  node.role = { kind: 'follower', leader: null, heardAt: null, incoming: null };
}

/** Term and vote change together, and never without the disk. */
export function enterTerm(node: RaftNode, term: Term, vote: NodeId | null): void {
  node.term = term;
  node.vote = vote;
  node.durability.dropHeld();
  node.durability.noteHardState();
}

/** A message of this term's leader came: `from` is followed, and the wait for it starts again. */
export function hearLeader(node: RaftNode, from: NodeId): Follower {
  const { role } = node;
  const isKnown = role.kind === 'follower' && role.leader === from;
  const incoming = isKnown ? role.incoming : null;
  const follower: Follower = { kind: 'follower', leader: from, heardAt: node.now, incoming };
  node.role = follower;
  waitForLeader(node);
  return follower;
}

/** The election timer starts again, with the timeout that was drawn last (3.4). */
export function waitForLeader(node: RaftNode): void {
  node.electionDeadline = node.now + node.electionTimeoutMs;
}

/** Within T of a leader's message there is no reason to want another (4.2.3). */
export function isInTouchWithLeader({ role, now, options }: RaftNode): boolean {
  if (role.kind === 'leader') return true;
  if (role.kind !== 'follower' || role.heardAt === null) return false;
  return now - role.heardAt < options.electionTimeoutMs;
}

export function refuse(
  node: RaftNode,
  request: Refused['request'],
  id: number,
  reason: RefusalReason,
): void {
  node.effects.push({ kind: 'refused', request, id, reason, leader: node.leader });
}

function endLeadership(node: RaftNode, leader: Leader): void {
  node.role = { kind: 'follower', leader: null, heardAt: null, incoming: null };
  for (const { id } of leader.reads) refuse(node, 'read', id, 'leadership-lost');
  waitForLeader(node);
}
