/**
 * Records, one after the other, make what the log says. The records are trusted; whether they fit
 * is not.
 */
import {
  type Entry,
  LOG_START,
  type LogIndex,
  type NodeId,
  type Position,
  type Term,
} from '../../core/raft/log-entry.ts';
import type { LogRecord } from './log-record.ts';

export class LogReplay {
  term: Term = 0;
  vote: NodeId | null = null;
  /** The latest that a record stands on. */
  snapshot: Position = LOG_START;
  /** Without gaps; from where the first record that is left begins. */
  readonly entries: Entry[] = [];

  /** What is wrong with a record that comes next; null when it fits, and is taken. */
  apply(record: LogRecord): string | null {
    const { term, vote, snapshot, truncateFrom, entries } = record;
    if (term < this.term) return `the term goes back from ${this.term} to ${term}`;
    if (truncateFrom !== null) this.#truncate(truncateFrom);
    const last = this.entries.at(-1)?.index ?? 0;
    const place = placeOf(record, last);
    if (place === 'nowhere') return `entry ${entries[0]?.index} does not follow ${last}`;
    if (place === 'instead') this.entries.length = 0;
    this.term = term;
    this.vote = vote;
    this.snapshot = snapshot;
    for (const entry of entries) this.entries.push(entry);
    return null;
  }

  #truncate(from: LogIndex): void {
    const [first] = this.entries;
    if (first !== undefined) {
      this.entries.length = Math.min(this.entries.length, Math.max(from - first.index, 0));
    }
  }
}

/**
 * Where a record's entries go, which were not cut by it: behind the last that is there (0: none),
 * or instead of all, because the snapshot that the record stands on fills the gap.
 */
export function placeOf(
  { entries: [first], snapshot }: LogRecord,
  lastIndex: LogIndex,
): 'behind' | 'instead' | 'nowhere' {
  if (first === undefined || lastIndex === 0 || first.index === lastIndex + 1) return 'behind';
  const isFilled = first.index > lastIndex && first.index <= snapshot.index + 1;
  return isFilled ? 'instead' : 'nowhere';
}
