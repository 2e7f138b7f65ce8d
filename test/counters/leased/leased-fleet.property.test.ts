/** Replicas that share limits, whoever asks how much of whom and when: never too much, and nearly all that is wanted. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Unit } from '../../../src/core/rules/unit.ts';
import type { Charge } from '../../../src/limiter/counter-store.ts';
import { group, type TestCharge } from '../../contract/charges.ts';
import { LeasedFleet, type LeasedReplica } from './leased-fleet.ts';

const NAMES = ['lead', 'a', 'b', 'c'] as const;
const COUNT = { key: 'count', unit: Unit.MINUTE, limit: 50 } as const;
const RATE = { key: 'rate', unit: Unit.SECOND, limit: 40 } as const;
const RATE_BURST = 4;

type Step =
  | { readonly kind: 'ask'; readonly at: number; readonly hits: number; readonly isRate: boolean }
  | { readonly kind: 'refund'; readonly at: number; readonly hits: number }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'pass'; readonly ms: number };

const someStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      at: fc.nat(3),
      hits: fc.constantFrom(1, 1, 1, 2, 7),
      isRate: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('refund' as const),
      at: fc.nat(3),
      hits: fc.constantFrom(1, 9),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), at: fc.nat(3) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      ms: fc.constantFrom(50, 100, 500, 3000, 20_000),
    }),
  },
);

/** What was admitted, by true time. */
class Watch {
  readonly #fleet: LeasedFleet;
  readonly #byWindow = new Map<number, number>();
  #level = 0;
  #at = 0;
  admitted = 0;

  constructor(fleet: LeasedFleet) {
    this.#fleet = fleet;
  }

  count(hits: number): void {
    const { wall } = this.#fleet.moment;
    const window = wall - (wall % 60_000);
    const sum = (this.#byWindow.get(window) ?? 0) + hits;
    this.#byWindow.set(window, sum);
    this.admitted += hits;
    expect(sum, 'of a window').toBeLessThanOrEqual(COUNT.limit);
    expect(sum, 'net of refunds').toBeGreaterThanOrEqual(0);
  }

  rate(hits: number): void {
    const { now } = this.#fleet;
    this.#level = Math.max(0, this.#level - ((now - this.#at) * RATE.limit) / 1000) + hits;
    this.#at = now;
    expect(this.#level, 'at once').toBeLessThanOrEqual(RATE_BURST + 1);
  }
}

/**
 * Asks, and lets time pass until it is answered; `onAdmitted` is called at the time of the answer, with the hits
 * by which the counter has changed.
 */
async function askFor(
  fleet: LeasedFleet,
  replica: LeasedReplica,
  its: TestCharge,
  onAdmitted: (hits: number) => void,
): Promise<void> {
  const state = { isSettled: false };
  const settled = (): void => {
    state.isSettled = true;
    const { before, after, limit } = asked.charges[0] as Charge;
    if (after <= limit) onAdmitted(after - before);
  };
  const asked = group({ ...its, isLeased: true, failureMode: 'closed' });
  replica.store.charge([asked], { settled });
  for (let turn = 0; !state.isSettled; turn += 1) {
    await new Promise(setImmediate);
    if (!state.isSettled && turn % 3 === 2) fleet.pass(50);
  }
}

describe('replicas that share limits', () => {
  test('never admit more than there is, whoever asks, is cut off or gives back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(someStep, { minLength: 20, maxLength: 120 }), async (steps) => {
        const fleet = new LeasedFleet(...NAMES);
        const watch = new Watch(fleet);
        const replicas = NAMES.map((name) => fleet.replica(name));
        for (const step of steps) await take(step, { fleet, watch, replicas });
      }),
      { numRuns: 150 },
    );
  });

  test('admit nearly all of a limit that all of them want', async () => {
    const fleet = new LeasedFleet(...NAMES);
    const watch = new Watch(fleet);
    const replicas = NAMES.map((name) => fleet.replica(name));
    fleet.now = 60_000 - (fleet.moment.wall % 60_000);
    for (let at = 0; at < 400; at += 1) {
      fleet.pass(50);
      const replica = replicas[at % NAMES.length] as LeasedReplica;
      await askFor(fleet, replica, COUNT, (hits) => watch.count(hits));
    }
    expect(watch.admitted).toBe(COUNT.limit);
  });
});

async function take(
  step: Step,
  around: { fleet: LeasedFleet; watch: Watch; replicas: readonly LeasedReplica[] },
): Promise<void> {
  const { fleet, watch, replicas } = around;
  switch (step.kind) {
    case 'pass':
      fleet.pass(step.ms);
      return;
    case 'cut': {
      const name = NAMES[step.at] as string;
      if (!fleet.cutOff.delete(name) && name !== fleet.own) fleet.cutOff.add(name);
      return;
    }
    case 'refund': {
      const refund = { ...COUNT, hits: step.hits, isRefund: true };
      const replica = replicas[step.at] as LeasedReplica;
      await askFor(fleet, replica, refund, (hits) => watch.count(hits));
      return;
    }
    case 'ask': {
      const { hits, isRate } = step;
      const its = { ...(isRate ? RATE : COUNT), hits };
      const replica = replicas[step.at] as LeasedReplica;
      await askFor(fleet, replica, its, (made) => (isRate ? watch.rate(made) : watch.count(made)));
    }
  }
}
