/**
 * The invariants of Raft under any order of events; and that each bug that can be switched on breaks one
 * of them, so that these runs are known to be able to fail.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../../src/core/raft/options.ts';
import { InvariantError } from './support/invariants.ts';
import { type RandomRun, run, runAndHeal } from './support/random-run.ts';

const EVENTS_MAX = 400;

const event = fc.noBias(fc.integer({ min: 0, max: 0xffffffff }));
const events = fc.array(event, { minLength: 1, maxLength: EVENTS_MAX, size: 'max' });

describe('whatever is lost, late, repeated or crashed', () => {
  test.each([1, 3, 5] as const)('a cluster of %i keeps every invariant', (voters) => {
    let committed = 0;
    fc.assert(
      fc.property(events, (one) => {
        committed += run({ voters, faults: [], events: one }).committedCount;
      }),
      { numRuns: 400 },
    );
    expect(committed).toBeGreaterThan(400);
  });
});

describe('when faults end', () => {
  test.each([1, 3, 5] as const)('%i voters have one leader, and the same log applied', (voters) => {
    fc.assert(
      fc.property(events, (one) => {
        const { seats } = runAndHeal({ voters, faults: [], events: one });
        const nodes = [...seats.values()].map(({ node }) => node);
        expect(nodes.filter((node) => node?.role.kind === 'leader')).toHaveLength(1);
        const machines = new Set([...seats.values()].map(({ machine }) => machine.join(' ')));
        expect(machines.size).toBe(1);
        expect([...machines][0]).toMatch(/healed$/);
      }),
      { numRuns: 100 },
    );
  });
});

describe('a bug that is switched on is found', () => {
  // Runs until one fails, of a fixed seed: how many it takes says how rare the bug is.
  const SEED = 7;
  const cases: readonly [Fault, RandomRun['voters'], number][] = [
    ['vote-twice', 3, 100],
    ['skip-up-to-date-check', 3, 200],
    ['count-duplicate-votes', 5, 4000],
    ['commit-older-terms', 3, 4000],
    ['apply-beyond-commit', 3, 100],
    ['send-before-durable', 3, 100],
    ['skip-previous-check', 3, 200],
    ['keep-conflicting-entries', 3, 100],
    ['lead-without-quorum', 3, 100],
  ];

  test.each(cases)('%s, with %i voters, in %i runs', (fault, voters, numRuns) => {
    const property = fc.property(
      events,
      (one) => void run({ voters, faults: [fault], events: one }),
    );
    const found = fc.check(property, { numRuns, seed: SEED, endOnFailure: true });
    expect(found.failed).toBe(true);
    expect(found.errorInstance).toBeInstanceOf(InvariantError);
  });
});
