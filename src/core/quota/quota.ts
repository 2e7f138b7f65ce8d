/**
 * What is shared out: a count of hits for each window of a unit, or a rate with a burst. A resource is
 * named by its counter's key, which holds the unit, so its kind and unit never change.
 */
import { isUnit, Unit, unitMs } from '../rules/unit.ts';
import type { DurationMs, WallMs } from '../time.ts';

/** `limit` hits in each window of `unit`, windows as all counters have them. */
export interface CountQuota {
  readonly kind: 'count';
  /** 0..LIMIT_MAX. */
  readonly limit: number;
  readonly unit: Unit;
}

/** `limit` hits per `unit` at an even pace, and at most `burst` at once. */
export interface RateQuota {
  readonly kind: 'rate';
  /** 0..LIMIT_MAX. */
  readonly limit: number;
  /** SECOND..DAY: what fills over a longer time is a count. Tokens stay exact in a double (see TokenBucket). */
  readonly unit: Unit;
  /** 1..LIMIT_MAX: without a burst nothing could ever pass. */
  readonly burst: number;
}

export type Quota = CountQuota | RateQuota;

/** As in limits files: 2^32 − 1. */
export const LIMIT_MAX = 2 ** 32 - 1;

/** What is wrong with a quota; null when nothing is. */
export function quotaProblem(quota: Quota): string | null {
  const { limit } = quota;
  const unit: number = quota.unit;
  if (!isWholeUpTo(limit, LIMIT_MAX)) return `limit ${limit} is not a whole number up to 2^32 - 1`;
  if (!isUnit(unit)) return `unit ${unit} is none`;
  if (quota.kind === 'count') return null;
  if (unit > Unit.DAY) return 'a rate is per second, minute, hour or day';
  const { burst } = quota;
  return burst >= 1 && isWholeUpTo(burst, LIMIT_MAX)
    ? null
    : `burst ${burst} is not a whole number from 1 to 2^32 - 1`;
}

export function isSameQuota(a: Quota, b: Quota): boolean {
  if (a.limit !== b.limit || !isSameSort(a, b)) return false;
  return a.kind === 'count' || (b.kind === 'rate' && a.burst === b.burst);
}

/** Whether one can take the other's place. */
export function isSameSort(a: Quota, b: Quota): boolean {
  return a.kind === b.kind && a.unit === b.unit;
}

export function unitMsOf({ unit }: Quota): DurationMs {
  return unitMs(unit);
}

/** Start of the window that `at` lies in. */
export function windowOf(quota: Quota, at: WallMs): WallMs {
  return at - (at % unitMsOf(quota));
}

export function isWholeUpTo(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= max;
}
