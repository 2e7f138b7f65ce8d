/** What is remembered of requests with an id, and for how long. */
import { expect, test } from 'vitest';
import { RecentRequests } from '../../../src/counters/memory/recent-requests.ts';
import { IDEMPOTENCY_MS } from '../../../src/limiter/counter-store.ts';
import { charge } from '../../contract/charges.ts';

const NOW = 1_000_000;

function charges(count: number) {
  return Array.from({ length: count }, (_, number) => ({
    ...charge({ key: `k${number}` }),
    before: number,
    after: number + 1,
  }));
}

test('a request reads what it read before, for as long as callers retry', () => {
  const requests = new RecentRequests();
  expect(requests.recall('a', charges(1), NOW)).toBe(false);
  requests.remember('a', charges(2), NOW);
  const again = charges(2).map((its) => ({ ...its, before: -1, after: -1 }));
  expect(requests.recall('a', again, NOW + IDEMPOTENCY_MS - 1)).toBe(true);
  expect(again.map(({ before, after }) => `${before}>${after}`)).toEqual(['0>1', '1>2']);
  expect(requests.recall('a', again, NOW + 2 * IDEMPOTENCY_MS - 1)).toBe(true);
  expect(requests.recall('a', again, NOW + 4 * IDEMPOTENCY_MS)).toBe(false);
});

test('one that is forgotten tells when it was, once', () => {
  const requests = new RecentRequests();
  requests.remember('a', charges(1), NOW);
  expect([requests.forget('a'), requests.forget('a')]).toEqual([NOW, null]);
});

test.each([
  ['few counters', 1, 100, true],
  ['many counters', 1000, 100, true],
  ['more counters than there is room for', 1000, 250, false],
])('is bounded by what all requests read: %s', (_, each, others, isKept) => {
  const requests = new RecentRequests();
  requests.recall('first', [], NOW);
  requests.remember('first', charges(each), NOW);
  for (let other = 0; other < others; other += 1) {
    requests.recall(`other ${other}`, [], NOW);
    requests.remember(`other ${other}`, charges(each), NOW);
  }
  expect(requests.recall('first', charges(each), NOW)).toBe(isKept);
  expect(requests.recall(`other ${others - 1}`, charges(each), NOW)).toBe(true);
});
