/** Whether what a disk held can have been written by this code; a node must not guess about it. */
import type { Entry, Position } from './log-entry.ts';
import { isCount, type RaftOptions } from './options.ts';
import type { RestoredState } from './raft-node.ts';
import { isIntact } from './snapshot.ts';

/** Throws a RangeError that says what contradicts what. */
export function assertRestorable({ voters }: RaftOptions, disk: RestoredState): void {
  const { term, vote, snapshot, entries } = disk;
  if (!isCount(term)) throw new RangeError(`the disk's term ${term} is no count`);
  if (vote !== null && !voters.includes(vote)) {
    throw new RangeError(`the disk's vote is for ${vote}, who is not one of the voters`);
  }
  if (snapshot !== null && !isIntact(snapshot)) {
    throw new RangeError(`the disk's snapshot at ${snapshot.meta.index} fails its checksum`);
  }
  const kept = entriesBehind(snapshot?.meta ?? { index: 0, term: 0 }, entries);
  let last: Position = snapshot?.meta ?? { index: 0, term: 0 };
  for (const entry of kept) {
    if (entry.index !== last.index + 1) {
      throw new RangeError(`the disk's log has ${entry.index} behind ${last.index}`);
    }
    if (entry.term < last.term) {
      throw new RangeError(`the disk's log goes back to term ${entry.term} at ${entry.index}`);
    }
    last = entry;
  }
  if (last.term > term) {
    throw new RangeError(`the disk's log is of term ${last.term}, its own term is ${term}`);
  }
}

/**
 * Entries that a snapshot up to `base` leaves. A crash between writing an installed snapshot and cutting
 * the log leaves entries of another history: they show by another term at the snapshot's end, and go.
 */
export function entriesBehind(base: Position, entries: readonly Entry[]): Entry[] {
  const atBase = entries.find(({ index }) => index === base.index);
  if (atBase !== undefined && atBase.term !== base.term) return [];
  return entries.filter(({ index }) => index > base.index);
}
