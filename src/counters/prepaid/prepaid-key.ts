/**
 * A hot counter of which this replica has charged some hits ahead, in the store itself, to spend them in
 * memory. Nothing of that is ever admitted twice: what was charged ahead counts there from the beginning, and
 * may only be spent until the window ends that it was charged in. That end is reckoned from when the charge was
 * *sent*, less a hundredth for clocks that run apart, so it comes early and never late.
 *
 * Chunks are what is wanted until the next one, but no more than an eighth of what is left of the limit: so they
 * shrink towards its end, and the last hits are charged one by one. What lies here unspent when the window ends, or
 * when the process dies, is lost to it.
 */
import { Demand } from '../../core/quota/demand.ts';
import { type Unit, unitMs } from '../../core/rules/unit.ts';
import type { DurationMs, MonotonicMs } from '../../core/time.ts';
import { type Charge, COUNT_MAX, type CounterName } from '../../limiter/counter-store.ts';

/** A chunk is for so long: ten calls a second take the place of thousands. */
const REFRESH_MS: DurationMs = 100;
/** Chunks are this many times what is wanted in that time. */
const HEADROOM = 1.5;
/** One chunk is at most this part of what is left of the limit. */
const REST_PARTS = 8;
/** Smaller ones save nothing. */
const CHUNK_MIN = 2;
/** How far clocks of two hosts may run apart. */
const DRIFT = 0.01;
const DEMAND_MS: DurationMs = 1000;

/** What the store read when hits were charged ahead. */
export type ChunkReading = Pick<Charge, 'hits' | 'limit' | 'before' | 'after' | 'resetMs'>;

export class PrepaidKey {
  /** As the charges have it that are asked for. */
  readonly name: CounterName;
  readonly unit: Unit;
  readonly #demand: Demand;
  /** Hits that were charged and are not spent. */
  #left = 0;
  /** The counter right after they were charged: the last of them comes there, whatever was charged since. */
  #top = 0;
  /** The counter as it was read last. */
  #count = 0;
  /** They may be spent until then. */
  #until: MonotonicMs = -Infinity;
  /** No later does their window end. */
  #windowEnd: MonotonicMs = -Infinity;
  /** Of the present chunk. */
  #lowMark = 0;
  /** No chunk is charged before. */
  #pausedUntil: MonotonicMs = -Infinity;
  #lost = 0;
  isCharging = false;

  constructor({ key, scope, rest }: CounterName, unit: Unit, now: MonotonicMs) {
    this.name = { key, scope, rest };
    this.unit = unit;
    this.#demand = new Demand(DEMAND_MS, now);
  }

  perSecond(now: MonotonicMs): number {
    return this.#demand.perSecond(now);
  }

  /** Spends the hits of a charge and writes its reading; false when there are too few of them. */
  spend(charge: Charge, now: MonotonicMs): boolean {
    const { hits, limit } = charge;
    this.#demand.record(hits, now);
    const before = this.#top - this.#left;
    if (hits > this.#left || now >= this.#until || before + hits > limit) return false;
    this.#left -= hits;
    charge.before = before;
    charge.after = before + hits;
    charge.resetMs = Math.max(1, Math.ceil(this.#until - now));
    return true;
  }

  /** How many hits should be charged ahead now; 0: none. */
  wanted(limit: number, now: MonotonicMs): number {
    const isOver = now >= this.#until;
    if (this.isCharging || now < this.#pausedUntil) return 0;
    if (!isOver && this.#left > this.#lowMark) return 0;
    const rest = limit - (isOver ? 0 : this.#count);
    const forRefresh = Math.ceil(this.perSecond(now) * (REFRESH_MS / 1000) * HEADROOM);
    const chunk = Math.min(forRefresh, Math.floor(rest / REST_PARTS));
    return chunk < CHUNK_MIN ? 0 : chunk;
  }

  /** The store has answered: `sentAt` is when it was asked. What would have passed the limit was not charged. */
  charged(reading: ChunkReading, sentAt: MonotonicMs, now: MonotonicMs): void {
    const { hits, limit, before, after, resetMs } = reading;
    const isMade = after <= limit;
    this.#enter(sentAt + resetMs, now + resetMs);
    this.#until = Math.max(this.#until, sentAt + resetMs * (1 - DRIFT));
    this.#count = Math.min(COUNT_MAX, isMade ? after : before);
    if (!isMade) {
      this.pause(now);
      return;
    }
    this.#top = after;
    this.#left += hits;
    this.#lowMark = Math.floor(this.#left / 2);
  }

  /** The store could not be asked, or has no more. */
  pause(now: MonotonicMs): void {
    this.#pausedUntil = now + REFRESH_MS;
  }

  /** Gives up what is unspent: so many hits are to be given back until then; 0 when it is too late. */
  takeUnspent(now: MonotonicMs): { readonly hits: number; readonly until: MonotonicMs } {
    const hits = now < this.#until ? this.#left : 0;
    this.#lost += this.#left - hits;
    this.#left = 0;
    return { hits, until: this.#until };
  }

  /** Hits whose window ended before they were spent, since this was asked last. */
  takeLost(): number {
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }

  /** The window of the reading ends between the two; in a later one, what was left is lost. */
  #enter(earliest: MonotonicMs, latest: MonotonicMs): void {
    if (earliest - this.#windowEnd > unitMs(this.unit) / 2) {
      this.#lost += this.#left;
      this.#left = 0;
      this.#until = -Infinity;
    }
    this.#windowEnd = latest;
  }
}
