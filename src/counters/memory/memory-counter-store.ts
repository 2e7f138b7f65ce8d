/**
 * Counters in this process: exact fixed windows by the host's clock, for one replica, for tests,
 * and as the local fallback. Nothing is scanned to expire: a unit's tables are dropped whole when
 * its window rolls, on the first charge after it or by a sweep when nobody charges.
 *
 * A clock that goes back: within the window before the current one, the current window is kept (it
 * lasts longer by less than one unit; nothing is lost and nothing counted twice). Further back, a
 * new, empty window begins, since the old counts would otherwise stand still for as long as the
 * step: one limit may then be admitted twice.
 *
 * Bounds: `keysMax` counters and KEY_CHARS_MEAN_MAX characters of keys for each of them on average;
 * beyond either, a new key first evicts from the table that has most counters (counter-table.ts says
 * which).
 */
import { isUnit, UNIT_SECONDS, type Unit, unitMs } from '../../core/rules/unit.ts';
import type { WallMs } from '../../core/time.ts';
import type {
  Charge,
  ChargeGroup,
  ChargeListener,
  CounterStore,
  StoreFailure,
} from '../../limiter/counter-store.ts';
import { ChargePolicy } from '../../limiter/counter-store.ts';
import { countAfter, NO_UNIT, wouldPass } from '../count.ts';
import { isDependent, requestKey, tryOut } from '../groups.ts';
import { type Repeat, repeatUnref } from '../repeat.ts';
import type { CounterTable } from './counter-table.ts';
import { RecentRequests } from './recent-requests.ts';
import { UnitTable } from './unit-table.ts';

/** Counters kept unless told otherwise: about 130 MB with keys of 40 characters. */
export const MEMORY_KEYS_MAX_DEFAULT = 1_000_000;
/** Long keys are bounded by their sum, so that 64 KiB keys cannot fill the heap. */
const KEY_CHARS_MEAN_MAX = 256;
/** Idle windows are freed within this: half a second is short beside what collecting them takes. */
const SWEEP_EVERY_MS = 500;

export interface MemoryStoreOptions {
  /** Cuts the windows; called once per `charge`. */
  readonly now: () => WallMs;
  /** 1.. ; MEMORY_KEYS_MAX_DEFAULT when absent. */
  readonly keysMax?: number;
  /** The sweep's timer; by default one that does not keep the process running. */
  readonly repeat?: Repeat;
}

export class MemoryCounterStore implements CounterStore {
  readonly name = 'memory';
  readonly immediate = true;
  readonly isHealthy = true;
  readonly #now: () => WallMs;
  readonly #keysMax: number;
  readonly #repeat: Repeat;
  readonly #tables: readonly UnitTable[] = UNIT_SECONDS.map(() => new UnitTable());
  /**
   * Current window of each unit, from `starts` up to but not including `ends`; 0 and 0 at first.
   */
  readonly #starts = new Float64Array(UNIT_SECONDS.length);
  readonly #ends = new Float64Array(UNIT_SECONDS.length);
  readonly #requests = new RecentRequests();
  #keyCount = 0;
  #keyChars = 0;
  #evictions = 0;
  #stopSweep: (() => void) | null = null;

  constructor(options: MemoryStoreOptions) {
    this.#now = options.now;
    this.#keysMax = options.keysMax ?? MEMORY_KEYS_MAX_DEFAULT;
    this.#repeat = options.repeat ?? repeatUnref;
    if (!Number.isSafeInteger(this.#keysMax) || this.#keysMax < 1) {
      throw new RangeError(`keysMax must be a whole number of at least 1, not ${this.#keysMax}`);
    }
  }

  /** Counters kept now, of windows not yet dropped. */
  get keyCount(): number {
    return this.#keyCount;
  }

  /** Counters evicted for want of room since the start. */
  get evictions(): number {
    return this.#evictions;
  }

  async start(): Promise<void> {
    this.#stopSweep ??= this.#repeat(() => this.sweep(), SWEEP_EVERY_MS);
  }

  /** Frees the windows that have ended. Costs nothing per counter. */
  sweep(): void {
    const now = this.#now();
    for (let unit = 1; unit < UNIT_SECONDS.length; unit += 1) {
      if (now >= (this.#ends[unit] as number)) this.#drop(unit);
    }
  }

  charge(groups: readonly ChargeGroup[], listener: ChargeListener): void {
    const now = this.#now();
    for (let index = 0; index < groups.length; index += 1) {
      const group = groups[index] as ChargeGroup;
      group.failure =
        group.requestId === '' ? this.#chargeGroup(group, now) : this.#chargeOnce(group, now);
    }
    listener.settled(groups);
  }

  #chargeGroup(group: ChargeGroup, now: WallMs): StoreFailure | null {
    if (!isDependent(group)) return this.#chargeAll(group.charges, now);
    const { charges, policy } = group;
    if (policy === ChargePolicy.STOP_WHEN_OVER) return this.#chargeUnlessOver(charges, now);
    return this.#chargeWhole(charges, now);
  }

  #chargeOnce(group: ChargeGroup, now: WallMs): StoreFailure | null {
    const key = requestKey(group);
    // A retry is read like a peek first, for its reset.
    for (const charge of group.charges) if (!this.#charge(charge, now, false)) return NO_UNIT;
    if (group.policy === ChargePolicy.GIVE_BACK) {
      this.#giveBack(group.charges, this.#requests.forget(key), now);
      return null;
    }
    if (this.#requests.recall(key, group.charges, now)) {
      group.isRepeat = true;
      return null;
    }
    const failure = this.#chargeGroup(group, now);
    if (failure === null) this.#requests.remember(key, group.charges, now);
    return failure;
  }

  #giveBack(charges: readonly Charge[], madeAt: WallMs | null, now: WallMs): void {
    if (madeAt === null) return;
    for (const charge of charges) {
      if (madeAt >= (this.#starts[charge.unit] as number)) this.#charge(charge, now, true);
    }
  }

  onHealth(_listener: (isHealthy: boolean) => void): void {
    // It never changes.
  }

  async close(): Promise<void> {
    this.#stopSweep?.();
    this.#stopSweep = null;
    this.#requests.clear();
    for (let unit = 1; unit < UNIT_SECONDS.length; unit += 1) this.#drop(unit);
  }

  #chargeAll(charges: readonly Charge[], now: WallMs): StoreFailure | null {
    for (let index = 0; index < charges.length; index += 1) {
      if (!this.#charge(charges[index] as Charge, now, true)) return NO_UNIT;
    }
    return null;
  }

  /** Whether any would pass is decided on the counters as they are before the group. */
  #chargeUnlessOver(charges: readonly Charge[], now: WallMs): StoreFailure | null {
    let anyOver = false;
    for (const charge of charges) {
      if (!this.#charge(charge, now, false)) return NO_UNIT;
      anyOver ||= wouldPass(charge.before, charge);
    }
    // Decided before anything is made: a counter may be in the group twice.
    const isMade = charges.map((its) => !anyOver || its.isRefund || wouldPass(its.before, its));
    charges.forEach((charge, index) => this.#charge(charge, now, isMade[index] as boolean));
    return null;
  }

  #chargeWhole(charges: readonly Charge[], now: WallMs): StoreFailure | null {
    for (const charge of charges) if (!this.#charge(charge, now, false)) return NO_UNIT;
    const before = charges.map((charge) => charge.before);
    const tried = tryOut(charges, before);
    const isRefused = tried.some(({ isOver }) => isOver);
    for (const [index, charge] of charges.entries()) {
      this.#charge(charge, now, !isRefused || charge.isRefund);
      const { after, isOver } = tried[index] as (typeof tried)[number];
      if (isOver) charge.after = after;
    }
    return null;
  }

  /** Makes the charge, or only reads its counter; false when it has no unit. */
  #charge(charge: Charge, now: WallMs, isMade: boolean): boolean {
    const { unit } = charge;
    const isHere = now < (this.#ends[unit] as number) && now >= (this.#starts[unit] as number);
    if (!isHere && !this.#roll(unit, now)) return false;
    const counter = (this.#tables[unit] as UnitTable).get(charge);
    const before = counter === undefined ? 0 : counter.count;
    const after = isMade ? countAfter(before, charge) : before;
    if (counter !== undefined) counter.count = after;
    else if (after > 0) this.#add(charge, after);
    const resetMs = (this.#ends[unit] as number) - now;
    charge.before = before;
    charge.after = after;
    charge.resetMs = isHere ? resetMs : Math.min(resetMs, unitMs(unit));
    return true;
  }

  #add(charge: Charge, count: number): void {
    const charsMax = this.#keysMax * KEY_CHARS_MEAN_MAX;
    while (
      this.#keyCount >= this.#keysMax ||
      (this.#keyCount > 0 && this.#keyChars + charge.key.length > charsMax)
    ) {
      this.#evict();
    }
    this.#keyChars += (this.#tables[charge.unit] as UnitTable).add(charge, count);
    this.#keyCount += 1;
  }

  #evict(): void {
    let fullest: CounterTable | null = null;
    for (const unit of this.#tables) {
      for (const table of unit.tables()) {
        if (table.keys > (fullest?.keys ?? 0)) fullest = table;
      }
    }
    // There is one: nothing is evicted while there is no counter.
    const freed = (fullest as CounterTable).evict();
    this.#evictions += freed.keys;
    this.#keyCount -= freed.keys;
    this.#keyChars -= freed.chars;
  }

  /**
   * Begins the window, unless the clock went back by less than one; false when there is no unit.
   */
  #roll(unit: Unit, now: WallMs): boolean {
    if (!isUnit(unit)) return false;
    const start = Math.floor(now / unitMs(unit)) * unitMs(unit);
    if (start + unitMs(unit) === this.#starts[unit]) return true;
    this.#drop(unit);
    this.#starts[unit] = start;
    this.#ends[unit] = start + unitMs(unit);
    return true;
  }

  #drop(unit: number): void {
    const counters = this.#tables[unit] as UnitTable;
    for (const table of counters.tables()) {
      this.#keyCount -= table.keys;
      this.#keyChars -= table.chars;
    }
    counters.clear();
  }
}
