/**
 * A holder's share of a rate quota: a token bucket on a clock that runs at most as fast as true time, so
 * that a fast clock admits no more than its share.
 */
import type { DurationMs, MonotonicMs } from '../time.ts';
import type { Beyond, RateGrant } from './message.ts';
import { type QuotaOptions, usableMsOf } from './options.ts';
import type { RateQuota } from './quota.ts';
import { unitMsOf } from './quota.ts';
import { SpendResult } from './spend-result.ts';
import { type RateShareSize, TokenBucket } from './token-bucket.ts';

const NOTHING: RateShareSize = { rate: 0, burst: 0 };

export class HeldRate {
  readonly kind = 'rate';
  /** Of its own clock to the monotonic one. */
  readonly #pace: number;
  readonly #startedAt: MonotonicMs;
  readonly #unitMs: DurationMs;
  readonly #bucket: TokenBucket;
  #beyond: Beyond = 'ask';
  #isShort = false;
  /** Hits spent in the unit of time that ends then, by its own clock: what may be taken back. */
  #spent = 0;
  #unitEnd = 0;

  constructor(options: QuotaOptions, quota: RateQuota, now: MonotonicMs) {
    this.#pace = usableMsOf(1, options);
    this.#startedAt = now;
    this.#unitMs = unitMsOf(quota);
    this.#bucket = new TokenBucket(this.#unitMs, NOTHING, 0);
  }

  get size(): RateShareSize {
    return this.#bucket.size;
  }

  get burst(): number {
    return this.#bucket.burst;
  }

  /** It has no share, and is to ask for one. */
  get isAwaited(): boolean {
    return this.#bucket.rate === 0 && this.#beyond === 'ask';
  }

  /** Tokens at its last use. */
  get left(): number {
    return this.#bucket.tokens;
  }

  /** It had too little since the last answer. */
  isRunningLow(): boolean {
    return this.#isShort && (this.#beyond === 'ask' || this.#bucket.rate > 0);
  }

  spend(hits: number, now: MonotonicMs): SpendResult {
    const at = this.#clock(now);
    if (this.#bucket.take(hits, at)) {
      this.#note(hits, at);
      return SpendResult.ADMITTED;
    }
    this.#isShort = true;
    if (this.#beyond === 'leader') return SpendResult.AT_LEADER;
    return this.#bucket.rate > 0 ? SpendResult.OVER : SpendResult.SHORT;
  }

  /** Takes hits back that were spent in the present unit of time; no more than were. Gives how many. */
  unspend(hits: number, now: MonotonicMs): number {
    const at = this.#clock(now);
    this.#note(0, at);
    const back = Math.min(hits, this.#spent);
    this.#spent -= back;
    this.#bucket.give(back, at);
    return back;
  }

  /** null: it has no share. Gives whether anything is lower than before. */
  adopt(grant: RateGrant | null, now: MonotonicMs): boolean {
    const before = this.size;
    const { rate, burst } = grant ?? NOTHING;
    this.#bucket.resize({ rate, burst }, this.#clock(now));
    if (grant !== null && grant.tokens > 0) this.#bucket.give(grant.tokens, this.#clock(now));
    this.#beyond = grant?.beyond ?? 'ask';
    this.#isShort = false;
    return rate < before.rate || burst < before.burst;
  }

  /** While the lease did not hold, nothing was earned. */
  restart(now: MonotonicMs): void {
    this.#bucket.empty(this.#clock(now));
    this.#spent = 0;
  }

  /** Milliseconds until it can hold `hits`; Infinity when it never will. */
  msUntil(hits: number): number {
    return this.#bucket.msUntil(hits);
  }

  #note(hits: number, at: number): void {
    if (at >= this.#unitEnd) {
      this.#spent = 0;
      this.#unitEnd = at - (at % this.#unitMs) + this.#unitMs;
    }
    this.#spent += hits;
  }

  /** From one start, and rounded once: no steps to lose or gain by. */
  #clock(now: MonotonicMs): number {
    return Math.floor((now - this.#startedAt) * this.#pace);
  }
}
