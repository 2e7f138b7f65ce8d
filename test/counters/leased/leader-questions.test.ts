/** What waits for the leader: how much of it there may be, and what it is told at the end. */
import { describe, expect, test } from 'vitest';
import { leasedQuota } from '../../../src/core/quota/leased-quota.ts';
import type { Quota } from '../../../src/core/quota/quota.ts';
import { SpendResult } from '../../../src/core/quota/spend-result.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import { LeaderQuestions } from '../../../src/counters/leased/leader-questions.ts';
import type { Waiting } from '../../../src/counters/leased/leader-queue.ts';
import type { LeaderWord } from '../../../src/counters/leased/lease-port.ts';
import { LeasedCounts } from '../../../src/counters/leased/leased-counts.ts';
import { LeasedFleet } from './leased-fleet.ts';

const { ADMITTED, OVER, LAPSED, SHORT } = SpendResult;
const COUNT = leasedQuota(1000, Unit.MINUTE);
const RATE = leasedQuota(1000, Unit.SECOND);

function asking(word: () => Promise<LeaderWord | null>) {
  const fleet = new LeasedFleet('lead', 'b');
  fleet.word = word;
  const counts = new LeasedCounts();
  const questions = new LeaderQuestions({
    shares: fleet.sharesOf('b'),
    monotonic: () => fleet.now,
    wall: () => fleet.moment.wall,
    counts,
  });
  const told: SpendResult[] = [];
  const ask = (resource: string, quota: Quota, its: Partial<Waiting> = {}): void => {
    questions.ask(resource, quota, {
      hits: 1,
      giveUpAt: fleet.now + 20,
      retry: () => SHORT,
      settle: (result) => told.push(result),
      ...its,
    });
  };
  return { fleet, counts, questions, told, ask };
}

const over = async (): Promise<LeaderWord> => ({ result: OVER, admitted: 0 });
const turn = (): Promise<void> => new Promise(setImmediate);

describe('charges that wait', () => {
  test('are so many at most, whoever else comes is answered at once', async () => {
    const { questions, told, ask } = asking(() => new Promise(() => {}));
    for (let at = 0; at < 4100; at += 1) ask(`r${at % 50}`, COUNT);
    expect(questions.waiting).toBe(4096);
    expect(told).toEqual(Array(4).fill(LAPSED));
    questions.close();
    expect(told).toHaveLength(4100);
    expect(questions.waiting).toBe(0);
    ask('r', COUNT);
    expect(told).toHaveLength(4101);
  });

  test('past their time are not asked for', () => {
    const { fleet, told, ask } = asking(over);
    ask('r', COUNT, { giveUpAt: fleet.now });
    expect(told).toEqual([LAPSED]);
    expect(fleet.questions).toEqual([]);
  });

  test('leave nothing behind: what is known of a resource is forgotten when it is old', async () => {
    const { fleet, told, ask } = asking(over);
    for (let at = 0; at < 200; at += 1) {
      ask(`r${at}`, COUNT);
      await Promise.resolve();
      await turn();
      fleet.now += 101;
    }
    expect(told).toEqual(Array(200).fill(OVER));
    ask('r0', COUNT);
    await turn();
    expect(fleet.questions).toHaveLength(201);
  });

  test('for the first share of a rate are over when it does not come, as the leader has no more', async () => {
    const { fleet, told, ask } = asking(over);
    fleet.track('r', RATE, 'b');
    ask('r', RATE);
    await turn();
    expect(told).toEqual([]);
    ask('r', RATE);
    expect(fleet.questions).toHaveLength(1);
    fleet.now += 20;
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(told).toEqual([OVER, OVER]);
    ask('r', RATE);
    expect(told).toEqual([OVER, OVER, OVER]);
    expect(fleet.questions).toHaveLength(1);
  });

  test('for the first share of a rate are tried when it has come', async () => {
    const { fleet, told, ask } = asking(over);
    fleet.track('r', RATE, 'b');
    const tried: SpendResult[] = [];
    const retry = (): SpendResult => {
      tried.push(ADMITTED);
      return ADMITTED;
    };
    ask('r', RATE, { retry });
    await turn();
    fleet.refresh('b');
    await turn();
    expect([tried, told]).toEqual([[ADMITTED], []]);
  });
});

/** Four hits were asked for, given up, and admitted after that, early in a window. */
async function admittedTooLate() {
  const { promise, resolve } = Promise.withResolvers<LeaderWord>();
  const its = asking(() => promise);
  const { fleet, counts, told, ask } = its;
  fleet.now = 60_000 - (fleet.moment.wall % 60_000);
  fleet.track('r', COUNT, 'b');
  fleet.spend('b', 'r', 1);
  fleet.refresh('b');
  ask('r', COUNT, { hits: 4 });
  await turn();
  fleet.now += 20;
  await new Promise((timeUp) => setTimeout(timeUp, 40));
  expect(told).toEqual([LAPSED]);
  resolve({ result: ADMITTED, admitted: 4 });
  await turn();
  expect(counts.wastedHits).toBe(0);
  return its;
}

test('what the leader admitted too late is lost with its window', async () => {
  const { fleet, counts, ask } = await admittedTooLate();
  fleet.now += 60_000;
  fleet.word = over;
  ask('r', COUNT);
  expect(counts.wastedHits).toBe(4);
});

test.each([
  [9_999, [LAPSED, ADMITTED], 0],
  [10_000, [LAPSED], 4],
])(
  'what the leader admitted too late is kept within its window for ten seconds: %d ms',
  async (ms, said, wasted) => {
    const { fleet, counts, told, ask } = await admittedTooLate();
    fleet.now += ms;
    fleet.word = () => new Promise(() => {});
    ask('r', COUNT);
    expect([told, counts.wastedHits]).toEqual([said, wasted]);
  },
);
