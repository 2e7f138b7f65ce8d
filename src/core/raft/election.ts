/**
 * The candidate's side of elections (thesis, 3.4), with a pre-vote before each (9.6): a node that cannot
 * win, because it is cut off or behind, does not raise its term and so does not disturb a leader when it
 * comes back. Votes are counted by voter, and its own only when it is on the disk.
 */
import { enterTerm, waitForLeader } from './following.ts';
import { becomeLeader } from './leadership.ts';
import type { NodeId } from './log-entry.ts';
import type { PreVoteReply, VoteReply } from './message.ts';
import type { RaftNode } from './raft-node.ts';
import type { Role } from './role.ts';
import { sendWhenDurable } from './sending.ts';

/** Asks whether it would win the next term. Its own answer is yes, and changes nothing. */
export function startPreVote(node: RaftNode): void {
  node.role = { kind: 'pre-candidate', granted: new Set() };
  waitForLeader(node);
  const campaignTerm = node.term + 1;
  for (const peer of node.peers) {
    sendWhenDurable(node, peer, { kind: 'pre-vote', campaignTerm, last: positionOf(node) });
  }
  tallyPreVote(node);
}

export function onPreVoteReply(node: RaftNode, from: NodeId, reply: PreVoteReply): void {
  const { role } = node;
  if (role.kind !== 'pre-candidate' || reply.campaignTerm !== node.term + 1) return;
  if (!reply.isGranted) return;
  countGrant(node, role.granted, from);
  tallyPreVote(node);
}

/** The election itself. `isTransfer`: the leader asked for it (3.10), so followers need not be loyal. */
export function campaign(node: RaftNode, isTransfer: boolean): void {
  enterTerm(node, node.term + 1, node.id);
  const voteSequence = node.durability.covering;
  node.role = { kind: 'candidate', granted: new Set(), voteSequence };
  waitForLeader(node);
  for (const peer of node.peers) {
    sendWhenDurable(node, peer, { kind: 'vote', last: positionOf(node), isTransfer });
  }
}

export function onVoteReply(node: RaftNode, from: NodeId, reply: VoteReply): void {
  const { role } = node;
  if (role.kind !== 'candidate' || !reply.isGranted) return;
  countGrant(node, role.granted, from);
  tallyVotes(node);
}

/** Called for every vote, and when the disk has its own. */
export function tallyVotes(node: RaftNode): void {
  const { role } = node;
  if (role.kind !== 'candidate' || !node.durability.isDurable(role.voteSequence)) return;
  if (isQuorum(node, role)) becomeLeader(node);
}

function tallyPreVote(node: RaftNode): void {
  const { role } = node;
  if (role.kind === 'pre-candidate' && isQuorum(node, role)) campaign(node, false);
}

function countGrant(node: RaftNode, granted: Set<NodeId>, from: NodeId): void {
  granted.add(node.has('count-duplicate-votes') ? `${from} ${granted.size}` : from);
}

function isQuorum(node: RaftNode, role: Extract<Role, { granted: Set<NodeId> }>): boolean {
  return role.granted.size + 1 >= node.quorum;
}

function positionOf({ log: { last } }: RaftNode): { index: number; term: number } {
  return { index: last.index, term: last.term };
}
