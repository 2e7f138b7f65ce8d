/** What the store needs of this replica as a lessee. `src/peers/group` has one; in tests others do. */
import type { HeldResource, Received } from '../../core/quota/holder.ts';
import type { Quota } from '../../core/quota/quota.ts';
import type { SpendResult } from '../../core/quota/spend-result.ts';
import type { DurationMs, MonotonicMs, WallMs } from '../../core/time.ts';

export interface LeasedShares {
  /** By the monotonic clock; −Infinity without a lease. */
  readonly leasedUntil: MonotonicMs;
  /** Undefined for what is not tracked, or not any more. */
  find(resource: string): HeldResource | undefined;
  /** Begins to want shares, or notes that the quota has changed. False when there are too many. */
  track(resource: string, quota: Quota, now: MonotonicMs): boolean;
  /** Null when nothing can be spent of it now: there is no lease, or the window is over. */
  shareOf(resource: string, now: MonotonicMs, wall: WallMs): HeldResource['share'] | null;
  spendOn(held: HeldResource, hits: number, now: MonotonicMs, wall: WallMs): SpendResult;
  /** Once more, for a charge that waits. */
  retryOn(held: HeldResource, hits: number, now: MonotonicMs, wall: WallMs): SpendResult;
  /** Null when nobody could say in time; then hits may be lost, never gained. Never rejects. */
  decide(asked: LeaderQuestion, timeoutMs: DurationMs): Promise<LeaderWord | null>;
  /** After each answer that changed something. Returns what ends it. */
  onAnswer(listener: (received: Received) => void): () => void;
}

/** For some hits of a resource: all that `hits` says if there are, not fewer than `least`. */
export interface LeaderQuestion {
  readonly resource: string;
  readonly quota: Quota;
  /** 1.. */
  readonly hits: number;
  /** 1..hits. */
  readonly least: number;
}

export interface LeaderWord {
  /** ADMITTED, OVER, or SHORT where it cannot say. */
  readonly result: SpendResult;
  /** least..hits when it is ADMITTED. */
  readonly admitted: number;
}
