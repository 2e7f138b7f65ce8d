/** Whether a message may be looked at: of this version and cluster, for us, from a peer, and sensible. */
import type { DropReason } from './effect.ts';
import type { Entry, Position } from './log-entry.ts';
import {
  type Append,
  type AppendConflict,
  MESSAGE_VERSION,
  type Message,
  type MessageBody,
} from './message.ts';
import { isCount } from './options.ts';
import type { RaftNode } from './raft-node.ts';
import type { SnapshotMeta } from './snapshot.ts';

/** Why `message` must not be taken, or null. */
export function whyDrop(node: RaftNode, message: Message): DropReason | null {
  const { version, clusterId, from, to, incarnation, term } = message;
  if (version !== MESSAGE_VERSION) return 'other-version';
  if (clusterId !== node.options.clusterId) return 'other-cluster';
  if (to !== node.id) return 'not-for-us';
  if (!node.peers.includes(from)) return 'unknown-sender';
  if (!isCount(incarnation) || !isCount(term)) return 'malformed';
  // What its process sent before it crashed may contradict what it knows now.
  if (incarnation < (node.incarnations.get(from) ?? 0)) return 'old-incarnation';
  return isSensible(message.body, term) ? null : 'malformed';
}

function isSensible(body: MessageBody, term: number): boolean {
  switch (body.kind) {
    case 'pre-vote':
      return isCount(body.campaignTerm) && isPosition(body.last, term);
    case 'pre-vote-reply':
      return isCount(body.campaignTerm);
    case 'vote':
      return isPosition(body.last, term);
    case 'vote-reply':
    case 'timeout-now':
      return true;
    case 'append':
      return isAppend(body, term);
    case 'append-reply':
      return isCount(body.round) && (body.isMatch ? isCount(body.match) : isConflict(body));
    case 'snapshot-chunk': {
      const { snapshot, offset, bytes, round } = body;
      if (!isMeta(snapshot, term) || !isCount(offset) || !isCount(round)) return false;
      return offset + bytes.length <= snapshot.size;
    }
    case 'snapshot-reply':
      return isCount(body.received) && isCount(body.round) && body.received <= body.snapshot.size;
    default: // A kind of another version that forgot to say so.
      return false;
  }
}

function isConflict({ prevIndex, conflict: { index, term } }: AppendConflict): boolean {
  return isCount(prevIndex) && isCount(index) && (term === null || isCount(term));
}

function isAppend({ prev, entries, commit, round }: Append, term: number): boolean {
  if (!isPosition(prev, term) || !isCount(commit) || !isCount(round)) return false;
  return entries.every((entry, i) => follows(entry, entries[i - 1] ?? prev, term));
}

/** Indices without gaps, terms that do not go back: what every log is. */
function follows(entry: Entry, before: Position, termMax: number): boolean {
  return (
    entry.index === before.index + 1 && entry.term >= before.term && isPosition(entry, termMax)
  );
}

function isPosition({ index, term }: Position, termMax: number): boolean {
  return isCount(index) && isCount(term) && term <= termMax;
}

function isMeta(meta: SnapshotMeta, termMax: number): boolean {
  return (
    isPosition(meta, termMax) && meta.index > 0 && isCount(meta.size) && isCount(meta.checksum)
  );
}
