/**
 * Port of the limiter: where counters live. Adapters are in `src/counters`.
 *
 * Contract (test/contract/counter-store.ts runs it against every adapter):
 * - A counter is named by `key` and lives in fixed windows of its unit, aligned to the Unix epoch, by
 *   the store's own clock. The unit is part of the key, so one key never changes its unit.
 * - `charge` never throws. It takes the groups in order, writes a reading into every charge of every
 *   group it could serve, or a `failure` into the groups it could not, and then calls
 *   `listener.settled` exactly once with the same array.
 * - Hits of one batch on one counter are dealt out in order, as one-by-one calls would have answered.
 * - Counts saturate at COUNT_MAX.
 */
import type { Unit } from '../core/rules/unit.ts';
import type { MonotonicMs } from '../core/time.ts';
import type { DegradedReason, FailureMode } from '../core/verdict/failure-mode.ts';

/** Counts beyond this (2^53 − 1) are kept at it: every number stays exact in a double. */
export const COUNT_MAX = Number.MAX_SAFE_INTEGER;

/** What names a counter. */
export interface CounterName {
  /** Unambiguous over domain, entries and unit; any UTF-16 string without lone surrogates. */
  readonly key: string;
  /**
   * The key in two parts, where it has them: what many counters have in common, and the rest. A counter is
   * always named with the same parts, or always without, so who names it again hands them on.
   */
  readonly scope?: string | undefined;
  readonly rest?: string | undefined;
}

/** Hits asked of one counter, and after the call what the counter said. */
export interface Charge extends CounterName {
  readonly unit: Unit;
  /** Requests per unit; read by the policies that look at it, and by failure modes. */
  readonly limit: number;
  /** False where passing the limit turns nobody away (shadow, quota): read by ALL_OR_NOTHING only. */
  readonly isBinding: boolean;
  /** 0..2^53-1; 0 reads the counter (a peek) and creates nothing. */
  readonly hits: number;
  /** Take `hits` away instead, never below 0; an absent counter stays absent. */
  readonly isRefund: boolean;
  /** For GuardedCounterStore: what it answers when the store it guards cannot. */
  readonly failureMode: FailureMode;
  readonly isCritical: boolean;
  /** Of a rule with `quota: leased`: for the store that leases; the others count it like any other. */
  readonly isLeased: boolean;
  /** Written by GuardedCounterStore when the reading is its own. */
  degraded: DegradedReason | null;
  /** Reading: the counter before this charge. */
  before: number;
  /** Reading: the counter after this charge. */
  after: number;
  /**
   * Reading of a store that has but a share of the limit: hits that it admits still, in place of what the
   * counter leaves of the limit; -1 or absent elsewhere.
   */
  left?: number;
  /** Reading: milliseconds until the window ends, 1..unit, by the store's clock at the time of the charge. */
  resetMs: number;
}

/** How the charges of one request depend on each other. */
export const ChargePolicy = {
  /** Every charge is made, whatever the others say (fixed window, charge-all). */
  ALL: 0,
  /**
   * STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT: with several charges, if any would pass its limit, only
   * those that would are made and the others read their counter (hits 0), in one atomic step.
   */
  STOP_WHEN_OVER: 1,
  /**
   * `charge: all_or_nothing`: if any binding charge would pass its limit, no charge is made; refunds
   * are. The charges that would pass read as if they had been made, so that they say OVER_LIMIT; the
   * others read their counter. Decided and made in one atomic step wherever one server holds all of
   * the group's counters, else by reserving and giving back, which never admits too much. A counter
   * that the group names twice is judged with the hits of both.
   */
  ALL_OR_NOTHING: 2,
  /**
   * For stores of several places: takes back what a group with this `requestId` and these counters
   * made, as far as the windows of then still last, and forgets the id, so that a retry is charged
   * anew. Does nothing when there is no such group, as after a first time. Every charge is a refund,
   * of 0 hits where nothing was made.
   */
  GIVE_BACK: 3,
} as const;
export type ChargePolicy = (typeof ChargePolicy)[keyof typeof ChargePolicy];

/** The charges of one request. */
export interface ChargeGroup {
  readonly charges: readonly Charge[];
  readonly policy: ChargePolicy;
  /**
   * When the caller stops waiting, on the monotonic clock; 0 when it named no time. A store may use
   * less, never more: a charge that begins later is not made.
   */
  readonly deadlineMs: MonotonicMs;
  /**
   * '' or the caller's name for this request. A group whose id was charged within IDEMPOTENCY_MS is
   * not charged again, and reads what it read then.
   */
  readonly requestId: string;
  /**
   * An operator wants it counted by this process alone: GuardedCounterStore does so, and says that the
   * readings are degraded. Other stores ignore it.
   */
  readonly isLocal?: boolean;
  /** Set by a store in memory that knew the id, and so charged nothing. Others do not tell. */
  isRepeat?: boolean;
  /** Set by the store when it could not serve this group; null after success. */
  failure: StoreFailure | null;
}

/** How long a request's id is remembered: longer than any caller retries. */
export const IDEMPOTENCY_MS = 60_000;

/** Why a store could not serve a group. `text` is what the caller is told. */
export interface StoreFailure {
  readonly code: StoreFailureCode;
  readonly text: string;
  /**
   * True where a caller gave much less time than the store has by its own setting: that it was not
   * enough says nothing of the store.
   */
  readonly isCallers?: boolean;
  /** Present when the store may have made the charges all the same: it tells when it has found out. */
  readonly outcome?: PendingOutcome;
  /**
   * Present when the group was charged in several places: the charges that were not served, each part
   * with a failure of its own, and none of them in several parts. All others have their readings.
   */
  readonly parts?: readonly ChargeGroup[];
}

/** `unknown`: it will never be found out; made or not, the charges must not be made again. */
export type ChargeOutcome = 'made' | 'not-made' | 'unknown';

export interface PendingOutcome {
  /** One listener; called once, at once when it is known already. */
  onKnown(listener: (outcome: ChargeOutcome) => void): void;
}
export type StoreFailureCode =
  | 'breaker' // not asked: it failed too often
  | 'unavailable' // no connection, or the connection was lost before the reply
  | 'timeout' // no reply in time
  | 'overloaded' // a bound of ours was hit before anything was sent
  | 'refused' // the store answered with an error
  | 'lease'; // a share was not enough or not leased any more, and no leader said more in time

export interface ChargeListener {
  settled(groups: readonly ChargeGroup[]): void;
}

export interface CounterStore {
  /** For logs, metrics and health: 'memory', 'redis'. */
  readonly name: string;
  /** True when `charge` settles before it returns: gathering requests would only delay them. */
  readonly immediate: boolean;
  /** Resolves when the store can serve, or rejects with a message for the operator. */
  start(): Promise<void>;
  charge(groups: readonly ChargeGroup[], listener: ChargeListener): void;
  /** False while calls would fail for want of a connection. */
  readonly isHealthy: boolean;
  /** Called with each change of `isHealthy`. */
  onHealth(listener: (isHealthy: boolean) => void): void;
  /** Waits for calls in flight, bounded by the adapter's own timeout, and lets go of resources. */
  close(): Promise<void>;
}
