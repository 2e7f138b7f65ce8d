/**
 * The leader's side of replication (thesis, 3.5): appends with the position before them, as far ahead of
 * the answers as the in-flight limit allows (10.2.2), and back to where the logs agree when refused.
 */
import { advanceCommit } from './commit.ts';
import type { FollowerProgress } from './follower-progress.ts';
import type { AppendReply } from './message.ts';
import type { RaftNode } from './raft-node.ts';
import type { Leader } from './role.ts';
import { sendNow } from './sending.ts';
import { sendChunk, startSnapshot } from './snapshot-sending.ts';
import { finishTransfer } from './transfer.ts';

/**
 * One message at least: so the follower hears its leader, and a lost append shows as a gap. What it was sent
 * and did not answer is not sent again before it answers: one that is gone costs no more than this.
 */
export function sendHeartbeat(node: RaftNode, leader: Leader, progress: FollowerProgress): void {
  if (progress.state.kind === 'snapshot') {
    sendChunk(node, leader, progress);
    return;
  }
  const { inFlightMax, appendBytesMax } = node.options.limits;
  const bytesMax = progress.canTakeEntries(inFlightMax) ? appendBytesMax : 0;
  sendAppend(node, leader, progress, bytesMax);
  replicate(node, leader, progress);
  if (leader.transfer?.to === progress.peer) finishTransfer(node, leader.transfer, progress);
}

/** Sends what the follower lacks, until it has been sent all or may be sent no more. */
export function replicate(node: RaftNode, leader: Leader, progress: FollowerProgress): void {
  const { inFlightMax, appendBytesMax } = node.options.limits;
  for (let sent = 0; sent < inFlightMax; sent++) {
    if (progress.next > node.log.last.index || !progress.canTakeEntries(inFlightMax)) return;
    sendAppend(node, leader, progress, appendBytesMax);
  }
}

export function onAppendReply(
  node: RaftNode,
  leader: Leader,
  progress: FollowerProgress,
  reply: AppendReply,
): void {
  leader.rounds.answer(progress.peer, reply.round);
  if (reply.isMatch) {
    progress.noteMatch(Math.min(reply.match, node.log.last.index));
    if (reply.isFull) progress.probeFrom(progress.match + 1, true);
    advanceCommit(node, leader);
    replicate(node, leader, progress);
    if (leader.transfer?.to === progress.peer) finishTransfer(node, leader.transfer, progress);
  } else if (progress.isNews(reply.prevIndex)) {
    progress.probeFrom(Math.min(node.log.nextAfter(reply.conflict), reply.prevIndex));
    replicate(node, leader, progress);
  }
}

/** One append with entries up to `bytesMax`; with 0 none. Without what goes before, a snapshot. */
function sendAppend(
  node: RaftNode,
  leader: Leader,
  progress: FollowerProgress,
  bytesMax: number,
): void {
  const { log, commit } = node;
  const prev = log.positionAt(progress.next - 1);
  if (prev === null) {
    startSnapshot(node, leader, progress);
    return;
  }
  const entries = bytesMax === 0 ? [] : log.slice(progress.next, log.last.index, bytesMax);
  const { index, term } = prev;
  const round = leader.rounds.latest;
  sendNow(node, progress.peer, { kind: 'append', prev: { index, term }, entries, commit, round });
  const last = entries.at(-1);
  if (last !== undefined) progress.noteSent(last.index);
}
