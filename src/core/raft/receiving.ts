/** What a message's term means, before its body does (thesis, 3.3), and who takes the body. */
import { onAppend } from './appending.ts';
import { drop } from './dropping.ts';
import { campaign, onPreVoteReply, onVoteReply } from './election.ts';
import { becomeFollower, hearLeader, isInTouchWithLeader } from './following.ts';
import type { NodeId } from './log-entry.ts';
import type { Append, AppendReply, Message, SnapshotChunk, SnapshotReply } from './message.ts';
import { whyDrop } from './message-check.ts';
import type { RaftNode } from './raft-node.ts';
import { onAppendReply } from './replication.ts';
import { sendWhenDurable } from './sending.ts';
import { onSnapshotChunk } from './snapshot-receiving.ts';
import { onSnapshotReply } from './snapshot-sending.ts';
import { onPreVote, onVote } from './voting.ts';

export function receive(node: RaftNode, message: Message): void {
  const reason = whyDrop(node, message);
  if (reason !== null) {
    drop(node, message.from, reason);
    return;
  }
  noteIncarnation(node, message);
  const { from, term, body } = message;
  if (body.kind === 'pre-vote') onPreVote(node, from, body);
  else if (term < node.term) answerOldTerm(node, message);
  else {
    if (term > node.term) {
      if (isDisruptive(node, message)) return;
      becomeFollower(node, term);
    }
    takeBody(node, message);
  }
}

/** A follower that hears its leader does not even look at the term of a server that does not (4.2.3). */
function isDisruptive(node: RaftNode, { body }: Message): boolean {
  return body.kind === 'vote' && !body.isTransfer && isInTouchWithLeader(node);
}

/** A request of an old term is answered, so that its sender learns of the new one; an answer is not. */
function answerOldTerm(node: RaftNode, { from, body }: Message): void {
  if (body.kind === 'vote') {
    sendWhenDurable(node, from, { kind: 'vote-reply', isGranted: false });
  } else if (body.kind === 'append' || body.kind === 'snapshot-chunk') {
    const conflict = { index: 0, term: null };
    const { round } = body;
    const kind = 'append-reply';
    sendWhenDurable(node, from, { kind, isMatch: false, prevIndex: 0, conflict, round });
  }
}

/** A message of the node's own term. */
function takeBody(node: RaftNode, { from, body }: Message): void {
  switch (body.kind) {
    case 'pre-vote': // Taken whatever its term.
      return;
    case 'pre-vote-reply':
      onPreVoteReply(node, from, body);
      return;
    case 'vote':
      onVote(node, from, body);
      return;
    case 'vote-reply':
      onVoteReply(node, from, body);
      return;
    case 'append':
    case 'snapshot-chunk':
      takeFromLeader(node, from, body);
      return;
    case 'append-reply':
    case 'snapshot-reply':
      takeFromFollower(node, from, body);
      return;
    case 'timeout-now':
      if (node.role.kind === 'follower') campaign(node, true);
      return;
  }
}

/** There is one leader in a term, and it is the one that was heard first. */
function takeFromLeader(node: RaftNode, from: NodeId, body: Append | SnapshotChunk): void {
  if (node.leader !== null && node.leader !== from) {
    drop(node, from, 'second-leader');
    return;
  }
  const follower = hearLeader(node, from);
  if (body.kind === 'append') onAppend(node, from, body);
  else onSnapshotChunk(node, follower, from, body);
}

function takeFromFollower(node: RaftNode, from: NodeId, body: AppendReply | SnapshotReply): void {
  const { role } = node;
  const progress = role.kind === 'leader' ? role.followers.get(from) : undefined;
  if (role.kind !== 'leader' || progress === undefined) return;
  if (body.kind === 'append-reply') onAppendReply(node, role, progress, body);
  else onSnapshotReply(node, role, progress, body);
}

/** A first message says nothing new; a higher incarnation, that the peer started again. */
function noteIncarnation({ incarnations, role }: RaftNode, { from, incarnation }: Message): void {
  const known = incarnations.get(from) ?? incarnation;
  incarnations.set(from, incarnation);
  if (known < incarnation && role.kind === 'leader') role.followers.get(from)?.noteRestart();
}
