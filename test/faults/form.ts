/**
 * The two forms of a fault test. Short, as part of `npm test`: every row, at a load that a busy machine
 * bears, within bounds that tell a call that waited for Redis from one that did not. Long
 * (FAULTS=long), for a quiet machine: a load like a fleet's and the promise itself, as
 * docs/failure.md gives it.
 */
export interface Form {
  readonly ratePerSecond: number;
  /** Under load before the fault. */
  readonly beforeMs: number;
  /** While it lasts. */
  readonly phaseMs: number;
  /** And when all is well again. */
  readonly afterMs: number;
  /** REDIS_TIMEOUT of the service: the deadline of a call. */
  readonly deadlineMs: number;
  /**
   * Of all calls at most `shareMax` may take so much longer than the deadline, the time not counted
   * in which the load generator itself was held up.
   */
  readonly late: readonly { readonly overMs: number; readonly shareMax: number }[];
  /** From Redis answering again to the first decision through it. */
  readonly recoveryMsMax: number;
  /** What the service's memory may grow by under a fault. */
  readonly growthBytesMax: number;
  /** Ends a test that hangs. */
  readonly testMsMax: number;
}

const MIB = 1024 * 1024;

const SHORT: Form = {
  ratePerSecond: 500,
  beforeMs: 400,
  phaseMs: 900,
  afterMs: 300,
  deadlineMs: 100,
  late: [
    { overMs: 50, shareMax: 0.05 },
    // A call that waited for its connection to be given up would take REDIS_TIMEOUT and 500 ms.
    { overMs: 450, shareMax: 0 },
  ],
  recoveryMsMax: 1_500,
  growthBytesMax: 150 * MIB,
  testMsMax: 30_000,
};

const LONG: Form = {
  ratePerSecond: 5_000,
  beforeMs: 10_000,
  phaseMs: 10_000,
  afterMs: 10_000,
  deadlineMs: 10,
  late: [
    { overMs: 5, shareMax: 0.0001 },
    { overMs: 50, shareMax: 0 },
  ],
  recoveryMsMax: 1_000,
  growthBytesMax: 100 * MIB,
  testMsMax: 120_000,
};

export const isLong = process.env['FAULTS'] === 'long';
export const FORM: Form = isLong ? LONG : SHORT;
