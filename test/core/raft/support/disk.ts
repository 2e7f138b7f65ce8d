/** What a voter's disk holds, and nothing else survives a crash. */
import type { Persist } from '../../../../src/core/raft/effect.ts';
import type { Entry, LogIndex, NodeId, Term } from '../../../../src/core/raft/log-entry.ts';
import type { RestoredState } from '../../../../src/core/raft/raft-node.ts';
import type { Snapshot } from '../../../../src/core/raft/snapshot.ts';

export class TestDisk implements RestoredState {
  term: Term = 0;
  vote: NodeId | null = null;
  snapshot: Snapshot | null = null;
  entries: Entry[] = [];

  write({ term, vote, snapshot, truncateFrom, entries }: Persist): void {
    this.term = term;
    this.vote = vote;
    if (snapshot !== null) this.snapshot = snapshot;
    if (truncateFrom !== null) this.entries = this.entries.filter((e) => e.index < truncateFrom);
    this.entries.push(...entries);
  }

  /** The write was cut short: the snapshot comes first. */
  writeSnapshotOnly({ snapshot }: Persist): void {
    if (snapshot !== null) this.snapshot = snapshot;
  }

  compact(through: LogIndex): void {
    this.entries = this.entries.filter(({ index }) => index > through);
  }

  get lastIndex(): LogIndex {
    return Math.max(this.entries.at(-1)?.index ?? 0, this.snapshot?.meta.index ?? 0);
  }

  /** Whether it holds the entry, or a snapshot that stands for it. */
  holds({ index, term }: { index: LogIndex; term: Term }): boolean {
    if (index <= (this.snapshot?.meta.index ?? 0)) return true;
    return this.entries.some((entry) => entry.index === index && entry.term === term);
  }
}
