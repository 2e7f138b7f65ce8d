import { expect, it } from 'vitest';
import { AnswerTimes } from '../../src/rpc/answer-times.ts';
import { CallLedger } from './call-ledger.ts';

it('counts each call of a turn from its arrival to the end of the turn', async () => {
  const ledger = new CallLedger();
  const times = new AnswerTimes('ShouldRateLimit', ledger);
  const nowMs = performance.now();
  times.answered(nowMs - 500);
  times.answered(nowMs);
  expect(ledger.finished).toEqual([]);
  await Promise.resolve();
  expect(ledger.finished).toEqual(['ShouldRateLimit', 'ShouldRateLimit']);
  const [longer, shorter] = ledger.durationsMs as [number, number];
  expect(longer - shorter).toBeCloseTo(500, 6);
  expect(shorter).toBeGreaterThanOrEqual(0);
});

it('counts what a later turn answers, and what was counted not again', async () => {
  const ledger = new CallLedger();
  const times = new AnswerTimes('Check', ledger);
  for (const count of [1, 2]) {
    times.answered(performance.now());
    await Promise.resolve();
    expect(ledger.finished).toHaveLength(count);
  }
});
