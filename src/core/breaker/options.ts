/** When a breaker trips, how it probes, how it comes back. One per class of command. */
import type { DurationMs } from '../time.ts';

export interface BreakerOptions {
  /** Length of the sliding window that ratios are taken over. */
  readonly windowMs: DurationMs;
  /** Buckets of the window: its resolution. 1..60. */
  readonly bucketCount: number;
  /** Ratios mean nothing below this many calls in the window. */
  readonly callsMin: number;
  /** Trip when this share of the window's calls failed. 0..1; above 1 never. */
  readonly failureRatio: number;
  /**
   * Trip at this many failures in a row, however few the calls. Each must have begun after the one
   * before had failed, so that one blip is one failure, however many calls wait in it.
   */
  readonly failuresInRow: number;
  /** A call that takes longer is slow, whether or not it succeeded. */
  readonly slowMs: DurationMs;
  /** Trip when this share of the window's calls was slow. 0..1; above 1 never. */
  readonly slowRatio: number;
  /** Probes that must succeed before the breaker ramps up. */
  readonly probeCount: number;
  /** A probe without a result by then has failed, so that half-open cannot stick. */
  readonly probeTimeoutMs: DurationMs;
  /** First wait before probing; later waits are drawn between it and three times the last. */
  readonly backoffBaseMs: DurationMs;
  readonly backoffMaxMs: DurationMs;
  /** Closed for this long, the next trip starts at the base again. */
  readonly stableMs: DurationMs;
  /** Length of the ramp; 0 closes at once. */
  readonly rampMs: DurationMs;
  /** Share of calls admitted when the ramp begins. 0..1. */
  readonly rampFloor: number;
  /** Share admitted after t of the ramp's T is (t/T)^(1/aggression), never below the floor. */
  readonly rampAggression: number;
}

export const BREAKER_DEFAULTS: BreakerOptions = {
  windowMs: 5000,
  bucketCount: 10,
  callsMin: 20,
  failureRatio: 0.5,
  failuresInRow: 5,
  slowMs: 8,
  slowRatio: 0.8,
  probeCount: 3,
  probeTimeoutMs: 250,
  backoffBaseMs: 500,
  backoffMaxMs: 30_000,
  stableMs: 60_000,
  rampMs: 1000,
  rampFloor: 0.1,
  rampAggression: 1,
};
