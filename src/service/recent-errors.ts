/** The part of the latest requests that the store could not serve. */
import type { MonotonicMs } from '../core/time.ts';

/** Sums since the start. */
export interface Answered {
  readonly requests: number;
  readonly failures: number;
}

/** A ratio is taken over at least so long. */
const SPAN_MS = 1000;

export class RecentErrors {
  readonly #read: () => Answered;
  readonly #monotonic: () => MonotonicMs;
  #before: Answered = { requests: 0, failures: 0 };
  #at: MonotonicMs = -Infinity;
  #ratio = 0;

  constructor(read: () => Answered, monotonic: () => MonotonicMs) {
    this.#read = read;
    this.#monotonic = monotonic;
  }

  /** 0..1; 0 while nobody asks for anything. */
  get ratio(): number {
    const now = this.#monotonic();
    if (now - this.#at < SPAN_MS) return this.#ratio;
    const { requests, failures } = this.#read();
    const more = requests - this.#before.requests;
    this.#ratio = more <= 0 ? 0 : Math.min(1, (failures - this.#before.failures) / more);
    this.#before = { requests, failures };
    this.#at = now;
    return this.#ratio;
  }
}
