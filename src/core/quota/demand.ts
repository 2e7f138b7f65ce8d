/**
 * How many hits a second are asked for, admitted or not: an average that forgets exponentially, by
 * time and not by calls, so it means the same for any spacing of hits. A young one is an average of its own life
 * alone: a replica that has just started would else want a tenth of what it is asked for, and get no more.
 */
import type { DurationMs, MonotonicMs } from '../time.ts';

/** Below it, nothing is wanted any more: an average never comes to 0. */
const PER_SECOND_MIN = 0.01;
/** Hits of so short a time are added up before the average moves: an exponential per hit is dear. */
const SLOT_MS = 20;
/** The least that a life is taken for: one hit just now says little. */
const AGE_MS_MIN = 250;

export class Demand {
  readonly #memoryMs: DurationMs;
  #perMs = 0;
  #fresh = 0;
  #at: MonotonicMs;
  readonly #since: MonotonicMs;
  /** Of the last hit. */
  #lastAt: MonotonicMs;

  /** `memoryMs`: after this long, a hit counts for 1/e. */
  constructor(memoryMs: DurationMs, now: MonotonicMs) {
    this.#memoryMs = memoryMs;
    this.#at = now;
    this.#since = now;
    this.#lastAt = now;
  }

  /** When something was last asked for; at first, when this began. */
  get lastAt(): MonotonicMs {
    return this.#lastAt;
  }

  record(hits: number, now: MonotonicMs): void {
    if (now - this.#at >= SLOT_MS) this.#fold(now);
    this.#fresh += hits;
    this.#lastAt = now;
  }

  /** 0 once it is next to nothing. */
  perSecond(now: MonotonicMs): number {
    this.#fold(now);
    const age = Math.max(AGE_MS_MIN, now - this.#since);
    // What the average would be of hits that come evenly at one a millisecond since the begin.
    const weight = 1 - Math.exp(-age / this.#memoryMs);
    const perSecond = (this.#perMs / weight) * 1000;
    return perSecond < PER_SECOND_MIN ? 0 : perSecond;
  }

  #fold(now: MonotonicMs): void {
    const elapsed = Math.max(0, now - this.#at);
    this.#perMs = this.#perMs * Math.exp(-elapsed / this.#memoryMs) + this.#fresh / this.#memoryMs;
    this.#fresh = 0;
    this.#at = Math.max(now, this.#at);
  }
}
