/**
 * A call in flight: a batch and the entries that wait for it, oldest first. An entry whose time is
 * up leaves before the reply; the batch then passes over its charges, since its caller may use them
 * again.
 */
import type { MonotonicMs } from '../../core/time.ts';
import type { StoreFailure } from '../../limiter/counter-store.ts';
import type { BatchKeys } from './charge-batch.ts';
import { ChargeBatch } from './charge-batch.ts';
import { type Entry, failEntry } from './charge-queue.ts';

export class ChargeCall {
  readonly #batch: ChargeBatch;
  readonly #entries: Entry[] = [];
  /** Entries before it have left. */
  #next = 0;
  #charges = 0;

  constructor(keys: BatchKeys) {
    this.#batch = new ChargeBatch(keys);
  }

  get charges(): number {
    return this.#charges;
  }

  /** When the oldest entry that still waits was charged. */
  get since(): MonotonicMs | undefined {
    return this.#entries[this.#next]?.since;
  }

  add(entry: Entry): void {
    for (const group of entry.groups) this.#batch.add(group);
    this.#entries.push(entry);
    this.#charges += entry.charges;
  }

  encode(): (string | number)[] {
    return this.#batch.encode();
  }

  /** Takes out the oldest entry when it was charged at `latest` or before. */
  shiftDue(latest: MonotonicMs): Entry | undefined {
    const entry = this.#entries[this.#next];
    if (entry === undefined || entry.since > latest) return undefined;
    for (const group of entry.groups) this.#batch.skip(group);
    this.#next += 1;
    return entry;
  }

  /** Deals the reply out and settles every entry; returns the error texts of single counters. */
  settle(reply: readonly unknown[]): string[] {
    const errors = this.#batch.read(reply);
    for (; this.#next < this.#entries.length; this.#next += 1) {
      const { groups, listener } = this.#entries[this.#next] as Entry;
      for (const group of groups) group.failure = this.#batch.deal(group);
      listener.settled(groups);
    }
    return errors;
  }

  fail(failure: StoreFailure): void {
    for (; this.#next < this.#entries.length; this.#next += 1) {
      failEntry(this.#entries[this.#next] as Entry, failure);
    }
  }
}
