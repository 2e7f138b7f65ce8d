/** The book of local admissions: its bounds, and what it gives out. */
import { expect, test } from 'vitest';
import { Unit } from '../../../src/core/rules/unit.ts';
import { Ledger } from '../../../src/counters/guarded/ledger.ts';

function entry(key: string, hits = 1, windowEnd = 100) {
  return { key, unit: Unit.HOUR, hits, windowEnd };
}

test.each([
  ['as many counters as may be', ['a', 'b', 'c', 'a'], 2, 1],
  ['as many characters as may be', ['a'.repeat(400), 'b'.repeat(112), 'c'], 2, 1],
  ['a key that is longer than all may be', ['a'.repeat(513), 'b'], 1, 1],
])('keeps %s, and counts the others as dropped', (_, keys, entries, dropped) => {
  const ledger = new Ledger(2);
  for (const key of keys) ledger.record(entry(key));
  expect([ledger.size, ledger.droppedHits]).toEqual([entries, dropped]);
});

test('what is taken out makes room', () => {
  const ledger = new Ledger(2);
  const long = 'a'.repeat(512);
  for (let round = 0; round < 3; round += 1) {
    ledger.record(entry(long));
    expect(ledger.take(9, 99)).toEqual([entry(long)]);
  }
  ledger.record(entry(long, 5));
  expect(ledger.take(9, 100)).toEqual([]);
  expect([ledger.size, ledger.expiredHits, ledger.droppedHits]).toEqual([0, 5, 0]);
});

test('hits of one window add up, and those of a window that is over are lost', () => {
  const ledger = new Ledger(2);
  for (const its of [entry('a', 1), entry('a', 2), entry('a', 4, 200), entry('a', 8)]) {
    ledger.record(its);
  }
  expect(ledger.expiredHits).toBe(11);
  expect(ledger.take(9, 0)).toEqual([entry('a', 4, 200)]);
});
