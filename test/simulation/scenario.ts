/** What a seed says before anything happens: how many machines, which quotas, how much goes wrong. */
import { QUOTA_DEFAULTS } from '../../src/core/quota/options.ts';
import type { Quota } from '../../src/core/quota/quota.ts';
import { Unit } from '../../src/core/rules/unit.ts';
import { Random } from '../core/quota/support/random.ts';
import type { ClockSetting } from './machine.ts';

export const HOUR_MS = 3_600_000;
/** T of Raft: with it three elections fit in a lease. */
export const ELECTION_MS = 1000;

export interface SimulationOptions {
  readonly seed: number;
  readonly hours: number;
  /** TEST ONLY: names of bugs that are switched on. */
  readonly bugs: readonly string[];
  /** Which faults of the schedule happen, by their place in it; null is all. */
  readonly keep: readonly number[] | null;
}

export interface Scenario {
  readonly voters: 1 | 3 | 5;
  readonly clocks: readonly ClockSetting[];
  readonly quotas: ReadonlyMap<string, Quota>;
  /** Mean time between two faults. */
  readonly faultGapMs: number;
  /** Of Raft: one entry in an append, some, or many. */
  readonly appendBytesMax: number;
  /** Loss that is always there, but when all is healed. */
  readonly loss: number;
  /** The one disk that may be damaged; null is none. */
  readonly rottenVoter: number | null;
}

/** Always there: what is measured when all is healed. */
export const MEASURED_RATE = 'rate';
export const MEASURED_COUNT = 'minute';

const ALWAYS: readonly (readonly [string, Quota])[] = [
  [MEASURED_COUNT, { kind: 'count', limit: 3000, unit: Unit.MINUTE }],
  [MEASURED_RATE, { kind: 'rate', limit: 100, unit: Unit.SECOND, burst: 30 }],
];

const SOMETIMES: readonly (readonly [string, Quota])[] = [
  ['second', { kind: 'count', limit: 400, unit: Unit.SECOND }],
  ['hour', { kind: 'count', limit: 20_000, unit: Unit.HOUR }],
  ['day', { kind: 'count', limit: 200_000, unit: Unit.DAY }],
  ['slow', { kind: 'rate', limit: 600, unit: Unit.MINUTE, burst: 50 }],
  ['few', { kind: 'rate', limit: 3, unit: Unit.SECOND, burst: 3 }],
  ['tiny', { kind: 'count', limit: 5, unit: Unit.MINUTE }],
];

/** Independent sources of chance, so that leaving out a fault does not change all the rest. */
const STREAMS = {
  scenario: 1,
  faults: 2,
  network: 3,
  machines: 4,
  workload: 5,
  disks: 6,
} as const;

export function randomOf(seed: number, stream: keyof typeof STREAMS): Random {
  const first = new Random((seed * 16 + STREAMS[stream]) >>> 0);
  return new Random(first.between(0, 0xffffffff));
}

export function scenarioOf(seed: number): Scenario {
  const random = randomOf(seed, 'scenario');
  const voters = random.pick([1, 3, 3, 3, 3, 3, 5, 5] as const);
  const machines = voters + random.between(1, 3);
  const clocks = Array.from({ length: machines }, () => clockOf(random));
  const some = SOMETIMES.filter(() => random.isTrue(0.4));
  const rottenVoter = voters > 1 && random.isTrue(0.15) ? random.between(0, voters - 1) : null;
  return {
    voters,
    clocks,
    quotas: new Map([...ALWAYS, ...some]),
    faultGapMs: random.pick([2000, 4000, 8000, 8000, 20_000]),
    appendBytesMax: random.pick([64, 400, 2048]),
    loss: random.pick([0, 0, 0.001, 0.02]),
    rottenVoter,
  };
}

/** As fast or as slow as is allowed, mostly. */
function clockOf(random: Random): ClockSetting {
  const { drift } = QUOTA_DEFAULTS;
  return {
    rate: 1 + random.pick([-drift, -drift, -drift / 3, 0, drift, drift]),
    start: random.between(0, 1e6),
    wallOff: random.between(-300, 300),
    canSleep: random.isTrue(0.5),
  };
}
