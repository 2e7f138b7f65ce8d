/**
 * A server's clock as seen from here. Every reply tells it; it was read some time between sending and
 * receiving, which bounds how far it is ahead of our monotonic clock. The narrowest bounds are kept,
 * for a while, since clocks drift; bounds that contradict them are those of a clock that was set.
 */
import type { DurationMs, MonotonicMs, WallMs } from '../../core/time.ts';

/** Crystals drift by less than 0.1 ms in this time. */
const KEPT_MS = 10_000;

/** Positive: the server's clock is ahead. */
export interface ClockAhead {
  readonly ms: number;
  /** What the round trip may explain of it. */
  readonly uncertaintyMs: DurationMs;
}

const UNKNOWN: ClockAhead = { ms: 0, uncertaintyMs: 0 };

export class RedisClock {
  /** The server's clock minus ours is between the two. */
  #least = -Infinity;
  #most = Infinity;
  #since: MonotonicMs = 0;

  /** False before the first reply. */
  get isKnown(): boolean {
    return this.#most < Infinity;
  }

  /** `redisMs` is whole: the clock was in that ms. */
  observe(sentAt: MonotonicMs, receivedAt: MonotonicMs, redisMs: WallMs): void {
    const least = redisMs - receivedAt;
    const most = redisMs + 1 - sentAt;
    const isNarrower = most - least <= this.#most - this.#least;
    const isContrary = least > this.#most || most < this.#least;
    if (!isNarrower && !isContrary && receivedAt - this.#since < KEPT_MS) return;
    this.#least = least;
    this.#most = most;
    this.#since = receivedAt;
  }

  /** What the clock says at `time`, or later than that: never earlier. Null before the first reply. */
  latestAt(time: MonotonicMs): WallMs | null {
    return this.isKnown ? Math.ceil(time + this.#most) : null;
  }

  /** How far it is ahead of a wall clock that says `wall` at `time`; 0 before the first reply. */
  aheadOf(wall: WallMs, time: MonotonicMs): ClockAhead {
    if (!this.isKnown) return UNKNOWN;
    const middle = (this.#least + this.#most) / 2;
    return { ms: middle + time - wall, uncertaintyMs: this.#most - middle };
  }

  /** Another server may answer from now on. */
  forget(): void {
    this.#least = -Infinity;
    this.#most = Infinity;
  }
}
