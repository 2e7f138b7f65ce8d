/**
 * Durations counted into fixed buckets: some nanoseconds per observation, no allocation, read at a
 * scrape. In seconds the bounds hold those of the reference's default histogram (5 ms to 10 s), so
 * that old queries by `le` go on working, and six finer ones, since answers take microseconds here.
 */
import type { DurationMs } from '../core/time.ts';

/** Upper bounds in milliseconds, included in their bucket. */
export const BUCKET_BOUNDS_MS: readonly DurationMs[] = [
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000,
];

export class DurationHistogram {
  /** Per bucket, not cumulative; the last is for what is beyond all bounds. */
  readonly #counts = new Float64Array(BUCKET_BOUNDS_MS.length + 1);
  #sumMs = 0;

  /** A duration that is no number, or negative as after a clock's step, counts as 0. */
  observe(durationMs: DurationMs): void {
    const ms = durationMs > 0 ? durationMs : 0;
    let bucket = 0;
    while (bucket < BUCKET_BOUNDS_MS.length && ms > (BUCKET_BOUNDS_MS[bucket] as number)) {
      bucket += 1;
    }
    (this.#counts[bucket] as number) += 1;
    this.#sumMs += ms;
  }

  get count(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  get sumMs(): DurationMs {
    return this.#sumMs;
  }

  /** Each bucket, then the sum in milliseconds: for another process, which adds it. */
  state(): number[] {
    return [...this.#counts, this.#sumMs];
  }

  /** What another histogram has more of now than before, as `state` says it. */
  add(state: readonly number[]): void {
    for (const bucket of this.#counts.keys()) {
      (this.#counts[bucket] as number) += state[bucket] ?? 0;
    }
    this.#sumMs += state[this.#counts.length] ?? 0;
  }

  /** Observations at or below each bound of BUCKET_BOUNDS_MS. */
  cumulative(): number[] {
    let sum = 0;
    return BUCKET_BOUNDS_MS.map((_, bucket) => {
      sum += this.#counts[bucket] as number;
      return sum;
    });
  }
}
