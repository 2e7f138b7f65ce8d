/** Groups that are charged whole or not at all, while the store behind the guard cannot serve. */
import { expect, test } from 'vitest';
import { Unit } from '../../../src/core/rules/unit.ts';
import { GuardedCounterStore } from '../../../src/counters/guarded/guarded-counter-store.ts';
import { MemoryCounterStore } from '../../../src/counters/memory/memory-counter-store.ts';
import { ask, readings, type TestCharge, wholeGroup } from '../../contract/charges.ts';
import { FailingStore } from './failing-store.ts';

const NOW = 100 * 3_600_000;
const LOCAL = { unit: Unit.HOUR, failureMode: 'local' } as const;

function rig() {
  const inner = new FailingStore(() => NOW);
  inner.failure = { code: 'unavailable', text: 'gone' };
  const guard = new GuardedCounterStore({
    inner,
    local: { store: new MemoryCounterStore({ now: () => NOW }), replicas: 1, now: () => NOW },
    monotonic: () => 0,
  });
  const askWhole = async (...its: TestCharge[]): Promise<readonly string[]> =>
    readings(await ask(guard, [wholeGroup(...its)]))[0] as readonly string[];
  return { guard, askWhole };
}

test('what one that is over kept from being charged is not charged later either', async () => {
  const { guard, askWhole } = rig();
  const over = { ...LOCAL, key: 'over', limit: 0 };
  expect(await askWhole({ ...LOCAL, key: 'a' }, over)).toEqual(['0>0', '0>1']);
  expect(guard.ledgerEntries).toBe(0);
  expect(await askWhole({ ...LOCAL, key: 'a' })).toEqual(['0>1']);
  expect(guard.ledgerEntries).toBe(1);
});

test.each([
  ['turns the request away, and no local share is charged', {}, '0>0'],
  ['does not bind, and local shares are charged', { isBinding: false }, '0>1'],
  ['is a refund, and local shares are charged', { isRefund: true }, '0>1'],
])('one in mode closed %s', async (_name, its, want) => {
  const { askWhole } = rig();
  const closed = { ...LOCAL, key: 'closed', failureMode: 'closed', ...its } as const;
  expect((await askWhole({ ...LOCAL, key: 'a' }, closed))[0]).toBe(want);
});

test('refunds of a local share are made beside one in mode closed', async () => {
  const { askWhole } = rig();
  await askWhole({ ...LOCAL, key: 'a', hits: 5 });
  const closed = { ...LOCAL, key: 'closed', failureMode: 'closed' } as const;
  const refund = { ...LOCAL, key: 'a', hits: 2, isRefund: true };
  expect((await askWhole(refund, closed))[0]).toBe('5>3');
});
