/** The leader's side of InstallSnapshot (thesis, 5.1): chunk by chunk, each sent when the last arrived. */
import type { FollowerProgress } from './follower-progress.ts';
import type { SnapshotReply } from './message.ts';
import type { RaftNode } from './raft-node.ts';
import type { Leader } from './role.ts';
import { sendNow } from './sending.ts';
import { isSameSnapshot } from './snapshot.ts';

/** The follower needs entries that the log does not have any more. */
export function startSnapshot(node: RaftNode, leader: Leader, progress: FollowerProgress): void {
  const { snapshot } = node;
  if (snapshot === null) return;
  progress.state = { kind: 'snapshot', snapshot, offset: 0 };
  sendChunk(node, leader, progress);
}

/** The chunk that the follower lacks; again at each heartbeat, until it answers. */
export function sendChunk(node: RaftNode, leader: Leader, { peer, state }: FollowerProgress): void {
  if (state.kind !== 'snapshot') return;
  const { snapshot, offset } = state;
  const bytes = snapshot.bytes.subarray(offset, offset + node.options.limits.chunkBytesMax);
  const round = leader.rounds.latest;
  sendNow(node, peer, { kind: 'snapshot-chunk', snapshot: snapshot.meta, offset, bytes, round });
}

/** An answer that comes twice brings nothing; one that starts over does so at the next heartbeat. */
export function onSnapshotReply(
  node: RaftNode,
  leader: Leader,
  progress: FollowerProgress,
  reply: SnapshotReply,
): void {
  leader.rounds.answer(progress.peer, reply.round);
  const { state } = progress;
  if (state.kind !== 'snapshot' || !isSameSnapshot(state.snapshot.meta, reply.snapshot)) return;
  if (reply.received > state.offset) {
    state.offset = reply.received;
    sendChunk(node, leader, progress);
  } else if (reply.received === 0) state.offset = 0;
}
