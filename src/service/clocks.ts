/** The clocks of the process, for the rooms that take them as arguments. */
import type { MonotonicMs, WallMs } from '../core/time.ts';

export const wallNow = (): WallMs => Date.now();
export const monotonicNow = (): MonotonicMs => performance.now();
