/** The command line of `npm run sim`, which is also the form of a line in the file of regressions. */
import { parseArgs } from 'node:util';
import { BUGS } from './bugs.ts';
import type { SimulationOptions } from './scenario.ts';

export const USAGE = `npm run sim -- [options]
  --seed N       the first seed (1)
  --seeds COUNT  how many, one after the other (1)
  --hours H      simulated hours of each (1); every ten minutes end with calm ones
  --workers W    threads (1)
  --twice        runs each seed twice and compares what happened
  --save         appends a run that failed, shrunk, to test/simulation/seeds/regressions.txt
  --keep LIST    only these faults of the schedule, by number; none is no fault
  --bug NAME     switches a bug on, which a run should find: ${BUGS.join(', ')}`;

export interface Arguments {
  readonly first: SimulationOptions;
  readonly seeds: number;
  readonly workers: number;
  readonly isTwice: boolean;
  readonly doesSave: boolean;
}

const SEED_MAX = 2 ** 31;
const SEEDS_MAX = 1_000_000;
const HOURS_MAX = 1000;
const WORKERS_MAX = 256;

/** Throws a RangeError, or a TypeError of the parser's, that says what is wrong. */
export function parseArguments(words: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...words],
    options: {
      seed: { type: 'string', default: '1' },
      seeds: { type: 'string', default: '1' },
      hours: { type: 'string', default: '1' },
      workers: { type: 'string', default: '1' },
      twice: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      keep: { type: 'string' },
      bug: { type: 'string', multiple: true, default: [] },
    },
  });
  const unknown = values.bug.find((bug) => !BUGS.includes(bug));
  if (unknown !== undefined) throw new RangeError(`there is no bug ${unknown}`);
  const seed = wholeOf('seed', values.seed, 0, SEED_MAX);
  const hours = numberOf('hours', values.hours, HOURS_MAX);
  return {
    first: { seed, hours, bugs: values.bug, keep: keepOf(values.keep) },
    seeds: wholeOf('seeds', values.seeds, 1, SEEDS_MAX),
    workers: wholeOf('workers', values.workers, 1, WORKERS_MAX),
    isTwice: values.twice,
    doesSave: values.save,
  };
}

/** Lines that are empty or begin with # are not; what follows a # says why a line is there. */
export function parseRegressions(text: string): SimulationOptions[] {
  return text
    .split('\n')
    .map((line) => (line.split('#')[0] ?? '').trim())
    .filter((line) => line !== '')
    .map((line) => parseArguments(line.split(/\s+/)).first);
}

function keepOf(text: string | undefined): number[] | null {
  if (text === undefined) return null;
  if (text === 'none') return [];
  return text.split(',').map((part) => wholeOf('keep', part, 0, SEEDS_MAX));
}

function wholeOf(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= min && value <= max) {
    return value;
  }
  throw new RangeError(`--${name} ${text} is not a whole number from ${min} to ${max}`);
}

function numberOf(name: string, text: string, max: number): number {
  const value = Number(text);
  if (value > 0 && value <= max) return value;
  throw new RangeError(`--${name} ${text} is not a number above 0, up to ${max}`);
}
