/**
 * Until when a holder may spend, by its own clocks, asked at each use: a timer would fire late in a process that
 * was paused. Time runs from when the request was *sent*, for the grantor reckons from later. The
 * monotonic clock may stand still while a machine sleeps; then the wall clock runs ahead of it, and what
 * it gained counts as passed. A larger disagreement is no clock to rely on, and ends the lease.
 */
import type { DurationMs, MonotonicMs, WallMs } from '../time.ts';
import { type QuotaOptions, usableMsOf } from './options.ts';

/** One moment on both clocks of a process. */
export interface Moment {
  readonly at: MonotonicMs;
  readonly wall: WallMs;
}

/** A smaller fall between two looks is the clocks' rounding, or one of them being slewed. */
const SET_BACK_MS = 20;

export class LeaseClock {
  readonly #options: QuotaOptions;
  readonly #ignoresJumps: boolean;
  #until: MonotonicMs = -Infinity;
  /** Wall minus monotonic clock when the request was sent that `until` comes from. */
  #offset = 0;
  /** What it was at the last look, and the least since the wall clock was last set back. */
  #offsetSeen = 0;
  #offsetMin = 0;
  /** Gained until then: setting the wall clock back must not hide what was slept before. */
  #gained: DurationMs = 0;

  constructor(options: QuotaOptions) {
    this.#options = options;
    this.#ignoresJumps = options.faults.has('ignore-clock-jump');
  }

  /** By the monotonic clock; −Infinity before the first lease and after a jump. */
  get until(): MonotonicMs {
    return this.#until;
  }

  /** A lease of `grantedMs` was given to a request of `sent`. One that ends sooner changes nothing. */
  extend(sent: Moment, grantedMs: DurationMs): void {
    const until = sent.at + usableMsOf(grantedMs, this.#options);
    if (until <= this.#until) return;
    this.#until = until;
    this.#offset = sent.wall - sent.at;
    this.#offsetSeen = this.#offset;
    this.#offsetMin = this.#offset;
    this.#gained = 0;
  }

  /** Whether the lease holds; after a jump it never does again until it is extended. */
  holds(now: MonotonicMs, wall: WallMs): boolean {
    if (this.#ignoresJumps) return now < this.#until;
    const offset = wall - now;
    if (Math.abs(offset - this.#offset) > this.#options.clockJumpMs) this.#until = -Infinity;
    this.#follow(offset);
    return now + this.#gained + (offset - this.#offsetMin) < this.#until;
  }

  #follow(offset: number): void {
    if (offset < this.#offsetSeen - SET_BACK_MS) {
      this.#gained += this.#offsetSeen - this.#offsetMin;
      this.#offsetMin = offset;
    }
    this.#offsetSeen = offset;
    this.#offsetMin = Math.min(this.#offsetMin, offset);
  }

  end(): void {
    this.#until = -Infinity;
  }
}
