/**
 * Calls, failures and slow calls of the last `windowMs`, in a ring of buckets on the monotonic clock.
 * Forgetting goes by whole buckets, so the window is `windowMs` less at most one bucket.
 */
import type { DurationMs, MonotonicMs } from '../time.ts';

export class CallWindow {
  readonly #bucketMs: DurationMs;
  readonly #calls: number[];
  readonly #failures: number[];
  readonly #slow: number[];
  /** Number of the newest bucket since the clock's start. */
  #newest = 0;
  calls = 0;
  failures = 0;
  slow = 0;

  constructor(windowMs: DurationMs, bucketCount: number) {
    this.#bucketMs = windowMs / bucketCount;
    this.#calls = new Array<number>(bucketCount).fill(0);
    this.#failures = new Array<number>(bucketCount).fill(0);
    this.#slow = new Array<number>(bucketCount).fill(0);
  }

  record(now: MonotonicMs, isFailure: boolean, isSlow: boolean): void {
    this.advance(now);
    const at = this.#newest % this.#calls.length;
    this.#calls[at] = (this.#calls[at] as number) + 1;
    this.calls++;
    if (isFailure) {
      this.#failures[at] = (this.#failures[at] as number) + 1;
      this.failures++;
    }
    if (isSlow) {
      this.#slow[at] = (this.#slow[at] as number) + 1;
      this.slow++;
    }
  }

  /** Forgets the buckets that have left the window. A clock that stands still or steps back forgets none. */
  advance(now: MonotonicMs): void {
    const bucket = Math.floor(now / this.#bucketMs);
    const size = this.#calls.length;
    if (bucket - this.#newest >= size) {
      this.clear();
      this.#newest = bucket;
    }
    while (this.#newest < bucket) {
      this.#newest++;
      const at = this.#newest % size;
      this.calls -= this.#calls[at] as number;
      this.failures -= this.#failures[at] as number;
      this.slow -= this.#slow[at] as number;
      this.#calls[at] = this.#failures[at] = this.#slow[at] = 0;
    }
  }

  clear(): void {
    this.#calls.fill(0);
    this.#failures.fill(0);
    this.#slow.fill(0);
    this.calls = this.failures = this.slow = 0;
  }
}
