/**
 * Units of a limit, by the numbers of `RateLimitResponse.RateLimit.Unit` (rls.proto).
 *
 * Windows are aligned to the Unix epoch in multiples of the unit, so a week starts on Thursday
 * 00:00 UTC, and a month and a year are fixed lengths (30 and 365 days), as in the reference.
 */
import type { DurationMs, WallMs } from '../time.ts';

export const Unit = {
  UNKNOWN: 0,
  SECOND: 1,
  MINUTE: 2,
  HOUR: 3,
  DAY: 4,
  MONTH: 5,
  YEAR: 6,
  WEEK: 7,
} as const;

export type Unit = (typeof Unit)[keyof typeof Unit];

/** Length of each unit in seconds, indexed by its number; 0 for UNKNOWN. */
export const UNIT_SECONDS: readonly number[] = [
  0, 1, 60, 3600, 86_400, 2_592_000, 31_536_000, 604_800,
];

/** Name of each unit, indexed by its number. */
export const UNIT_NAMES: readonly string[] = [
  'UNKNOWN',
  'SECOND',
  'MINUTE',
  'HOUR',
  'DAY',
  'MONTH',
  'YEAR',
  'WEEK',
];

/** One letter per unit for counter keys, indexed by its number. `m` is minute, `o` month. */
export const UNIT_LETTERS: readonly string[] = ['?', 's', 'm', 'h', 'd', 'o', 'y', 'w'];

/** The unit a limits file names, in any case; UNKNOWN when the name is none of the seven. */
export function unitFromName(name: string): Unit {
  const index = UNIT_NAMES.indexOf(name.toUpperCase());
  return (index > 0 ? index : Unit.UNKNOWN) as Unit;
}

/** True for the seven units that have a length: false for UNKNOWN and numbers beyond the enum. */
export function isUnit(value: number): value is Unit {
  return value > 0 && value < UNIT_SECONDS.length;
}

/** Milliseconds of one of the seven units. */
export function unitMs(unit: Unit): DurationMs {
  return (UNIT_SECONDS[unit] as number) * 1000;
}

/** Milliseconds until the window that `now` lies in ends: 1..unit. */
export function msUntilReset(unit: Unit, now: WallMs): DurationMs {
  const length = unitMs(unit);
  return length - (now % length);
}
