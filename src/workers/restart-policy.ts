/**
 * How soon a worker that ended is replaced, and when replacing is given up: then something is wrong
 * that another process will not mend, and whoever started Weir has to know.
 */
import type { DurationMs, MonotonicMs } from '../core/time.ts';

/** The first is replaced nearly at once; each further one of the window waits twice as long. */
const DELAY_MS_MIN = 100;
const DELAY_MS_MAX = 2000;
/** Crashes of all workers within the window that are borne, or two for each worker if that is more. */
const CRASHES_MAX = 10;
const WINDOW_MS = 60_000;

export class RestartPolicy {
  readonly #crashesMax: number;
  /** When workers ended, within the window; bounded by #crashesMax. */
  #ends: MonotonicMs[] = [];

  constructor(workers: number) {
    this.#crashesMax = Math.max(CRASHES_MAX, 2 * workers);
  }

  /** Milliseconds until the replacement of a worker that has just ended; null: no more of them. */
  delayAfterEnd(now: MonotonicMs): DurationMs | null {
    this.#ends = this.#ends.filter((at) => now - at < WINDOW_MS);
    this.#ends.push(now);
    const { length } = this.#ends;
    if (length > this.#crashesMax) return null;
    return Math.min(DELAY_MS_MIN * 2 ** (length - 1), DELAY_MS_MAX);
  }

  /** For the message when it is given up. */
  get text(): string {
    return `${this.#ends.length} workers ended within ${WINDOW_MS / 1000} s`;
  }
}
