/** Proposals whose fate is awaited, in the order of the log. Bounded by who may propose: see Granting. */
import type { Accepted } from '../../core/raft/effect.ts';
import type { Entry, LogIndex, Term } from '../../core/raft/log-entry.ts';
import type { PeerCounts, ProposalOutcome } from './peer-counts.ts';

interface Waiting {
  readonly count: number;
  readonly settle: (isApplied: boolean) => void;
}

interface InLog extends Waiting {
  readonly last: LogIndex;
  readonly term: Term;
}

export class Proposals {
  readonly #counts: PeerCounts;
  readonly #asked = new Map<number, Waiting>();
  #inLog: InLog[] = [];

  constructor(counts: PeerCounts) {
    this.#counts = counts;
  }

  /** Resolves to whether its commands were applied as they were proposed. */
  add(id: number, count: number): Promise<boolean> {
    return new Promise((settle) => this.#asked.set(id, { count, settle }));
  }

  accepted({ id, index, term }: Accepted): void {
    const waiting = this.#asked.get(id);
    if (waiting === undefined) return;
    this.#asked.delete(id);
    this.#inLog.push({ ...waiting, last: index + waiting.count - 1, term });
  }

  refused(id: number): void {
    const waiting = this.#asked.get(id);
    this.#asked.delete(id);
    if (waiting !== undefined) this.#end(waiting, 'refused');
  }

  applied({ index, term }: Entry): void {
    for (let first = this.#inLog[0]; first !== undefined; first = this.#inLog[0]) {
      if (first.last > index) return;
      this.#inLog.shift();
      this.#end(first, first.term === term ? 'applied' : 'lost');
    }
  }

  /** It leads no more: what becomes of them is nothing to wait for. */
  endAll(): void {
    const waiting = [...this.#asked.values(), ...this.#inLog];
    this.#asked.clear();
    this.#inLog = [];
    for (const one of waiting) this.#end(one, 'refused');
  }

  #end({ settle }: Waiting, outcome: ProposalOutcome): void {
    this.#counts.proposals[outcome] += 1;
    settle(outcome === 'applied');
  }
}
