/**
 * A CounterStore that stops asking the store behind it when that fails. One breaker per class of
 * command; a group that is not let through fails with code `breaker`, at once. While a breaker is not
 * closed the store's health is checked, so that recovery needs no traffic.
 *
 * The store behind it must answer every group within its own deadline (RedisCounterStore does):
 * nothing waits here, and nothing is kept per request but the permit.
 */
import {
  Breaker,
  type BreakerHand,
  type BreakerState,
  type Permit,
  type Transition,
} from '../../core/breaker/breaker.ts';
import { BREAKER_DEFAULTS, type BreakerOptions } from '../../core/breaker/options.ts';
import { Unit } from '../../core/rules/unit.ts';
import type { MonotonicMs } from '../../core/time.ts';
import type {
  ChargeGroup,
  ChargeListener,
  CounterStore,
  StoreFailure,
} from '../../limiter/counter-store.ts';
import { isVital, ownCharge, ownGroup } from '../groups.ts';
import { type CommandClass, classOf, outcomeOf, wholeOutcomeOf } from './command-class.ts';

export interface GateOptions {
  readonly inner: CounterStore;
  readonly monotonic: () => MonotonicMs;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** True when this process's own event loop was stalled at some time since: a delay of ours. */
  readonly wasStalledSince: (since: MonotonicMs) => boolean;
  readonly onTransition: (commandClass: CommandClass, transition: Transition) => void;
  readonly breakers?: Partial<Record<CommandClass, Partial<BreakerOptions>>>;
  /** What all keys begin with, those of health checks too: rights may be for these alone. */
  readonly keyPrefix?: string;
  /**
   * The store behind is made of several servers, each with breakers of its own: a call has failed when
   * nothing of it was served, and health is asked of many counters.
   */
  readonly isOverMany?: boolean;
}

/** So that recovery does not wait for the backoff between probes, which may be long. */
const HEALTH_EVERY_MS = 250;

/** So many that all are hardly ever counters of one server. */
const CHECKS_OVER_MANY = 16;

const NOT_ASKED: StoreFailure = {
  code: 'breaker',
  text: 'the counter store is not asked: its breaker is open',
};

export class BreakerGate implements CounterStore {
  readonly immediate = false;
  readonly #options: GateOptions;
  readonly #breakers: Readonly<Record<CommandClass, Breaker>>;
  #isClosed = false;
  /** Runs while some breaker is not closed. */
  #healthTimer: NodeJS.Timeout | null = null;

  constructor(options: GateOptions) {
    this.#options = options;
    const make = (name: CommandClass): Breaker =>
      new Breaker(
        { ...BREAKER_DEFAULTS, ...options.breakers?.[name] },
        options.monotonic(),
        (transition) => {
          this.#watchHealth();
          options.onTransition(name, transition);
        },
      );
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

  start(): Promise<void> {
    return this.#options.inner.start();
  }

  close(): Promise<void> {
    if (this.#healthTimer !== null) clearInterval(this.#healthTimer);
    this.#isClosed = true;
    return this.#options.inner.close();
  }

  charge(groups: readonly ChargeGroup[], listener: ChargeListener): void {
    const { monotonic, random, inner } = this.#options;
    const breaker = this.#breakers[classOf(groups)];
    // Only a ramp sheds calls, so only then it matters which are vital.
    const isNotShed = breaker.state.kind === 'ramping' && isVital(groups);
    const permit = breaker.admit(monotonic(), random(), isNotShed);
    if (permit === null) {
      for (const group of groups) group.failure = NOT_ASKED;
      listener.settled(groups);
      return;
    }
    inner.charge(groups, new GatedCall(this, breaker, permit, listener));
  }

  /** For GatedCall: tells the breaker what came of the call. */
  report(groups: readonly ChargeGroup[], breaker: Breaker, permit: Permit): void {
    const { monotonic, random, wasStalledSince } = this.#options;
    let outcome = this.#options.isOverMany === true ? wholeOutcomeOf(groups) : outcomeOf(groups);
    const now = monotonic();
    const mayBeOurs = outcome === 'failure' || breaker.isSlow(permit, now);
    if (mayBeOurs && wasStalledSince(permit.startedAt)) outcome = 'ignored';
    breaker.report(permit, outcome, now, random());
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
    const { inner, monotonic, random, keyPrefix = '' } = this.#options;
    const breakers = Object.values(this.#breakers);
    for (const breaker of breakers) breaker.advance(monotonic(), random());
    if (!inner.isHealthy) return;
    const probes = breakers
      .filter(({ state }) => state.kind === 'half-open')
      .map((breaker) => ({ breaker, permit: breaker.admit(monotonic(), random()) }));
    const count = this.#options.isOverMany === true ? CHECKS_OVER_MANY : 1;
    inner.charge(healthChecks(count, keyPrefix), {
      settled: (groups) => {
        for (const { breaker, permit } of probes) {
          if (permit !== null) this.report(groups, breaker, permit);
        }
        if (groups.every(({ failure }) => failure !== null)) return;
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
}

/** A call on its way through the store behind the gate. */
class GatedCall implements ChargeListener {
  readonly #gate: BreakerGate;
  readonly #breaker: Breaker;
  readonly #permit: Permit;
  readonly #listener: ChargeListener;

  constructor(gate: BreakerGate, breaker: Breaker, permit: Permit, listener: ChargeListener) {
    this.#gate = gate;
    this.#breaker = breaker;
    this.#permit = permit;
    this.#listener = listener;
  }

  settled(groups: readonly ChargeGroup[]): void {
    this.#gate.report(groups, this.#breaker, this.#permit);
    this.#listener.settled(groups);
  }
}

/**
 * Charges, of counters that are of no rule: a store that can be read but not written to is not well.
 */
function healthChecks(count: number, prefix: string): ChargeGroup[] {
  return Array.from({ length: count }, (_, number) => {
    const key = `${prefix}weir:health${number === 0 ? '' : `:${number}`}`;
    return ownGroup([ownCharge({ key }, Unit.HOUR, 1)]);
  });
}
