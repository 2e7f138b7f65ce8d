/** The voter's side of elections: one vote per term (thesis, 3.4), for a log as good as its own (3.6.1). */
import { isInTouchWithLeader, waitForLeader } from './following.ts';
import type { NodeId, Position } from './log-entry.ts';
import type { PreVote, Vote } from './message.ts';
import type { RaftNode } from './raft-node.ts';
import { sendWhenDurable } from './sending.ts';

/** Answers a pre-vote: yes if it would vote, and hears no leader itself (9.6). Nothing changes. */
export function onPreVote(node: RaftNode, from: NodeId, { campaignTerm, last }: PreVote): void {
  const isGranted =
    campaignTerm > node.term && isUpToDate(node, last) && !isInTouchWithLeader(node);
  sendWhenDurable(node, from, { kind: 'pre-vote-reply', campaignTerm, isGranted });
}

/** Answers a vote request of its own term. A vote that is given is on the disk before it is told. */
export function onVote(node: RaftNode, from: NodeId, { last }: Vote): void {
  const isGranted = mayVoteFor(node, from) && isUpToDate(node, last);
  if (isGranted) {
    node.vote = from;
    node.durability.noteHardState();
    waitForLeader(node);
  }
  sendWhenDurable(node, from, { kind: 'vote-reply', isGranted });
}

/** Asking twice is allowed: the first answer may be lost. */
function mayVoteFor(node: RaftNode, candidate: NodeId): boolean {
  if (node.has('vote-twice')) return true;
  return node.vote === null || node.vote === candidate;
}

/** The later last term wins; of equal ones, the longer log. */
function isUpToDate(node: RaftNode, { index, term }: Position): boolean {
  if (node.has('skip-up-to-date-check')) return true;
  const own = node.log.last;
  return term > own.term || (term === own.term && index >= own.index);
}
