/**
 * A moment of a hybrid logical clock: milliseconds of a wall clock, 48 bits, and a counter of 16 bits for
 * what happens within one. Two numbers, so that nothing on a busy path makes a BigInt.
 */
import type { WallMs } from '../time.ts';

export interface HybridTime {
  /** Whole, 0 to WALL_MS_MAX. */
  readonly wallMs: WallMs;
  /** Whole, 0 to COUNTER_MAX. */
  readonly counter: number;
}

/** In the year 10889. */
export const WALL_MS_MAX = 2 ** 48 - 1;
export const COUNTER_MAX = 2 ** 16 - 1;
/** Before all others: what a clock says that was never asked. */
export const NO_TIME: HybridTime = { wallMs: 0, counter: 0 };

const TEXT = /^([0-9a-f]{12})\.([0-9a-f]{4})$/;

/** Below 0 when `a` is the earlier one. */
export function compareTimes(a: HybridTime, b: HybridTime): number {
  return a.wallMs - b.wallMs || a.counter - b.counter;
}

/** Hexadecimal digits, `019ab3c4d5e6.0007`: of one length, so that texts sort as times do. */
export function timeText({ wallMs, counter }: HybridTime): string {
  return `${wallMs.toString(16).padStart(12, '0')}.${counter.toString(16).padStart(4, '0')}`;
}

/** Null for what `timeText` does not write. */
export function parseTime(text: string): HybridTime | null {
  const [, wall, counter] = TEXT.exec(text) ?? [];
  if (wall === undefined || counter === undefined) return null;
  return { wallMs: Number.parseInt(wall, 16), counter: Number.parseInt(counter, 16) };
}

/** False for numbers that are no time: somebody else sent them. */
export function isTime({ wallMs, counter }: HybridTime): boolean {
  return isWithin(wallMs, WALL_MS_MAX) && isWithin(counter, COUNTER_MAX);
}

function isWithin(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}
