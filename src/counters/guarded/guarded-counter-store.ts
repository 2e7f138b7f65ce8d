/**
 * A CounterStore that answers whatever the store it guards does. One breaker per class of command stops
 * asking a store that fails; what it cannot serve is answered by the failure mode of each charge, and says
 * so. What local shares admitted is charged to the store when it is back (ledger.ts).
 *
 * The guarded store must answer every group within its own deadline (RedisCounterStore does): nothing
 * waits here, and nothing is kept per request but the permit.
 */
import {
  Breaker,
  type BreakerHand,
  type BreakerState,
  type CallOutcome,
  type Permit,
  type Transition,
} from '../../core/breaker/breaker.ts';
import { BREAKER_DEFAULTS, type BreakerOptions } from '../../core/breaker/options.ts';
import { Unit } from '../../core/rules/unit.ts';
import type { MonotonicMs } from '../../core/time.ts';
import type { DegradedReason, FailureMode } from '../../core/verdict/failure-mode.ts';
import {
  type Charge,
  type ChargeGroup,
  type ChargeListener,
  ChargePolicy,
  type CounterStore,
  type StoreFailure,
} from '../../limiter/counter-store.ts';
import { degrade, type LocalShare } from './degrade.ts';
import { Ledger, type LedgerEntry } from './ledger.ts';

/** Classes of command with a breaker each: a fault may hit writes and leave reads. */
export const COMMAND_CLASSES = ['check', 'refund', 'peek'] as const;
export type CommandClass = (typeof COMMAND_CLASSES)[number];

export interface GuardOptions {
  readonly inner: CounterStore;
  readonly local: LocalShare;
  readonly monotonic: () => MonotonicMs;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** True when this process's own event loop was stalled at some time since: a delay of ours, not the store's. */
  readonly wasStalledSince: (since: MonotonicMs) => boolean;
  readonly onTransition: (commandClass: CommandClass, transition: Transition) => void;
  readonly breaker?: Partial<BreakerOptions>;
  /** Counters whose local admissions are remembered. */
  readonly ledgerEntriesMax?: number;
}

const LEDGER_ENTRIES_MAX = 100_000;
/** Counters charged per replay: one call of the store each time, so that checks are not held up. */
const REPLAY_ENTRIES_MAX = 500;

const REFUSED: StoreFailure = {
  code: 'unavailable',
  text: 'the counter store is not asked: its breaker is open',
};

export class GuardedCounterStore implements CounterStore {
  readonly immediate = false;
  readonly #options: GuardOptions;
  readonly #breakers: Readonly<Record<CommandClass, Breaker>>;
  readonly #ledger: Ledger;
  #isReplaying = false;
  /** Charges answered in place of the store, by mode and reason. */
  readonly degradedCounts = new Map<string, number>();
  replayedHits = 0;
  /** Hits of local admissions that the store may or may not have counted: not replayed. */
  unknownHits = 0;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#ledger = new Ledger(options.ledgerEntriesMax ?? LEDGER_ENTRIES_MAX);
    const breakerOptions = { ...BREAKER_DEFAULTS, ...options.breaker };
    const make = (name: CommandClass): Breaker =>
      new Breaker(breakerOptions, options.monotonic(), (transition) => {
        options.onTransition(name, transition);
        if (transition.to === 'ramping' || transition.to === 'closed') this.#replaySoon();
      });
    this.#breakers = { check: make('check'), refund: make('refund'), peek: make('peek') };
    options.inner.onHealth((isHealthy) => {
      if (!isHealthy) return;
      for (const breaker of Object.values(this.#breakers))
        breaker.reportHealthy(options.monotonic());
    });
  }

  get name(): string {
    return this.#options.inner.name;
  }

  get isHealthy(): boolean {
    return this.#options.inner.isHealthy;
  }

  get ledgerEntries(): number {
    return this.#ledger.size;
  }

  /** Local admissions that will not be charged: no room, or their window ended first. */
  get lostHits(): number {
    return this.#ledger.droppedHits + this.#ledger.expiredHits;
  }

  breakerState(name: CommandClass): BreakerState {
    return this.#breakers[name].state;
  }

  /** Takes the breakers in hand, or gives them back with `auto`. */
  setHand(hand: BreakerHand): void {
    for (const breaker of Object.values(this.#breakers)) breaker.setHand(hand);
  }

  onHealth(listener: (isHealthy: boolean) => void): void {
    this.#options.inner.onHealth(listener);
  }

  async start(): Promise<void> {
    await this.#options.local.store.start();
    await this.#options.inner.start();
  }

  async close(): Promise<void> {
    await this.#options.inner.close();
    await this.#options.local.store.close();
  }

  charge(groups: readonly ChargeGroup[], listener: ChargeListener): void {
    const { monotonic, random, inner } = this.#options;
    const breaker = this.#breakers[classOf(groups)];
    const permit = breaker.admit(monotonic(), random(), isVital(groups));
    if (permit === null) {
      for (const group of groups) this.#degrade(group, REFUSED, 'breaker');
      listener.settled(groups);
      return;
    }
    inner.charge(groups, new GuardedCall(this, breaker, permit, listener));
  }

  /** For GuardedCall: tells the breaker what came of the call, and answers what failed. */
  settle(groups: readonly ChargeGroup[], breaker: Breaker, permit: Permit): void {
    const { monotonic, random, wasStalledSince } = this.#options;
    let outcome = outcomeOf(groups);
    if (outcome !== 'success' && wasStalledSince(permit.startedAt)) outcome = 'ignored';
    breaker.report(permit, outcome, monotonic(), random());
    if (outcome === 'success') this.#replaySoon();
    for (const group of groups) {
      if (group.failure !== null) this.#degrade(group, group.failure, group.failure.code);
    }
  }

  #degrade(group: ChargeGroup, failure: StoreFailure, reason: DegradedReason): void {
    const isServed = degrade(group.charges, reason, this.#options.local);
    group.failure = isServed ? null : failure;
    for (const charge of group.charges) {
      this.#count(charge.failureMode, reason);
      if (charge.failureMode === 'local') this.#remember(charge, failure.isUnknown === true);
    }
  }

  #count(mode: FailureMode, reason: DegradedReason): void {
    const name = `${mode} ${reason}`;
    this.degradedCounts.set(name, (this.degradedCounts.get(name) ?? 0) + 1);
  }

  /** Only what was admitted, and only where the store certainly did not count it. */
  #remember(charge: Charge, isUnknown: boolean): void {
    if (charge.isRefund || charge.after > charge.limit || charge.unit === Unit.UNKNOWN) return;
    if (isUnknown) {
      this.unknownHits += charge.hits;
      return;
    }
    const windowEnd = this.#options.local.now() + charge.resetMs;
    this.#ledger.record(charge.key, charge.unit, charge.hits, windowEnd);
  }

  #replaySoon(): void {
    if (this.#isReplaying || this.#ledger.size === 0) return;
    const { kind } = this.#breakers.check.state;
    if (kind === 'open' || kind === 'half-open') return;
    this.#isReplaying = true;
    queueMicrotask(() => this.#replay());
  }

  /** One call after the other, each with a permit of its own, until the ledger is empty. */
  #replay(): void {
    const { monotonic, random, inner, local } = this.#options;
    const breaker = this.#breakers.check;
    const permit = breaker.admit(monotonic(), random(), true);
    const entries = permit === null ? [] : this.#ledger.take(REPLAY_ENTRIES_MAX, local.now());
    if (permit === null || entries.length === 0) {
      this.#isReplaying = false;
      if (permit !== null) breaker.report(permit, 'ignored', monotonic(), random());
      return;
    }
    inner.charge([replayGroup(entries)], {
      settled: (groups) => {
        const failure = groups[0]?.failure ?? null;
        breaker.report(permit, outcomeOf(groups), monotonic(), random());
        const hits = entries.reduce((sum, entry) => sum + entry.hits, 0);
        if (failure === null) {
          this.replayedHits += hits;
          setImmediate(() => this.#replay());
          return;
        }
        // The next call that succeeds begins again.
        this.#isReplaying = false;
        this.#returnUnsent(entries, failure, hits);
      },
    });
  }

  #returnUnsent(entries: readonly LedgerEntry[], failure: StoreFailure, hits: number): void {
    if (failure.isUnknown === true) {
      this.unknownHits += hits;
      return;
    }
    for (const { key, unit, hits: its, windowEnd } of entries) {
      this.#ledger.record(key, unit, its, windowEnd);
    }
  }
}

/** A call on its way through the guarded store. */
class GuardedCall implements ChargeListener {
  readonly #guard: GuardedCounterStore;
  readonly #breaker: Breaker;
  readonly #permit: Permit;
  readonly #listener: ChargeListener;

  constructor(
    guard: GuardedCounterStore,
    breaker: Breaker,
    permit: Permit,
    listener: ChargeListener,
  ) {
    this.#guard = guard;
    this.#breaker = breaker;
    this.#permit = permit;
    this.#listener = listener;
  }

  settled(groups: readonly ChargeGroup[]): void {
    this.#guard.settle(groups, this.#breaker, this.#permit);
    this.#listener.settled(groups);
  }
}

function classOf(groups: readonly ChargeGroup[]): CommandClass {
  let isPeek = true;
  for (const { charges } of groups) {
    for (const { isRefund, hits } of charges) {
      if (isRefund) return 'refund';
      if (hits > 0) isPeek = false;
    }
  }
  return isPeek ? 'peek' : 'check';
}

/** Refunds and critical rules are never shed while the store is taken back into use. */
function isVital(groups: readonly ChargeGroup[]): boolean {
  return groups.some(({ charges }) => charges.some((its) => its.isRefund || its.isCritical));
}

/** A refusal of single counters is no fault of the store; being overloaded is ours. */
function outcomeOf(groups: readonly ChargeGroup[]): CallOutcome {
  let outcome: CallOutcome = 'success';
  for (const { failure } of groups) {
    if (failure === null) continue;
    if (failure.code === 'unavailable' || failure.code === 'timeout') return 'failure';
    if (failure.code === 'overloaded') outcome = 'ignored';
  }
  return outcome;
}

function replayGroup(entries: readonly LedgerEntry[]): ChargeGroup {
  const charges = entries.map(
    ({ key, unit, hits }): Charge => ({
      key,
      unit,
      limit: 0,
      hits,
      isRefund: false,
      failureMode: 'error',
      isCritical: true,
      degraded: null,
      before: 0,
      after: 0,
      resetMs: 0,
    }),
  );
  return { charges, policy: ChargePolicy.ALL, failure: null };
}
