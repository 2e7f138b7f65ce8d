/**
 * Q2 of a rate quota, as a bucket that leaks at the rate: its level is the largest excess over the rate of any
 * stretch of time that ends now, and may not pass the burst. When a limit is lowered, what was given out
 * before stands until it is taken back.
 */
import type { RateQuota } from '../../../src/core/quota/quota.ts';
import { unitMsOf } from '../../../src/core/quota/quota.ts';
import type { RateShareSize } from '../../../src/core/quota/token-bucket.ts';
import { violated } from '../violation.ts';

/** The clocks of buckets are rounded to milliseconds, and a share's change comes between two of them. */
const ROUNDING_HITS = 1;
const ROUNDING_MS = 2;

export class RateLevel {
  readonly #resource: string;
  /** The larger of the limit and of what is given out. */
  rate = 0;
  burst = 0;
  #unitMs = 1000;
  #level = 0;
  #at = 0;
  /** A larger burst of before, and until when what was spent of it may not have leaked yet. */
  #before = { burst: 0, until: 0 };

  constructor(resource: string) {
    this.#resource = resource;
  }

  allow(now: number, quota: RateQuota, held: RateShareSize): void {
    this.#leak(now);
    const burst = Math.max(quota.burst, held.burst);
    this.#unitMs = unitMsOf(quota);
    this.rate = Math.max(quota.limit, held.rate);
    const until = now + (this.burst * this.#unitMs) / Math.max(1, quota.limit);
    if (burst < this.burst && (this.burst > this.#before.burst || now >= this.#before.until)) {
      this.#before = { burst: this.burst, until };
    }
    this.burst = burst;
  }

  add(now: number, hits: number): void {
    this.#leak(now);
    this.#level += hits;
    const before = now < this.#before.until ? this.#before.burst : 0;
    const rounding = ROUNDING_HITS + (this.rate * ROUNDING_MS) / this.#unitMs;
    const most = Math.max(this.burst, before) + rounding;
    if (this.#level > most) {
      const level = this.#level.toFixed(1);
      violated('Q2', `${level} at once of ${this.#resource}, ${most.toFixed(1)} at most`);
    }
  }

  #leak(now: number): void {
    this.#level = Math.max(0, this.#level - ((now - this.#at) * this.rate) / this.#unitMs);
    this.#at = now;
  }
}
