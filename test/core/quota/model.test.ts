/**
 * Leases under everything that may go wrong (Q1 to Q9), and that each bug that can be switched on is
 * found, so that these runs are known to be able to fail.
 */
import { describe, expect, test } from 'vitest';
import type { HeldRate } from '../../../src/core/quota/held-rate.ts';
import type { QuotaFault } from '../../../src/core/quota/options.ts';
import { Model } from './support/model.ts';
import { QuotaViolation } from './support/model-checks.ts';

const RUN_MS = 60_000;
/** Seeds of one test: far below its time limit on a busy machine. */
const BLOCK = 6;

function play(seed: number, faults: readonly QuotaFault[] = []): Model {
  const model = new Model({ seed, faults });
  try {
    model.run(RUN_MS);
  } catch (error) {
    throw new Error(`seed ${seed}, ${model.now} ms`, { cause: error });
  }
  return model;
}

describe('whatever is lost, late, stopped, asleep, deposed or restarted', () => {
  test.each([1, 7, 13, 19, 25])('every invariant holds (seeds from %i)', (first) => {
    let admitted = 0;
    for (let seed = first; seed < first + BLOCK; seed += 1) admitted += play(seed).checks.admitted;
    expect(admitted).toBeGreaterThan(BLOCK * 1000);
  });
});

describe('after everything has healed', () => {
  test('all have leases, and all of a rate that is wanted is in use, with a part for each', () => {
    for (let seed = 101; seed < 101 + BLOCK; seed += 1) {
      const model = play(seed);
      model.heal();
      // Dead sessions end, live ones are known again, then three refreshes.
      const { ttlMs, renewMs } = model.options;
      model.run(2 * ttlMs + 3 * renewMs);
      const rates = model.holders.map(({ holder, clock }) => {
        const { at, wall } = clock.at(model.now);
        return (holder.shareOf('rate', at, wall) as HeldRate | null)?.size.rate ?? 0;
      });
      expect(rates.reduce((sum, rate) => sum + rate, 0)).toBeGreaterThanOrEqual(95);
      expect(Math.min(...rates)).toBeGreaterThanOrEqual(20);
    }
  });
});

describe('a bug that is switched on is found', () => {
  const faults: readonly QuotaFault[] = [
    'no-drift-margin',
    'extend-from-now',
    'new-leader-does-not-wait',
    'regrant-before-ack',
    'report-twice',
    'accept-lower-generation',
    'deadline-from-receipt',
    'ignore-clock-jump',
  ];

  test.each(faults)('%s', (fault) => {
    let found: unknown = null;
    for (let seed = 1; seed <= 30 && found === null; seed += 1) {
      try {
        play(seed, [fault]);
      } catch (error) {
        found = (error as Error).cause;
      }
    }
    expect(found).toBeInstanceOf(QuotaViolation);
  });
});
