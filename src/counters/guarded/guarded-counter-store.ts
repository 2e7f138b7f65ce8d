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
import { msUntilReset, Unit } from '../../core/rules/unit.ts';
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
/** So that recovery does not wait for the backoff between probes, which may be long. */
const HEALTH_EVERY_MS = 250;
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
  #isClosed = false;
  /** Runs while some breaker is not closed. */
  #healthTimer: NodeJS.Timeout | null = null;
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
        this.#watchHealth();
        if (transition.to === 'ramping' || transition.to === 'closed') this.#replaySoon();
      });
    this.#breakers = { check: make('check'), refund: make('refund'), peek: make('peek') };
    options.inner.onHealth((isHealthy) => {
      if (isHealthy) this.#reportHealthy();
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
    if (this.#healthTimer !== null) clearInterval(this.#healthTimer);
    this.#isClosed = true;
    await this.#options.inner.close();
    await this.#options.local.store.close();
  }

  charge(groups: readonly ChargeGroup[], listener: ChargeListener): void {
    const { monotonic, random, inner } = this.#options;
    const breaker = this.#breakers[classOf(groups)];
    // Only a ramp sheds calls, so only then it matters which are vital.
    const isNotShed = breaker.state.kind === 'ramping' && isVital(groups);
    const permit = breaker.admit(monotonic(), random(), isNotShed);
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
      if (charge.failureMode === 'local') this.#remember(charge, isUnsent(failure));
    }
  }

  #count(mode: FailureMode, reason: DegradedReason): void {
    const name = `${mode} ${reason}`;
    this.degradedCounts.set(name, (this.degradedCounts.get(name) ?? 0) + 1);
  }

  /** Only what was admitted, and only where the store certainly did not count it. */
  #remember(charge: Charge, wasUnsent: boolean): void {
    if (charge.isRefund || charge.after > charge.limit || charge.unit === Unit.UNKNOWN) return;
    if (!wasUnsent) {
      this.unknownHits += charge.hits;
      return;
    }
    // From one look at the clock: added to a reading's own time it would differ by a millisecond.
    const now = this.#options.local.now();
    const windowEnd = now + msUntilReset(charge.unit, now);
    this.#ledger.record(charge.key, charge.unit, charge.hits, windowEnd);
  }

  /** While a breaker is open, asks the store every now and then whether it is well again. */
  #watchHealth(): void {
    const isAllClosed = Object.values(this.#breakers).every(({ state }) => state.kind === 'closed');
    if (isAllClosed && this.#healthTimer !== null) {
      clearInterval(this.#healthTimer);
      this.#healthTimer = null;
    } else if (!isAllClosed && !this.#isClosed) {
      this.#healthTimer ??= setInterval(() => this.#checkHealth(), HEALTH_EVERY_MS).unref();
    }
  }

  /** Ends an open state early, and is a probe of its own: recovery needs no traffic. */
  #checkHealth(): void {
    const { inner, monotonic, random } = this.#options;
    const breakers = Object.values(this.#breakers);
    for (const breaker of breakers) breaker.advance(monotonic(), random());
    if (!inner.isHealthy) return;
    const probes = breakers
      .filter(({ state }) => state.kind === 'half-open')
      .map((breaker) => ({ breaker, permit: breaker.admit(monotonic(), random()) }));
    inner.charge([healthCheck()], {
      settled: (groups) => {
        const outcome = outcomeOf(groups);
        for (const { breaker, permit } of probes) {
          if (permit !== null) breaker.report(permit, outcome, monotonic(), random());
        }
        if (groups[0]?.failure !== null) return;
        this.#reportHealthy();
        // Probes go one after the other, as many as the breakers want.
        if (breakers.some(({ state }) => state.kind === 'half-open')) this.#checkHealth();
      },
    });
  }

  #reportHealthy(): void {
    const now = this.#options.monotonic();
    for (const breaker of Object.values(this.#breakers)) breaker.reportHealthy(now);
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
    inner.charge(entries.map(replayGroup), {
      settled: (groups) => {
        breaker.report(permit, outcomeOf(groups), monotonic(), random());
        for (const [index, { failure }] of groups.entries()) {
          this.#noteReplay(entries[index] as LedgerEntry, failure);
        }
        // After a failure the next call that succeeds begins again.
        if (groups.every(({ failure }) => failure === null)) setImmediate(() => this.#replay());
        else this.#isReplaying = false;
      },
    });
  }

  #noteReplay(entry: LedgerEntry, failure: StoreFailure | null): void {
    const { key, unit, hits, windowEnd } = entry;
    if (failure === null) this.replayedHits += hits;
    else if (isUnsent(failure)) this.#ledger.record(key, unit, hits, windowEnd);
    else this.unknownHits += hits;
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

/** True when the charges were certainly not made, and making them later may work. */
function isUnsent(failure: StoreFailure): boolean {
  return failure.isUnknown !== true && failure.code !== 'refused';
}

/** A group of its own, so that one that is refused does not speak for the others. */
function replayGroup({ key, unit, hits }: LedgerEntry): ChargeGroup {
  return ownGroup(key, unit, hits);
}

/** A peek at a counter that nobody charges. */
function healthCheck(): ChargeGroup {
  return ownGroup('weir:health', Unit.HOUR, 0);
}

function ownGroup(key: string, unit: Unit, hits: number): ChargeGroup {
  const charge: Charge = {
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
  };
  return { charges: [charge], policy: ChargePolicy.ALL, failure: null };
}
