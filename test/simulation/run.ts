/** One run from its options to its result; whatever it throws is a failure of what is under test. */
import { type Fault, faultText } from './fault-schedule.ts';
import type { SimulationOptions } from './scenario.ts';
import { Simulation } from './simulation.ts';
import { Violation } from './violation.ts';

export interface Failure {
  /** What does not hold: the same for runs that fail alike. */
  readonly invariant: string;
  readonly what: string;
  /** A check said it; otherwise something under test threw, which it never may. */
  readonly isViolation: boolean;
  /** True time of the run. */
  readonly atMs: number;
}

export interface RunResult {
  readonly options: SimulationOptions;
  /** Of all that happened. */
  readonly hash: string;
  readonly failure: Failure | null;
  readonly events: number;
  readonly faults: number;
  readonly crashes: number;
  readonly terms: number;
  readonly committed: number;
  readonly admitted: number;
}

export async function runOnce(options: SimulationOptions): Promise<RunResult> {
  const simulation = new Simulation(options);
  let failure: Failure | null = null;
  try {
    await simulation.run();
  } catch (error) {
    failure = failureOf(error, simulation.queue.now);
  }
  return {
    options,
    hash: simulation.hash.text,
    failure,
    events: simulation.queue.count,
    faults: simulation.faults.length,
    crashes: simulation.crashes,
    terms: simulation.raftChecks.terms,
    committed: simulation.raftChecks.committedCount,
    admitted: simulation.leaseChecks.admittedCount,
  };
}

/** The faults that a run of these options has. */
export function faultsOf(options: SimulationOptions): readonly Fault[] {
  return new Simulation(options).faults;
}

function failureOf(error: unknown, atMs: number): Failure {
  if (error instanceof Violation) {
    const { invariant, message } = error;
    return { invariant, what: message, isViolation: true, atMs };
  }
  const { name, stack = '' } = error as Error;
  return { invariant: name, what: stack, isViolation: false, atMs };
}

/** What one needs to see a failure again. */
export function failureText({ options, failure }: RunResult): string {
  if (failure === null) return '';
  const seconds = (failure.atMs / 1000).toFixed(3);
  return [
    `seed ${options.seed}: ${failure.what} (at ${seconds} s)`,
    `  npm run sim -- ${optionsText(options)}`,
    ...faultsOf(options)
      .filter(({ at }) => at <= failure.atMs)
      .map(faultText),
  ].join('\n');
}

/** As on the command line, and in the file of regressions. */
export function optionsText({ seed, hours, bugs, keep }: SimulationOptions): string {
  const words = [`--seed ${seed} --hours ${hours}`, ...bugs.map((bug) => `--bug ${bug}`)];
  if (keep !== null) words.push(`--keep ${keep.join(',') || 'none'}`);
  return words.join(' ');
}
