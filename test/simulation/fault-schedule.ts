/**
 * What goes wrong and when, decided before a run begins: so a run that fails can be repeated with fewer
 * faults. An hour is made of epochs, each of which ends calm: what is wrong heals, and liveness is looked at.
 */
import { MEASURED_RATE, randomOf, type Scenario } from './scenario.ts';

export const EPOCH_MS = 600_000;
export const CALM_MS = 150_000;

export type FaultKind =
  | 'cut'
  | 'isolate'
  | 'lone-leader'
  | 'split'
  | 'loss'
  | 'append-loss'
  | 'duplicates'
  | 'reorder'
  | 'slow-link'
  | 'stall'
  | 'sleep'
  | 'wall-jump'
  | 'kill'
  | 'power-cut'
  | 'sync-error'
  | 'disk-full'
  | 'slow-disk'
  | 'rot'
  | 'set-quota'
  | 'leave'
  | 'other-version'
  | 'transfer';

export interface Fault {
  /** True time. */
  readonly at: number;
  readonly kind: FaultKind;
  /** A machine; for a cut the side that sends. */
  readonly target: number;
  /** Another machine, a set of machines as bits, a part in thousands, milliseconds: as the kind needs. */
  readonly amount: number;
  /** How long it lasts; 0 for what only happens. */
  readonly ms: number;
}

/** How often each comes, in parts. */
const WEIGHTS: Readonly<Record<FaultKind, number>> = {
  cut: 12,
  isolate: 10,
  'lone-leader': 6,
  split: 8,
  loss: 4,
  'append-loss': 7,
  duplicates: 4,
  reorder: 4,
  'slow-link': 4,
  stall: 8,
  sleep: 6,
  'wall-jump': 4,
  kill: 6,
  'power-cut': 8,
  'sync-error': 2,
  'disk-full': 2,
  'slow-disk': 4,
  rot: 1,
  'set-quota': 3,
  leave: 4,
  'other-version': 2,
  transfer: 3,
};
const KINDS = Object.keys(WEIGHTS) as FaultKind[];
const BAG = KINDS.flatMap((kind) => Array.from({ length: WEIGHTS[kind] }, () => kind));

const SHORT_MS = [200, 700, 1500, 3000, 6000, 12_000, 25_000] as const;

/** Several elections. */
const LONG_MS = [6000, 12_000, 25_000] as const;

/** All faults of a run, by time. */
export function scheduleOf(seed: number, scenario: Scenario, durationMs: number): Fault[] {
  const random = randomOf(seed, 'faults');
  const machines = scenario.clocks.length;
  const faults: Fault[] = [];
  for (let begin = 0; begin < durationMs; begin += EPOCH_MS) {
    const end = Math.min(begin + EPOCH_MS, durationMs) - CALM_MS;
    let at = begin;
    for (;;) {
      at += 1 + Math.floor(-Math.log(1 - random.next()) * scenario.faultGapMs);
      const kind = random.pick(BAG);
      const isForVoter = VOTER_KINDS.has(kind) || random.isTrue(0.6);
      const drawn = random.between(0, (isForVoter ? scenario.voters : machines) - 1);
      const target = kind === 'rot' ? (scenario.rottenVoter ?? drawn) : drawn;
      const drawnMs = random.pick(kind === 'append-loss' ? LONG_MS : SHORT_MS);
      const ms = Math.min(drawnMs, end - at);
      const amount = amountOf(kind, random.next(), machines, target);
      if (at >= end || ms <= 0) break;
      if (kind === 'rot' && scenario.rottenVoter === null) continue;
      const canSleep = scenario.clocks[target]!.canSleep;
      if (kind === (canSleep ? 'wall-jump' : 'sleep')) continue;
      faults.push({ at, kind, target, amount, ms });
    }
  }
  return faults;
}

const VOTER_KINDS: ReadonlySet<FaultKind> = new Set([
  'sync-error',
  'disk-full',
  'slow-disk',
  'other-version',
]);

function amountOf(kind: FaultKind, chance: number, machines: number, target: number): number {
  switch (kind) {
    case 'cut':
    case 'slow-link':
      return (target + 1 + Math.floor(chance * (machines - 1))) % machines;
    case 'split':
      return 1 + Math.floor(chance * (2 ** machines - 2));
    case 'loss':
    case 'duplicates':
      return 50 + Math.floor(chance * 350);
    case 'append-loss':
      return 850 + Math.floor(chance * 150);
    case 'reorder':
      return 20 + Math.floor(chance * 600);
    case 'slow-disk':
      return 50 + Math.floor(chance * 1500);
    case 'wall-jump':
      return Math.floor((chance - 0.5) * 4000);
    case 'set-quota':
    case 'rot':
    case 'disk-full':
      return Math.floor(chance * 1000);
    default:
      return 0;
  }
}

/** One line: `  12.345 s  cut m0 > m2 for 1500 ms`. */
export function faultText({ at, kind, target, amount, ms }: Fault): string {
  const details: Partial<Record<FaultKind, string>> = {
    cut: `m${target} > m${amount}`,
    'slow-link': `m${target} - m${amount}`,
    split: `machines ${amount.toString(2)} (bits)`,
    loss: `${amount / 10} %`,
    'append-loss': `${amount / 10} %`,
    duplicates: `${amount / 10} %`,
    reorder: `by ${amount} ms`,
    'slow-disk': `m${target} by ${amount} ms`,
    'wall-jump': `m${target} by ${amount} ms`,
    'set-quota': `${MEASURED_RATE} and others, draw ${amount}`,
  };
  const what = details[kind] ?? `m${target}`;
  return `${(at / 1000).toFixed(3).padStart(10)} s  ${kind} ${what} for ${ms} ms`;
}
