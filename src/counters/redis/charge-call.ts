/**
 * A call in flight: a batch and the entries that wait for it, oldest first. An entry whose time is
 * up leaves before the reply; the batch then passes over its charges, since its caller may use them
 * again.
 */
import type { MonotonicMs } from '../../core/time.ts';
import type { StoreFailure } from '../../limiter/counter-store.ts';
import type { BatchKeys } from './charge-batch.ts';
import { ChargeBatch } from './charge-batch.ts';
import type { CallBounds, Entry } from './charge-queue.ts';
import { UNEXPECTED_REPLY } from './script-reply.ts';

/** Tells who waits for an entry, and never throws. */
export type Settle = (entry: Entry, failure: StoreFailure | null) => void;

export class ChargeCall {
  readonly #batch: ChargeBatch;
  readonly #entries: Entry[] = [];
  /** Entries before it have left. */
  #next = 0;
  #charges = 0;
  #characters = 0;

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

  /** The first entry always fits: one that is beyond a bound goes alone. */
  fits(entry: Entry, { chargesPerCallMax, charactersPerCallMax }: CallBounds): boolean {
    if (this.#entries.length === 0) return true;
    return (
      this.#charges + entry.charges <= chargesPerCallMax &&
      this.#characters + entry.characters <= charactersPerCallMax
    );
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
    this.#charges += entry.charges;
    this.#characters += entry.characters;
  }

  /** Once, after the last `add` and before anything else. */
  encode(): (string | number)[] {
    for (const { groups } of this.#entries) {
      for (const group of groups) this.#batch.add(group);
    }
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
  settle(reply: unknown, settle: Settle): readonly string[] {
    const errors = this.#batch.read(reply);
    if (errors === null) {
      this.fail(UNEXPECTED_REPLY, settle);
      return [];
    }
    while (this.#next < this.#entries.length) {
      const entry = this.#entries[this.#next] as Entry;
      for (const group of entry.groups) group.failure = this.#batch.deal(group);
      this.#next += 1;
      settle(entry, null);
    }
    return errors;
  }

  /** Fails every entry that still waits. */
  fail(failure: StoreFailure, settle: Settle): void {
    while (this.#next < this.#entries.length) {
      const entry = this.#entries[this.#next] as Entry;
      this.#next += 1;
      settle(entry, failure);
    }
  }
}
