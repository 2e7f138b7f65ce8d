import type { Moment } from '../core/quota/lease-clock.ts';
import type { MonotonicMs, WallMs } from '../core/time.ts';

/** The clocks of the process, and its chance: tests have others. */
export interface Clocks {
  readonly monotonic: () => MonotonicMs;
  readonly wall: () => WallMs;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export function momentOf({ monotonic, wall }: Clocks): Moment {
  return { at: monotonic(), wall: wall() };
}
