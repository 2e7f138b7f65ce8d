/**
 * The constants of leases, and what must hold between them. One object, checked once, the same at every
 * replica: the grantor's promises and the holders' deadlines are safe only when both sides reckon alike.
 */
import type { DurationMs } from '../time.ts';

export interface QuotaOptions {
  /** How far beyond a confirmed heartbeat round a leader may extend a session. */
  readonly ttlMs: DurationMs;
  /** A holder asks again after this long; its shares are measured for one such refresh. */
  readonly renewMs: DurationMs;
  /** It asks again after this long without an answer. */
  readonly retryMs: DurationMs;
  /** It asks this soon when a share runs low or a decrease is to be acknowledged. */
  readonly urgentMs: DurationMs;
  /** The longest that one election takes (2T in Raft's terms). */
  readonly electionMsMax: DurationMs;
  /** ρ: a clock of any replica runs at most this much faster or slower than true time. 0..0.1. */
  readonly drift: number;
  /** Added to all waiting of a grantor: what timers and rounding may lose. */
  readonly marginMs: DurationMs;
  /** Wall and monotonic clock of a holder may part by this much within a lease; more was a suspend. */
  readonly clockJumpMs: DurationMs;
  /** The smallest chunk of a count quota, while there is as much. 1.. */
  readonly chunkMin: number;
  /** Shares are this many times what is wanted in one refresh. 1..4. */
  readonly headroom: number;
  /** An idle replica keeps this part of an equal share of a rate quota. 0..1. */
  readonly floorRatio: number;
  /** A rate share is not lowered for a smaller part of it than this. 0..1. */
  readonly hysteresis: number;
  /** Time constant of the average of what is wanted. */
  readonly demandMs: DurationMs;
  /** TEST ONLY: bugs that a model switches on to prove that it would find them. Empty in service. */
  readonly faults: ReadonlySet<QuotaFault>;
}

/** TEST ONLY. Each is one line at the rule that it breaks. */
export type QuotaFault =
  | 'no-drift-margin'
  | 'extend-from-now'
  | 'new-leader-does-not-wait'
  | 'regrant-before-ack'
  | 'report-twice'
  | 'accept-lower-generation'
  | 'deadline-from-receipt'
  | 'ignore-clock-jump';

export const QUOTA_DEFAULTS: QuotaOptions = {
  ttlMs: 10_000,
  renewMs: 2500,
  retryMs: 500,
  urgentMs: 50,
  electionMsMax: 2000,
  drift: 0.01,
  marginMs: 100,
  clockJumpMs: 500,
  chunkMin: 1,
  headroom: 1.5,
  floorRatio: 0.1,
  hysteresis: 0.1,
  demandMs: 1000,
  faults: new Set(),
};

/** A lease must outlive this many elections, so that one that is split does not end leases. */
const ELECTIONS_PER_TTL = 3;
/** And this many refreshes, so that a lost answer or two do not. */
const RENEWALS_PER_TTL = 3;

type NumberOption = Exclude<keyof QuotaOptions, 'faults'>;

const RANGES: Readonly<Record<NumberOption, readonly [min: number, max: number]>> = {
  ttlMs: [100, 600_000],
  renewMs: [10, 200_000],
  retryMs: [1, 200_000],
  urgentMs: [1, 200_000],
  electionMsMax: [10, 200_000],
  drift: [0, 0.1],
  marginMs: [1, 60_000],
  clockJumpMs: [1, 60_000],
  chunkMin: [1, 2 ** 32 - 1],
  headroom: [1, 4],
  floorRatio: [0, 1],
  hysteresis: [0, 1],
  demandMs: [1, 60_000],
};

/** Throws a RangeError that names the first option, or pair of options, that makes no sense. */
export function assertQuotaOptions(options: QuotaOptions): void {
  for (const [name, [min, max]] of Object.entries(RANGES)) {
    const value = options[name as NumberOption];
    if (!(value >= min && value <= max)) {
      throw new RangeError(`${name} is ${value}, not within ${min}..${max}`);
    }
  }
  const { ttlMs, electionMsMax, renewMs, retryMs, urgentMs, clockJumpMs } = options;
  assertOrder(electionMsMax * ELECTIONS_PER_TTL, ttlMs, 'three elections must fit in ttlMs');
  assertOrder(renewMs * RENEWALS_PER_TTL, ttlMs, 'three times renewMs must fit in ttlMs');
  assertOrder(retryMs, renewMs, 'retryMs may not be longer than renewMs');
  assertOrder(urgentMs, retryMs, 'urgentMs may not be longer than retryMs');
  assertOrder(2 * options.drift * ttlMs, clockJumpMs, 'drift within ttlMs would look like a jump');
}

function assertOrder(smaller: number, larger: number, problem: string): void {
  if (smaller > larger) throw new RangeError(`${problem}: ${smaller} > ${larger}`);
}

/** How long a grantor waits, on its own clock, until a lease of `grantedMs` is over on every clock. */
export function waitMsFor(grantedMs: DurationMs, options: QuotaOptions): DurationMs {
  if (options.faults.has('no-drift-margin')) return grantedMs + options.marginMs;
  return grantedMs * (1 + options.drift) + options.marginMs;
}

/** How long, at most, `elapsedMs` of a grantor's clock were in truth. */
export function longestMsOf(elapsedMs: DurationMs, options: QuotaOptions): DurationMs {
  return options.faults.has('no-drift-margin') ? elapsedMs : elapsedMs / (1 - options.drift);
}

/** How much of a lease of `grantedMs` its holder uses, on its own clock. */
export function usableMsOf(grantedMs: DurationMs, options: QuotaOptions): DurationMs {
  if (options.faults.has('no-drift-margin')) return grantedMs;
  return grantedMs * (1 - options.drift);
}
