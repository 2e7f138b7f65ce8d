/**
 * A CounterStore around another that charges hot counters ahead: what is asked of them most of the time is
 * then decided in memory (prepaid-key.ts). Only requests of one charge and without an id are; all others go to
 * the store as they are, as does what the prepaid hits do not suffice for. The counter there is right at any
 * time, whoever else charges it.
 */
import type { DurationMs, MonotonicMs } from '../../core/time.ts';
import {
  type Charge,
  type ChargeGroup,
  type ChargeListener,
  ChargePolicy,
  type CounterStore,
} from '../../limiter/counter-store.ts';
import { ownCharge, ownGroup } from '../groups.ts';
import { type Repeat, repeatUnref } from '../repeat.ts';
import { HotKeys } from './hot-keys.ts';
import { PrepaidKey } from './prepaid-key.ts';

/** Heat is looked at, and what has cooled down is given back, once a second. */
const LOOK_EVERY_MS: DurationMs = 1000;
/** A key that is asked for less than this part of the rate of promotion has cooled down. */
const COOL_PART = 0.5;
/** A chunk that takes longer than this to charge is of no use. */
const CHUNK_MS_MAX: DurationMs = 1000;

export interface PrepaidOptions {
  readonly inner: CounterStore;
  readonly monotonic: () => MonotonicMs;
  /** Hits a second of one key from which it is charged ahead. 1.. */
  readonly hitsPerSecond: number;
  /** 1.. ; hotter keys go before others. */
  readonly keysMax: number;
  /** By default a timer that does not keep the process running. */
  readonly repeat?: Repeat;
}

/** Sums since the start. charged = spent + given back + lost + what is held now. */
export class PrepaidCounts {
  chargedHits = 0;
  spentHits = 0;
  givenBackHits = 0;
  /** Their window or the process ended first, or it is not known what became of them. */
  lostHits = 0;
}

export class PrepaidCounterStore implements CounterStore {
  readonly counts = new PrepaidCounts();
  readonly #options: PrepaidOptions;
  readonly #hot: HotKeys;
  readonly #keys = new Map<string, PrepaidKey>();
  /** Keys that were hot in the last second, and are charged ahead when they are asked for next. */
  #hotNow: Set<string> = new Set();
  #stopLooking: (() => void) | null = null;
  /** Calls of its own: one for each key, and for each that is given back. */
  #underWay = 0;
  #onIdle: (() => void) | null = null;

  constructor(options: PrepaidOptions) {
    this.#options = options;
    this.#hot = new HotKeys(options.hitsPerSecond);
  }

  get name(): string {
    return this.#options.inner.name;
  }

  get immediate(): boolean {
    return this.#options.inner.immediate;
  }

  get isHealthy(): boolean {
    return this.#options.inner.isHealthy;
  }

  /** Counters that are charged ahead now. */
  get keyCount(): number {
    return this.#keys.size;
  }

  onHealth(listener: (isHealthy: boolean) => void): void {
    this.#options.inner.onHealth(listener);
  }

  async start(): Promise<void> {
    const { repeat = repeatUnref, inner } = this.#options;
    this.#stopLooking ??= repeat(() => this.#look(), LOOK_EVERY_MS);
    await inner.start();
  }

  /** What is unspent is given back before the store is closed. */
  async close(): Promise<void> {
    this.#stopLooking?.();
    this.#hotNow = new Set();
    for (const its of this.#keys.values()) this.#demote(its);
    await this.#idle();
    await this.#options.inner.close();
  }

  /** Resolves when none of its own calls is under way: within the store's own timeout. */
  #idle(): Promise<void> {
    if (this.#underWay === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  charge(groups: readonly ChargeGroup[], listener: ChargeListener): void {
    if (groups.length === 1) {
      const group = groups[0] as ChargeGroup;
      const charge = soleCharge(group);
      if (charge !== null && this.#spend(charge)) {
        group.failure = null;
        listener.settled(groups);
        return;
      }
    }
    this.#options.inner.charge(groups, listener);
  }

  #spend(charge: Charge): boolean {
    const { key, unit, hits, limit } = charge;
    const its = this.#keys.get(key) ?? this.#promote(charge);
    if (its === null || its.unit !== unit) return false;
    const now = this.#options.monotonic();
    const isSpent = its.spend(charge, now);
    if (isSpent) this.counts.spentHits += hits;
    const chunk = its.wanted(limit, now);
    if (chunk > 0) this.#chargeAhead(its, chunk, charge, now);
    return isSpent;
  }

  /** Null unless it was hot in the last second. */
  #promote(charge: Charge): PrepaidKey | null {
    const { key, unit, hits } = charge;
    if (!this.#hotNow.delete(key)) {
      this.#hot.record(key, hits);
      return null;
    }
    const its = new PrepaidKey(charge, unit, this.#options.monotonic());
    this.#keys.set(key, its);
    return its;
  }

  #chargeAhead(its: PrepaidKey, hits: number, { limit }: Charge, sentAt: MonotonicMs): void {
    const charge: Charge = { ...ownCharge(its.name, its.unit, hits), limit, isBinding: true };
    const group: ChargeGroup = {
      ...ownGroup([charge]),
      policy: ChargePolicy.ALL_OR_NOTHING,
      deadlineMs: sentAt + CHUNK_MS_MAX,
    };
    its.isCharging = true;
    this.#send(group, () => {
      its.isCharging = false;
      const now = this.#options.monotonic();
      if (group.failure !== null) its.pause(now);
      else this.#charged(its, charge, sentAt);
      // It has cooled down meanwhile, or the end has come.
      if (this.#keys.get(its.name.key) !== its) this.#giveBack(its);
    });
  }

  #charged(its: PrepaidKey, charge: Charge, sentAt: MonotonicMs): void {
    its.charged(charge, sentAt, this.#options.monotonic());
    if (charge.after <= charge.limit) this.counts.chargedHits += charge.hits;
    this.counts.lostHits += its.takeLost();
  }

  /** Once a second. */
  #look(): void {
    const { hitsPerSecond, keysMax, monotonic } = this.#options;
    const now = monotonic();
    for (const its of this.#keys.values()) {
      if (its.perSecond(now) < hitsPerSecond * COOL_PART) this.#demote(its);
    }
    const places = Math.max(0, keysMax - this.#keys.size);
    this.#hotNow = new Set(this.#hot.endSecond().slice(0, places));
  }

  #demote(its: PrepaidKey): void {
    this.#keys.delete(its.name.key);
    // A chunk under way is given back with the rest, when it is known.
    if (!its.isCharging) this.#giveBack(its);
  }

  #giveBack(its: PrepaidKey): void {
    const { hits, until } = its.takeUnspent(this.#options.monotonic());
    this.counts.lostHits += its.takeLost();
    if (hits === 0) return;
    const refund: Charge = { ...ownCharge(its.name, its.unit, hits), isRefund: true };
    const group: ChargeGroup = { ...ownGroup([refund]), deadlineMs: until };
    this.#send(group, () => {
      if (group.failure === null) this.counts.givenBackHits += hits;
      else this.counts.lostHits += hits;
    });
  }

  #send(group: ChargeGroup, settled: () => void): void {
    this.#underWay += 1;
    this.#options.inner.charge([group], {
      settled: () => {
        settled();
        this.#underWay -= 1;
        if (this.#underWay === 0) this.#onIdle?.();
      },
    });
  }
}

/** A charge that nothing depends on, and that is to be counted as it is; null for any other group. */
function soleCharge({ charges, requestId, isLocal }: ChargeGroup): Charge | null {
  if (charges.length !== 1 || requestId !== '' || isLocal === true) return null;
  const charge = charges[0] as Charge;
  return charge.isRefund || charge.hits === 0 ? null : charge;
}
