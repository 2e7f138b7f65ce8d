/**
 * The two forms of a fault test: short, in which it shows that a promise holds at all, and long
 * (FAULTS=long), in which a load like a fleet's holds it for a while.
 */
export interface Form {
  readonly ratePerSecond: number;
  /** Under load before the fault, while it lasts, and after it. */
  readonly phaseMs: number;
  /** Ends a test that hangs. */
  readonly testMsMax: number;
}

const SHORT: Form = { ratePerSecond: 500, phaseMs: 1_000, testMsMax: 30_000 };
const LONG: Form = { ratePerSecond: 5_000, phaseMs: 10_000, testMsMax: 120_000 };

export const FORM: Form = process.env['FAULTS'] === 'long' ? LONG : SHORT;
