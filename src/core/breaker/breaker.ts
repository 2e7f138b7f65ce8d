/**
 * A circuit breaker as a pure state machine: the clock and chance come in as arguments, and nothing
 * happens between calls.
 *
 *   closed ──trip──▶ open ──wait over, or a health check──▶ half-open ──probes succeed──▶ ramping ──▶ closed
 *                     ▲                                        │ a probe fails or is late     │ failure
 *                     └────────────────────────────────────────┴─────────────────────────────┘
 *
 * Invariants:
 * - A result counts only in the epoch its permit was given in. Each change of state starts an epoch, so
 *   late results of an earlier state change nothing (the hole in most breaker libraries).
 * - Half-open cannot stick: a probe without a result fails at its deadline.
 * - By hand it can be forced open or closed, or set to shadow: then every call is admitted and only the
 *   state tells what it would have done.
 *
 * Backoff is decorrelated jitter (Brooker, AWS Architecture Blog, 2015): wait = min(max, random between
 * base and 3 × last wait).
 */
import type { DurationMs, MonotonicMs } from '../time.ts';
import { CallWindow } from './call-window.ts';
import type { BreakerOptions } from './options.ts';

export type TripReason =
  | 'failure-ratio'
  | 'failures-in-row'
  | 'slow-ratio'
  | 'probe-failed'
  | 'probe-late'
  | 'ramp-failed';

/** Each state carries only what that state needs. */
export type BreakerState =
  | { readonly kind: 'closed'; readonly since: MonotonicMs }
  /** Nothing is admitted until `until`, or until a health check succeeds. */
  | { readonly kind: 'open'; readonly until: MonotonicMs; readonly reason: TripReason }
  | HalfOpen
  /** A growing share is admitted. */
  | { readonly kind: 'ramping'; readonly since: MonotonicMs };

/** Only probes are admitted. */
export interface HalfOpen {
  readonly kind: 'half-open';
  readonly started: number;
  readonly succeeded: number;
  /** Of the probes that are out; Infinity while none is. */
  readonly deadline: MonotonicMs;
}

export type BreakerHand = 'auto' | 'forced-open' | 'forced-closed' | 'shadow';

/** Leave to make one call; give it back with `report`. */
export interface Permit {
  readonly epoch: number;
  readonly startedAt: MonotonicMs;
  readonly isProbe: boolean;
}

export interface Transition {
  readonly from: BreakerState['kind'];
  readonly to: BreakerState['kind'];
  readonly reason: TripReason | 'waited' | 'health-check' | 'probes-succeeded' | 'ramped-up';
  readonly at: MonotonicMs;
}

/** `ignored` is a result that says nothing about the store, e.g. one delayed by our own event loop. */
export type CallOutcome = 'success' | 'failure' | 'ignored';

export class Breaker {
  readonly #options: BreakerOptions;
  readonly #window: CallWindow;
  readonly #onTransition: (transition: Transition) => void;
  #state: BreakerState;
  #hand: BreakerHand = 'auto';
  #epoch = 0;
  #failuresInRow = 0;
  /** When the last of those was reported. */
  #lastFailureAt: MonotonicMs = -Infinity;
  #lastWaitMs: DurationMs = 0;

  constructor(
    options: BreakerOptions,
    now: MonotonicMs,
    onTransition: (transition: Transition) => void,
  ) {
    this.#options = options;
    this.#window = new CallWindow(options.windowMs, options.bucketCount);
    this.#onTransition = onTransition;
    this.#state = { kind: 'closed', since: now };
  }

  get state(): BreakerState {
    return this.#state;
  }

  get hand(): BreakerHand {
    return this.#hand;
  }

  /** Sets the hand; `auto` gives the machine its say again, in the state it has reached meanwhile. */
  setHand(hand: BreakerHand): void {
    this.#hand = hand;
  }

  /**
   * Leave for one call, or null when it must not be made. `chance` is uniform in [0, 1). An `isVital`
   * call (a refund, a lease) is never shed while ramping.
   */
  admit(now: MonotonicMs, chance: number, isVital = false): Permit | null {
    this.advance(now, chance);
    if (this.#hand === 'forced-open') return null;
    const isProbe = this.#state.kind === 'half-open';
    const isAdmitted = this.#hand !== 'auto' || this.#admits(now, chance, isVital);
    if (!isAdmitted) return null;
    if (this.#state.kind === 'half-open') this.#startProbe(this.#state, now);
    return { epoch: this.#epoch, startedAt: now, isProbe };
  }

  /** Whether the call has taken longer than calls should, if its result comes now. */
  isSlow({ startedAt }: Permit, now: MonotonicMs): boolean {
    return now - startedAt > this.#options.slowMs;
  }

  /** Takes a call's result; one of an earlier epoch changes nothing. */
  report(permit: Permit, outcome: CallOutcome, now: MonotonicMs, chance: number): void {
    if (permit.epoch !== this.#epoch) return;
    const state = this.#state;
    if (state.kind === 'half-open') {
      this.#reportProbe(state, outcome, now, chance);
      return;
    }
    const tripped = outcome === 'ignored' ? null : this.#judge(permit, outcome === 'failure', now);
    if (tripped === null) return;
    // One bad call among thousands must not undo a ramp, or a store that hiccups never gets past it.
    this.#open(state.kind === 'ramping' ? 'ramp-failed' : tripped, now, chance);
  }

  /** A health check of the store succeeded: no need to wait for the rest of the backoff. */
  reportHealthy(now: MonotonicMs): void {
    if (this.#state.kind === 'open') this.#halfOpen('health-check', now);
  }

  /** Makes the changes that only time makes. `admit` does it too. */
  advance(now: MonotonicMs, chance: number): void {
    const state = this.#state;
    if (state.kind === 'open' && now >= state.until) this.#halfOpen('waited', now);
    else if (state.kind === 'half-open' && now >= state.deadline) {
      this.#open('probe-late', now, chance);
    } else if (state.kind === 'ramping' && now - state.since >= this.#options.rampMs) {
      this.#close(now);
    }
  }

  #admits(now: MonotonicMs, chance: number, isVital: boolean): boolean {
    const state = this.#state;
    switch (state.kind) {
      case 'closed':
        return true;
      case 'open':
        return false;
      case 'half-open':
        return state.started < this.#options.probeCount;
      case 'ramping':
        return isVital || chance < this.#rampShare(now - state.since);
    }
  }

  #rampShare(elapsed: DurationMs): number {
    const { rampMs, rampFloor, rampAggression } = this.#options;
    return Math.max(rampFloor, (elapsed / rampMs) ** (1 / rampAggression));
  }

  /** Why the calls of this epoch so far are too bad to go on, or null. */
  #judge(permit: Permit, isFailure: boolean, now: MonotonicMs): TripReason | null {
    const options = this.#options;
    if (!isFailure) this.#failuresInRow = 0;
    else if (permit.startedAt >= this.#lastFailureAt) {
      // Calls that were under way together fail together: that is one sign of trouble, not many.
      this.#failuresInRow += 1;
      this.#lastFailureAt = now;
    }
    this.#window.record(now, isFailure, this.isSlow(permit, now));
    const { calls, failures, slow } = this.#window;
    if (this.#failuresInRow >= options.failuresInRow) return 'failures-in-row';
    if (calls < options.callsMin) return null;
    if (failures >= calls * options.failureRatio) return 'failure-ratio';
    return slow >= calls * options.slowRatio ? 'slow-ratio' : null;
  }

  /** Only probes that are out have a deadline: a quiet service may stay half-open without harm. */
  #startProbe(state: HalfOpen, now: MonotonicMs): void {
    const deadline = Math.min(state.deadline, now + this.#options.probeTimeoutMs);
    this.#state = { ...state, started: state.started + 1, deadline };
  }

  #reportProbe(state: HalfOpen, outcome: CallOutcome, now: MonotonicMs, chance: number): void {
    if (outcome === 'failure') {
      this.#open('probe-failed', now, chance);
      return;
    }
    if (outcome === 'ignored') {
      const started = state.started - 1;
      const deadline = started > state.succeeded ? state.deadline : Infinity;
      this.#state = { ...state, started, deadline };
      return;
    }
    const succeeded = state.succeeded + 1;
    if (succeeded < this.#options.probeCount) {
      const isAnyOut = state.started > succeeded;
      const deadline = isAnyOut ? now + this.#options.probeTimeoutMs : Infinity;
      this.#state = { ...state, succeeded, deadline };
    } else if (this.#options.rampMs > 0) {
      this.#enter({ kind: 'ramping', since: now }, 'probes-succeeded', now);
    } else this.#close(now);
  }

  #open(reason: TripReason, now: MonotonicMs, chance: number): void {
    const { backoffBaseMs, backoffMaxMs, stableMs } = this.#options;
    const state = this.#state;
    if (state.kind === 'closed' && now - state.since >= stableMs) this.#lastWaitMs = 0;
    const ceiling = Math.max(backoffBaseMs, 3 * this.#lastWaitMs);
    const wait = Math.min(backoffMaxMs, backoffBaseMs + chance * (ceiling - backoffBaseMs));
    this.#lastWaitMs = wait;
    this.#enter({ kind: 'open', until: now + wait, reason }, reason, now);
  }

  #halfOpen(reason: 'waited' | 'health-check', now: MonotonicMs): void {
    this.#enter({ kind: 'half-open', started: 0, succeeded: 0, deadline: Infinity }, reason, now);
  }

  #close(now: MonotonicMs): void {
    this.#enter({ kind: 'closed', since: now }, 'ramped-up', now);
  }

  #enter(state: BreakerState, reason: Transition['reason'], at: MonotonicMs): void {
    const from = this.#state.kind;
    this.#state = state;
    this.#epoch++;
    this.#failuresInRow = 0;
    this.#lastFailureAt = -Infinity;
    this.#window.clear();
    this.#onTransition({ from, to: state.kind, reason, at });
  }
}
