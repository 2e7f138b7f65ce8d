/**
 * Tells delays of our own event loop from those of the store: a timer that comes late says that nothing
 * was read from any socket meanwhile.
 */
import type { DurationMs, MonotonicMs } from '../core/time.ts';

const TICK_MS = 5;

export class LoopStallWatch {
  readonly #now: () => MonotonicMs;
  /** A tick this much late is a stall. */
  readonly #stallMs: DurationMs;
  #timer: NodeJS.Timeout | null = null;
  #lastTick: MonotonicMs = 0;
  #lastStallEnd: MonotonicMs = -1;
  /** Stalls seen, for metrics. */
  stallCount = 0;

  /** `stallMs`: shorter delays are within what deadlines must bear. */
  constructor(now: () => MonotonicMs, stallMs: DurationMs) {
    this.#now = now;
    this.#stallMs = stallMs;
  }

  start(): void {
    this.#lastTick = this.#now();
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** True when the loop was stalled at some time after `since`. */
  wasStalledSince(since: MonotonicMs): boolean {
    // The tick that would notice may come after who asks.
    return this.#lastStallEnd >= since || this.#now() - this.#lastTick > TICK_MS + this.#stallMs;
  }

  #tick(): void {
    const now = this.#now();
    if (now - this.#lastTick > TICK_MS + this.#stallMs) {
      this.#lastStallEnd = now;
      this.stallCount += 1;
    }
    this.#lastTick = now;
  }
}
