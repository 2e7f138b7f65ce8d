/**
 * Calls that were sent and have not come to their end, oldest first. As long as Redis answers as it
 * usually does that is one, and what comes meanwhile gathers for the next. But where a reply takes a
 * good part of the time that callers give, who just missed a call cannot wait for its reply and then for
 * their own: so from some age of the last call on another one follows it.
 *
 * With FOLLOW_SHARE of the timeout between them, a caller waits for no longer than that and for its own
 * reply. So many calls are out at once when each takes 0.8 of the timeout, which is when breakers
 * call them slow; more would only pile up at a server that does not answer.
 */
import type { DurationMs, MonotonicMs } from '../../core/time.ts';
import type { StoreFailure } from '../../limiter/counter-store.ts';
import type { ChargeCall } from './charge-call.ts';
import type { Entry } from './charge-queue.ts';

/** Half of those that the script remembers: two connections may be lost in a row with all their calls. */
const CALLS_MAX = 4;
const FOLLOW_SHARE = 0.2;

export class CallsInFlight {
  readonly #followMs: DurationMs;
  readonly #calls: ChargeCall[] = [];

  /** `timeoutMs`: what the store has at most for a call. */
  constructor(timeoutMs: DurationMs) {
    this.#followMs = timeoutMs * FOLLOW_SHARE;
  }

  get isEmpty(): boolean {
    return this.#calls.length === 0;
  }

  /** When the next call may go: Infinity while as many are out as may be, -Infinity while none is. */
  get nextAt(): MonotonicMs {
    const { length } = this.#calls;
    if (length === CALLS_MAX) return Infinity;
    return length === 0
      ? -Infinity
      : (this.#calls[length - 1] as ChargeCall).sentAt + this.#followMs;
  }

  /** Infinity when there is none. */
  get oldestSentAt(): MonotonicMs {
    return this.#calls[0]?.sentAt ?? Infinity;
  }

  /** Infinity when nobody waits. */
  get earliestDeadline(): MonotonicMs {
    let earliest = Infinity;
    for (const call of this.#calls) earliest = Math.min(earliest, call.earliestDeadline);
    return earliest;
  }

  get isWaitedFor(): boolean {
    return this.#calls.some((call) => call.isWaitedFor);
  }

  begin(call: ChargeCall, now: MonotonicMs): void {
    call.sentAt = now;
    this.#calls.push(call);
  }

  end(call: ChargeCall): void {
    const at = this.#calls.indexOf(call);
    if (at >= 0) this.#calls.splice(at, 1);
  }

  /** As ChargeCall does for each. */
  leaveDue(now: MonotonicMs, failureOf: (entry: Entry) => StoreFailure): Entry[] {
    return this.#calls.flatMap((call) => call.leaveDue(now, failureOf));
  }
}
