import { expect, test } from 'vitest';
import { LoadReport } from '../../support/load-report.ts';

/** Four calls, due at 1000, 1010, 1020, 1030; sent 2 ms later; they took 5, 50, 8 and for ever. */
function reportOfFour(): LoadReport {
  const report = new LoadReport(10, 4);
  report.begin(1000);
  const endings = [1005, 1060, 1028];
  for (let call = 0; call < 4; call += 1) report.sent(call, report.dueMs(call) + 2);
  for (const [call, atMs] of endings.entries()) {
    report.said(call, call === 2 ? 2 : 1, call === 1 ? 'slow' : null);
    report.ended(call, atMs, 0);
  }
  return report;
}

test('calls are counted by outcome and by reason', () => {
  const { due, outcomes, degraded } = reportOfFour().summary();
  expect({ due, outcomes, degraded }).toEqual({
    due: 4,
    outcomes: { OK: 2, OVER_LIMIT: 1, unanswered: 1 },
    degraded: { slow: 1 },
  });
});

test('percentiles are of the calls that ended, from due or from sent', () => {
  const { fromDue, fromSent } = reportOfFour().summary();
  expect(fromDue).toEqual({ p50: 8, p99: 50, p999: 50, p9999: 50, max: 50 });
  expect(fromSent).toEqual({ p50: 6, p99: 48, p999: 48, p9999: 48, max: 48 });
});

test('a percentile is the smallest value that its share does not exceed', () => {
  const report = new LoadReport(1, 1000);
  report.begin(0);
  for (let call = 0; call < 1000; call += 1) report.ended(call, report.dueMs(call) + call + 1, 0);
  const { fromDue } = report.summary();
  expect(fromDue).toEqual({ p50: 500, p99: 990, p999: 999, p9999: 1000, max: 1000 });
});

test.each([
  ['the bound itself is not late', 8, 'due', [2, 2]],
  ['a call without an end is late', 50, 'due', [1, 1]],
  ['from sent', 7, 'sent', [2, 2]],
] as const)('late calls: %s', (_name, boundMs, from, want) => {
  const report = reportOfFour();
  const late = [report.laterThan(boundMs, from), report.laterThanBesideStalls(boundMs, from)];
  expect(late).toEqual(want);
});

test('of a late call only what lies in a stall is taken off', () => {
  const report = reportOfFour();
  // Call 1 took from 1010 to 1060; 15 ms and 10 ms of it are stalls.
  report.stalls.push({ fromMs: 900, toMs: 1025 }, { fromMs: 1050, toMs: 1090 });
  expect(report.summary().stalls).toEqual({ count: 2, longestMs: 125, totalMs: 165 });
  expect([24, 25].map((boundMs) => report.laterThan(boundMs))).toEqual([2, 2]);
  expect([24, 25].map((boundMs) => report.laterThanBesideStalls(boundMs))).toEqual([2, 1]);
});

test('the share of late calls is of those that are meant', () => {
  const report = reportOfFour();
  const isEven = (call: number) => call % 2 === 0;
  expect(report.shareLater(7, isEven)).toBe(0.5);
  expect(report.shareLater(7, (call) => !isEven(call))).toBe(1);
  expect(report.shareLater(7, () => false)).toBe(0);
});

test('the first answer of a kind after a time is the one that ended first', () => {
  const report = reportOfFour();
  expect(report.first(0, ({ outcome }) => outcome === 'OK')?.call).toBe(0);
  expect(report.first(1028, () => true)?.call).toBe(2);
  expect(report.first(1028.1, () => true)).toMatchObject({ call: 1, degraded: 'slow' });
  expect(report.first(1061, () => true)).toBeNull();
});

test.each([
  ['a status', 14, 'status 14'],
  ['a reset stream', 'reset', 'reset'],
  ['a lost connection', 'lost', 'lost'],
  ['OK without a message', 0, 'UNKNOWN'],
] as const)('a call that ends with %s', (_name, end, outcome) => {
  const report = new LoadReport(10, 2);
  report.begin(0);
  report.sent(0, 1);
  report.ended(0, 2, end);
  expect(report.answer(0)).toMatchObject({ outcome, sentMs: 1, answeredMs: 2, degraded: null });
  expect([report.hasEnded(0), report.hasEnded(1)]).toEqual([true, false]);
  expect(report.summary().outcomes).toEqual({ [outcome]: 1, unsent: 1 });
});

test('a load that is cut short speaks of what was due until then', () => {
  const report = reportOfFour();
  report.cutShort(2);
  expect(report.summary()).toMatchObject({ due: 2, outcomes: { OK: 2 } });
});
