/**
 * Q2 of a rate quota, as a bucket that leaks at the rate: its level is the largest excess over the rate of any
 * stretch of time that ends now, and may not pass the burst. When the burst is lowered, stretches that
 * began before may have had more: they keep their bucket, and those that begin now get one of their own.
 */
import type { RateQuota } from '../../../src/core/quota/quota.ts';
import { unitMsOf } from '../../../src/core/quota/quota.ts';
import type { RateShareSize } from '../../../src/core/quota/token-bucket.ts';
import { violated } from '../violation.ts';

/** The clocks of buckets are rounded to milliseconds, and a share's change comes between two of them. */
const ROUNDING_HITS = 1;
const ROUNDING_MS = 2;

/** Stretches that began while no less than `burst` was given out. */
interface Era {
  burst: number;
  level: number;
}

/** Far more decreases than a run has between two raises; beyond, the latest is looked at no more. */
const ERAS_MAX = 64;

export class RateLevel {
  readonly #resource: string;
  /** The larger of the limit and of what is given out. */
  rate = 0;
  #unitMs = 1000;
  #at = 0;
  /** The oldest has the highest burst and the highest level. */
  readonly #eras: Era[] = [{ burst: 0, level: 0 }];

  constructor(resource: string) {
    this.#resource = resource;
  }

  /** The larger of the burst of the limit and of what is given out of it. */
  get burst(): number {
    return this.#eras.at(-1)!.burst;
  }

  allow(now: number, quota: RateQuota, held: RateShareSize): void {
    this.#leak(now);
    this.#unitMs = unitMsOf(quota);
    this.rate = Math.max(quota.limit, held.rate);
    const burst = Math.max(quota.burst, held.burst);
    const eras = this.#eras;
    if (burst < this.burst && eras.length < ERAS_MAX) eras.push({ burst, level: 0 });
    // Those that were allowed less are allowed as much now: the oldest of them stands for all.
    while (eras.length > 1 && eras.at(-2)!.burst <= burst) eras.pop();
    const last = eras.at(-1)!;
    last.burst = Math.max(last.burst, burst);
  }

  add(now: number, hits: number): void {
    this.#leak(now);
    const rounding = ROUNDING_HITS + (this.rate * ROUNDING_MS) / this.#unitMs;
    for (const era of this.#eras) {
      era.level += hits;
      const most = era.burst + rounding;
      if (era.level <= most) continue;
      const level = era.level.toFixed(1);
      violated('Q2', `${level} at once of ${this.#resource}, ${most.toFixed(1)} at most`);
    }
  }

  #leak(now: number): void {
    const leaked = ((now - this.#at) * this.rate) / this.#unitMs;
    for (const era of this.#eras) era.level = Math.max(0, era.level - leaked);
    this.#at = now;
  }
}
