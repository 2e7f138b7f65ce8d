/**
 * The follower's side of InstallSnapshot (thesis, 5.1): chunks in order, the whole checked by its checksum,
 * then it takes the log's place. It is answered as an append is: by how far the disk matches the leader.
 */
import { replyMatch } from './appending.ts';
import { drop } from './dropping.ts';
import type { NodeId } from './log-entry.ts';
import type { SnapshotChunk } from './message.ts';
import type { RaftNode } from './raft-node.ts';
import type { Follower, IncomingSnapshot } from './role.ts';
import { sendWhenDurable } from './sending.ts';
import { isIntact, isSameSnapshot, type Snapshot } from './snapshot.ts';

/** A chunk of the leader of this term, which has been heard already. */
export function onSnapshotChunk(
  node: RaftNode,
  follower: Follower,
  from: NodeId,
  chunk: SnapshotChunk,
): void {
  const { snapshot: meta, round } = chunk;
  if (meta.size > node.options.limits.snapshotBytesMax) {
    drop(node, from, 'snapshot-too-large');
    return;
  }
  if (hasAllOf(node, chunk)) {
    node.commit = Math.max(node.commit, meta.index);
    replyMatch(node, from, { match: node.commit, round });
    return;
  }
  const incoming = takeChunk(follower, chunk);
  if (incoming.received === meta.size) {
    follower.incoming = null;
    if (isIntact(incoming)) {
      install(node, incoming);
      replyMatch(node, from, { match: meta.index, round });
      return;
    }
    drop(node, from, 'snapshot-corrupt');
    incoming.received = 0;
  }
  const { received } = incoming;
  sendWhenDurable(node, from, { kind: 'snapshot-reply', snapshot: meta, received, round });
}

/** Its log has the snapshot's last entry, and so all before it: nothing to install. */
function hasAllOf(
  { commit, log }: RaftNode,
  { snapshot: { index, term } }: SnapshotChunk,
): boolean {
  return index <= commit || log.positionAt(index)?.term === term;
}

/** Only the chunk that comes next is taken; another snapshot than the one before starts over. */
function takeChunk(follower: Follower, chunk: SnapshotChunk): IncomingSnapshot {
  const { snapshot: meta, offset, bytes } = chunk;
  let incoming = follower.incoming;
  if (incoming === null || !isSameSnapshot(incoming.meta, meta)) {
    incoming = { meta, bytes: new Uint8Array(meta.size), received: 0 };
    follower.incoming = incoming;
  }
  if (offset === incoming.received) {
    incoming.bytes.set(bytes, offset);
    incoming.received += bytes.length;
  }
  return incoming;
}

/** The log restarts at the snapshot; the state machine gets it when the disk has it. */
function install(node: RaftNode, { meta, bytes }: Snapshot): void {
  node.durability.noteTruncated(node.log.base.index + 1);
  node.log.restartAt(meta);
  node.durability.noteSnapshot({ meta, bytes });
  node.commit = meta.index;
}
