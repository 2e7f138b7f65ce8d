/** What is answered for a rule while its counter cannot be reached, or must not be asked. */
import { isUnit, msUntilReset, type Unit } from '../rules/unit.ts';
import type { DurationMs, WallMs } from '../time.ts';

/**
 * - `local`: the rule's share of a limit in this process's own memory; admissions are replayed later.
 * - `open`: OK.
 * - `closed`: OVER_LIMIT.
 * - `error`: the call fails, and Envoy's `failure_mode_deny` decides.
 */
export const FAILURE_MODES = ['local', 'open', 'closed', 'error'] as const;
export type FailureMode = (typeof FAILURE_MODES)[number];

/** Why an answer is not the store's own. */
export const DEGRADED_REASONS = [
  'breaker',
  'unavailable',
  'timeout',
  'overloaded',
  'refused',
  'lease', // the share of a global quota did not say, nor did the leader in time
  'override', // an operator forced it
] as const;
export type DegradedReason = (typeof DEGRADED_REASONS)[number];

/** Answers that need no counter. */
export type ForcedAnswer = Extract<FailureMode, 'open' | 'closed'>;

/** A charge, as far as an answer in its place goes. */
export interface ForcedReading {
  readonly unit: Unit;
  readonly limit: number;
  readonly hits: number;
  readonly isRefund: boolean;
  before: number;
  after: number;
  resetMs: DurationMs;
}

/** Writes a reading by which the charge is answered so: nothing counted, or over its limit. */
export function writeForced(reading: ForcedReading, answer: ForcedAnswer, now: WallMs): void {
  const { unit, limit, hits, isRefund } = reading;
  reading.before = 0;
  reading.after = answer === 'open' || isRefund ? 0 : limit + Math.max(1, hits);
  reading.resetMs = isUnit(unit) ? msUntilReset(unit, now) : 0;
}
