/**
 * Short runs of the simulation: every invariant holds under every fault, a seed says all that happens, runs that
 * failed once stay mended, and each bug that can be switched on is found. `npm run sim` runs more and longer.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseRegressions } from './arguments.ts';
import { BUGS } from './bugs.ts';
import { CALM_MS, EPOCH_MS, type FaultKind, scheduleOf } from './fault-schedule.ts';
import { faultsOf, type RunResult, runOnce } from './run.ts';
import { HOUR_MS, type SimulationOptions, scenarioOf } from './scenario.ts';
import { shrink } from './shrink.ts';

/** Faults, and a calm end. */
const ONE_EPOCH = EPOCH_MS / HOUR_MS;
const SEEDS = 6;
/** On a machine that does much else. */
const TEST_MS_MAX = 120_000;
const BUG_MS_MAX = 300_000;
const REGRESSIONS = new URL('./seeds/regressions.txt', import.meta.url);

function optionsOf(seed: number, bugs: readonly string[] = []): SimulationOptions {
  return { seed, hours: ONE_EPOCH, bugs, keep: null };
}

describe('every invariant holds', () => {
  test.each(Array.from({ length: SEEDS }, (_, i) => i + 1))(
    'under the faults of seed %i, and all is well when they are over',
    async (seed) => {
      const { failure, committed, admitted } = await runOnce(optionsOf(seed));
      expect(failure).toBeNull();
      expect(committed).toBeGreaterThan(100);
      expect(admitted).toBeGreaterThan(1000);
    },
    TEST_MS_MAX,
  );

  const regressions = parseRegressions(readFileSync(REGRESSIONS, 'utf8'));
  test(
    `in ${regressions.length} runs that failed once`,
    async () => {
      for (const options of regressions) expect((await runOnce(options)).failure).toBeNull();
    },
    TEST_MS_MAX,
  );
});

describe('a seed says all that happens', () => {
  test('the same seed gives the same event hash, another seed another', async () => {
    const [one, again, other] = [
      await runOnce(optionsOf(7)),
      await runOnce(optionsOf(7)),
      await runOnce(optionsOf(4)),
    ];
    expect(again.hash).toBe(one.hash);
    expect(again.events).toBe(one.events);
    expect(other.hash).not.toBe(one.hash);
  });

  test('without one fault, what happens is something else', async () => {
    const faults = faultsOf(optionsOf(7));
    const keep = faults.map((_, i) => i).slice(1);
    const [all, less] = [await runOnce(optionsOf(7)), await runOnce({ ...optionsOf(7), keep })];
    expect(less.faults).toBe(all.faults - 1);
    expect(less.hash).not.toBe(all.hash);
  });

  test('schedules have every kind of fault, and none that lasts into the calm', () => {
    const kinds = new Set<FaultKind>();
    for (let seed = 0; seed < 50; seed += 1) {
      for (const { at, ms, kind } of scheduleOf(seed, scenarioOf(seed), HOUR_MS)) {
        kinds.add(kind);
        expect((at % EPOCH_MS) + ms).toBeLessThanOrEqual(EPOCH_MS - CALM_MS);
      }
    }
    expect(kinds.size).toBe(22);
  });
});

describe('a bug that is switched on is found', () => {
  // For each a seed that finds it, and the seeds behind it: whatever changes the order of events may let one
  // pass it by.
  const SEEDS_MAX = 100;
  const found: Readonly<Record<string, number>> = {
    'vote-twice': 3,
    'skip-up-to-date-check': 2,
    'count-duplicate-votes': 11,
    'commit-older-terms': 44,
    'apply-beyond-commit': 1,
    'send-before-durable': 1,
    'skip-previous-check': 1,
    'keep-conflicting-entries': 1,
    'lead-without-quorum': 1,
    'no-drift-margin': 2,
    'extend-from-now': 39,
    'new-leader-does-not-wait': 1,
    'regrant-before-ack': 1,
    'report-twice': 1,
    'accept-lower-generation': 12,
    'deadline-from-receipt': 14,
    'ignore-clock-jump': 2,
    'no-fsync': 1,
    'wiped-voter-returns': 2,
    'local-time-in-ledger': 1,
  };

  async function firstFailure(bug: string): Promise<RunResult | null> {
    const first = found[bug] ?? 1;
    for (let seed = first; seed < first + SEEDS_MAX; seed += 1) {
      const result = await runOnce(optionsOf(seed, [bug]));
      if (result.failure !== null) return result;
    }
    return null;
  }

  test.each(BUGS)(
    '%s',
    async (bug) => {
      const failed = await firstFailure(bug);
      expect(failed?.failure?.isViolation).toBe(true);
    },
    BUG_MS_MAX,
  );

  test(
    'and the run that finds it shrinks to fewer faults, which fail alike',
    async () => {
      const failed = (await firstFailure('ignore-clock-jump'))!;
      const smallest = await shrink(failed, 20);
      expect(smallest.failure?.invariant).toBe(failed.failure?.invariant);
      expect(smallest.faults).toBeLessThan(failed.faults);
    },
    TEST_MS_MAX,
  );
});
