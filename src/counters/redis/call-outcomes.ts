/**
 * Calls whose outcome is unknown: the connection was lost before the reply. Each call of this client
 * has a number that the script keeps in the server (charge.lua, Sequence); the reply to a later call
 * says which of the last were made, and with it the earlier ones are found out.
 *
 * One of these serves all connections to the servers of one topology, as counters may move from one
 * server to another. Bounds: CALLS_MAX calls for each bin, and at most as many groups in each as a
 * call may carry; what is pushed out is `unknown` for ever.
 */
import { randomBytes } from 'node:crypto';
import type { DurationMs, MonotonicMs } from '../../core/time.ts';
import type { ChargeOutcome, PendingOutcome } from '../../limiter/counter-store.ts';
import { AcknowledgedCalls } from './acknowledged-calls.ts';

/** As many as the script remembers. */
const CALLS_MAX = 8;
/** The script's key has gone by then: less than SEQUENCE_SECONDS. */
const KEPT_MS: DurationMs = 590_000;
const CLIENT_BYTES = 16;

/** The outcome of a group, to be told when it is known. */
export class LateOutcome implements PendingOutcome {
  #outcome: ChargeOutcome | null = null;
  #listener: ((outcome: ChargeOutcome) => void) | null = null;

  onKnown(listener: (outcome: ChargeOutcome) => void): void {
    if (this.#outcome === null) this.#listener = listener;
    else listener(this.#outcome);
  }

  /** Once; later calls change nothing. */
  tell(outcome: ChargeOutcome): void {
    if (this.#outcome !== null) return;
    this.#outcome = outcome;
    this.#listener?.(outcome);
  }
}

/** What a reply tells of calls. */
export interface CallsTold {
  /** Numbers of the last calls made, newest first, 0 for none. */
  readonly made: readonly number[];
  /** Calls of lower numbers are refused from now on. */
  readonly refusedBefore: number;
}

interface UnknownCall {
  readonly number: number;
  readonly groups: readonly LateOutcome[];
  readonly at: MonotonicMs;
}

export class CallOutcomes {
  /** Names this client in the server: nobody else may have the same. */
  readonly client = randomBytes(CLIENT_BYTES).toString('hex');
  /** Those whose outcome was known, until a server lost it. */
  readonly acknowledged = new AcknowledgedCalls();
  #number = 0;
  /** By bin, oldest first. */
  readonly #calls = new Map<number, UnknownCall[]>();

  /** Of the next call. */
  nextNumber(): number {
    this.#number += 1;
    return this.#number;
  }

  /** The reply to the call of this number will not come. Nobody knows of one without a number. */
  await(bin: number, number: number, groups: readonly LateOutcome[], now: MonotonicMs): void {
    if (groups.length === 0) return;
    if (number === 0) {
      tellAll({ number, groups, at: now }, 'unknown');
      return;
    }
    const calls = this.#calls.get(bin) ?? [];
    calls.push({ number, groups, at: now });
    this.#calls.set(bin, calls);
    if (calls.length > CALLS_MAX) tellAll(calls.shift() as UnknownCall, 'unknown');
  }

  /** A call that may still be made stays unknown. */
  found(bin: number, { made, refusedBefore }: CallsTold, now: MonotonicMs): void {
    const calls = this.#calls.get(bin);
    if (calls === undefined) return;
    const oldest = made.at(-1) ?? 0;
    const open: UnknownCall[] = [];
    for (const call of calls) {
      if (made.includes(call.number)) tellAll(call, 'made');
      else if (call.number < oldest || now - call.at > KEPT_MS) tellAll(call, 'unknown');
      else if (call.number < refusedBefore) tellAll(call, 'not-made');
      else open.push(call);
    }
    if (open.length > 0) this.#calls.set(bin, open);
    else this.#calls.delete(bin);
  }

  /** Nobody will ask any more. */
  close(): void {
    for (const calls of this.#calls.values()) for (const call of calls) tellAll(call, 'unknown');
    this.#calls.clear();
  }
}

function tellAll({ groups }: UnknownCall, outcome: ChargeOutcome): void {
  for (const group of groups) group.tell(outcome);
}
