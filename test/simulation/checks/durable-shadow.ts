/** What a voter's disk was told to hold, by what was acknowledged: a restart must find it again. */
import type { Persist } from '../../../src/core/raft/effect.ts';
import type { LogIndex, NodeId, Position, Term } from '../../../src/core/raft/log-entry.ts';
import type { RestoredState } from '../../../src/core/raft/raft-node.ts';

const START: Position = { index: 0, term: 0 };

export class DurableShadow {
  term: Term = 0;
  vote: NodeId | null = null;
  snapshot: Position = START;
  /** Of the log's entries, by index. */
  readonly #terms = new Map<LogIndex, Term>();
  #last: LogIndex = 0;

  get last(): LogIndex {
    return Math.max(this.#last, this.snapshot.index);
  }

  /** The entry, or a snapshot that stands for it. */
  holds(index: LogIndex, term: Term): boolean {
    return index <= this.snapshot.index || this.#terms.get(index) === term;
  }

  write({ term, vote, snapshot, truncateFrom, entries }: Persist): void {
    this.term = term;
    this.vote = vote;
    if (snapshot !== null) this.#takeSnapshot(snapshot.meta);
    if (truncateFrom !== null) {
      for (let index = this.#last; index >= truncateFrom; index -= 1) this.#terms.delete(index);
      this.#last = Math.min(this.#last, truncateFrom - 1);
    }
    for (const entry of entries) {
      this.#terms.set(entry.index, entry.term);
      this.#last = entry.index;
    }
  }

  /** As it is when `persist` was done not at all, as to its snapshot, or whole. */
  afterCrash(persist: Persist | null): DurableShadow[] {
    if (persist === null) return [this];
    const half = this.#copy();
    if (persist.snapshot !== null) half.#takeSnapshot(persist.snapshot.meta);
    const whole = this.#copy();
    whole.write(persist);
    return [this, half, whole];
  }

  /** What `restored` has otherwise; null when it is the same. */
  difference(restored: RestoredState): string | null {
    if (restored.term !== this.term) return `term ${restored.term} for ${this.term}`;
    if (restored.vote !== this.vote) return `vote ${restored.vote} for ${this.vote}`;
    const { index, term } = restored.snapshot?.meta ?? START;
    if (index !== this.snapshot.index || term !== this.snapshot.term) {
      return `snapshot ${index} for ${this.snapshot.index}`;
    }
    const atBase = this.#terms.get(index);
    const isOther = atBase !== undefined && atBase !== term;
    const last = isOther ? index : this.last;
    const found = restored.entries.at(-1)?.index ?? index;
    if (found !== last) return `log up to ${found} for ${last}`;
    const wrong = restored.entries.find((entry) => this.#terms.get(entry.index) !== entry.term);
    return wrong === undefined ? null : `entry ${wrong.index} of term ${wrong.term}`;
  }

  static of({ term, vote, snapshot, entries }: RestoredState): DurableShadow {
    const shadow = new DurableShadow();
    shadow.term = term;
    shadow.vote = vote;
    shadow.snapshot = snapshot?.meta ?? START;
    for (const entry of entries) shadow.#terms.set(entry.index, entry.term);
    shadow.#last = entries.at(-1)?.index ?? 0;
    return shadow;
  }

  /** Entries before it are gone as well: the snapshot stands for them. */
  #takeSnapshot({ index, term }: Position): void {
    for (let i = this.snapshot.index + 1; i < index; i += 1) this.#terms.delete(i);
    this.snapshot = { index, term };
  }

  #copy(): DurableShadow {
    const copy = new DurableShadow();
    Object.assign(copy, { term: this.term, vote: this.vote, snapshot: this.snapshot });
    for (const [index, term] of this.#terms) copy.#terms.set(index, term);
    copy.#last = this.#last;
    return copy;
  }
}
