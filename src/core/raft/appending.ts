/**
 * The follower's side of replication (thesis, 3.5): entries are taken only behind a position that both
 * logs have, which makes the logs equal up to there; what contradicts the leader is cut, and nothing else.
 */
import { drop } from './dropping.ts';
import { type Entry, entryBytes, type LogIndex, type NodeId, type Position } from './log-entry.ts';
import type { Append, AppendReply } from './message.ts';
import type { RaftNode } from './raft-node.ts';
import { sendWhenDurable } from './sending.ts';

/** An append of the leader of this term, which has been heard already. */
export function onAppend(node: RaftNode, from: NodeId, append: Append): void {
  if (contradictsCommitted(node, append)) {
    drop(node, from, 'conflicts-with-committed');
    return;
  }
  const { round } = append;
  const { prev, entries } = behindCommitted(node, append);
  if (!hasPosition(node, prev)) {
    const conflict = node.log.conflictAt(prev.index);
    reply(node, from, {
      kind: 'append-reply',
      isMatch: false,
      prevIndex: prev.index,
      conflict,
      round,
    });
    return;
  }
  const taken = thatFit(node, entries);
  appendMissing(node, taken);
  const match = prev.index + taken.length;
  node.commit = Math.max(node.commit, Math.min(append.commit, match));
  replyMatch(node, from, { match, isFull: taken.length < entries.length, round });
}

/** The disk will hold the leader's log up to `match` when this is sent. */
export function replyMatch(
  node: RaftNode,
  to: NodeId,
  { match, isFull = false, round }: { match: LogIndex; isFull?: boolean; round: number },
): void {
  reply(node, to, { kind: 'append-reply', isMatch: true, match, isFull, round });
}

function reply(node: RaftNode, to: NodeId, body: AppendReply): void {
  sendWhenDurable(node, to, body);
}

/**
 * Every leader has all that is committed (3.6.3): what it sends of it is known to be equal, and is skipped.
 * An append that came late may begin far below.
 */
function behindCommitted(
  node: RaftNode,
  { prev, entries }: Append,
): Pick<Append, 'prev' | 'entries'> {
  const skipped = node.commit - prev.index;
  if (skipped <= 0) return { prev, entries };
  const committed = node.log.positionAt(node.commit);
  return { prev: committed ?? prev, entries: entries.slice(skipped) };
}

/** This cannot be, unless a voter lost its log. Then to take nothing is the only safe answer. */
function contradictsCommitted(node: RaftNode, { prev, entries }: Append): boolean {
  return [prev, ...entries].some(({ index, term }) => {
    const own = index <= node.commit ? node.log.positionAt(index) : null;
    return own !== null && own.term !== term;
  });
}

function hasPosition(node: RaftNode, { index, term }: Position): boolean {
  const own = node.log.positionAt(index);
  return own !== null && (own.term === term || node.has('skip-previous-check'));
}

/**
 * Entries up to the first for which the log has no room. It is full only as long as a snapshot could free
 * some of it: what waits for a quorum must find room, or a log full of it would never be committed.
 */
function thatFit({ log, options, applied }: RaftNode, entries: readonly Entry[]): readonly Entry[] {
  if (applied <= log.base.index) return entries;
  let bytes = log.bytes;
  const cut = entries.findIndex((entry) => {
    if (log.at(entry.index) === null) bytes += entryBytes(entry);
    return bytes > options.limits.logBytesMax;
  });
  return cut < 0 ? entries : entries.slice(0, cut);
}

/**
 * Only a real conflict cuts the log: an append that came late must not take away what later ones brought
 * (3.5). What is cut cannot be committed.
 */
function appendMissing(node: RaftNode, entries: readonly Entry[]): void {
  const { log, durability } = node;
  const missing = entries.slice(countOfEqual(node, entries));
  const [first] = missing;
  if (first === undefined) return;
  if (first.index <= log.last.index) {
    log.truncateFrom(first.index);
    durability.noteTruncated(first.index);
  }
  log.append(missing);
  durability.noteAppended(first.index);
}

/** How many of `entries`, from the first, the log has already. */
function countOfEqual(node: RaftNode, entries: readonly Entry[]): number {
  const isEqual = ({ index, term }: Entry): boolean => {
    const own = node.log.at(index);
    return own !== null && (own.term === term || node.has('keep-conflicting-entries'));
  };
  const differing = entries.findIndex((entry) => !isEqual(entry));
  return differing < 0 ? entries.length : differing;
}
