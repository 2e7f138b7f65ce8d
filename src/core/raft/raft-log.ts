/**
 * The log in memory: entries behind a base, without gaps. The base is the position before the first entry
 * that is still here; what was before it is in a snapshot (thesis, 5.1). Only mechanics: who may append or
 * cut is decided by the rules of replication.
 */
import { type Entry, entryBytes, type LogIndex, type Position, type Term } from './log-entry.ts';
import type { ConflictHint } from './message.ts';

export class RaftLog {
  #base: Position;
  #entries: Entry[] = [];
  #bytes = 0;

  constructor(base: Position) {
    this.#base = { index: base.index, term: base.term };
  }

  get base(): Position {
    return this.#base;
  }

  get last(): Position {
    return this.#entries.at(-1) ?? this.#base;
  }

  /** Entries in memory. */
  get length(): number {
    return this.#entries.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** null before or at the base, and behind the end. */
  at(index: LogIndex): Entry | null {
    return this.#entries[index - this.#base.index - 1] ?? null;
  }

  /** The base or an entry; null where the log has neither. */
  positionAt(index: LogIndex): Position | null {
    return index === this.#base.index ? this.#base : this.at(index);
  }

  /** Entries from `from` to `to`, both included, up to `bytesMax` but one at least, if there is one. */
  slice(from: LogIndex, to: LogIndex, bytesMax = Infinity): Entry[] {
    const start = Math.max(from - this.#base.index - 1, 0);
    const entries = this.#entries.slice(start, Math.max(to - this.#base.index, start));
    let bytes = 0;
    const cut = entries.findIndex((entry) => (bytes += entryBytes(entry)) > bytesMax);
    return cut < 0 ? entries : entries.slice(0, Math.max(cut, 1));
  }

  /** Throws when an entry does not follow the last: a gap would be read as another log. */
  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.index !== this.last.index + 1) {
        throw new RangeError(`entry ${entry.index} does not follow ${this.last.index}`);
      }
      this.#entries.push(entry);
      this.#bytes += entryBytes(entry);
    }
  }

  /** Forgets entries from `index` on. */
  truncateFrom(index: LogIndex): void {
    this.#keep(this.#entries.slice(0, Math.max(index - this.#base.index - 1, 0)));
  }

  /** Forgets entries up to `index`, which becomes the base; nothing when it is not in the log. */
  compactThrough(index: LogIndex): void {
    const entry = this.at(index);
    if (entry === null) return;
    this.#keep(this.#entries.slice(index - this.#base.index));
    this.#base = { index: entry.index, term: entry.term };
  }

  /** Forgets everything: a snapshot up to `base` has taken the log's place. */
  restartAt({ index, term }: Position): void {
    this.#base = { index, term };
    this.#keep([]);
  }

  /** What a follower answers when it does not have the position before `prevIndex + 1`. */
  conflictAt(prevIndex: LogIndex): ConflictHint {
    const term = this.positionAt(prevIndex)?.term ?? null;
    if (term === null) return { index: this.last.index + 1, term };
    let index = prevIndex;
    while (this.at(index - 1)?.term === term) index--;
    return { index, term };
  }

  /** Where a leader goes on: behind its own entries of the follower's term, or at the hint's index. */
  nextAfter(hint: ConflictHint): LogIndex {
    if (hint.term === null) return hint.index;
    const last = this.#lastOfTerm(hint.term);
    return last === null ? hint.index : last + 1;
  }

  #lastOfTerm(term: Term): LogIndex | null {
    return this.#entries.findLast((entry) => entry.term === term)?.index ?? null;
  }

  #keep(entries: Entry[]): void {
    this.#entries = entries;
    this.#bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
  }
}
