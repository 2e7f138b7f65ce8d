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

export class LeaseClock {
  readonly #options: QuotaOptions;
  #until: MonotonicMs = -Infinity;
  /** Wall minus monotonic clock when the request was sent that `until` comes from. */
  #offset = 0;

  constructor(options: QuotaOptions) {
    this.#options = options;
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
  }

  /** Whether the lease holds; after a jump it never does again until it is extended. */
  holds(now: MonotonicMs, wall: WallMs): boolean {
    if (this.#options.faults.has('ignore-clock-jump')) return now < this.#until;
    const gained = wall - now - this.#offset;
    if (Math.abs(gained) > this.#options.clockJumpMs) this.#until = -Infinity;
    return now + Math.max(0, gained) < this.#until;
  }

  end(): void {
    this.#until = -Infinity;
  }
}
