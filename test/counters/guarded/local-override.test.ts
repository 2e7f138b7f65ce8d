/** Groups that an operator wants counted by this process alone. */
import { expect, test } from 'vitest';
import { Unit } from '../../../src/core/rules/unit.ts';
import { GuardedCounterStore } from '../../../src/counters/guarded/guarded-counter-store.ts';
import { MemoryCounterStore } from '../../../src/counters/memory/memory-counter-store.ts';
import { ChargePolicy } from '../../../src/limiter/counter-store.ts';
import { ask, charge, groupOf, readings, type TestCharge } from '../../contract/charges.ts';
import { FailingStore } from './failing-store.ts';

const NOW = 100 * 3_600_000;

function rig(replicas = 1) {
  const inner = new FailingStore(() => NOW);
  const local = { store: new MemoryCounterStore({ now: () => NOW }), replicas, now: () => NOW };
  return { inner, guard: new GuardedCounterStore({ inner, local, monotonic: () => 0 }) };
}

const its = (changed: Partial<TestCharge> = {}) =>
  charge({ key: 'k', unit: Unit.HOUR, failureMode: 'closed', ...changed });
const localGroup = (...charges: ReturnType<typeof its>[]) => groupOf(charges, { isLocal: true });

test('are counted without the store, which serves, and say that they are degraded', async () => {
  const { inner, guard } = rig();
  const group = localGroup(its(), its({ key: 'j', failureMode: 'error' }));
  expect(readings(await ask(guard, [group]))).toEqual([['0>1', '0>1']]);
  expect(group.charges.map(({ degraded }) => degraded)).toEqual(['override', 'override']);
  expect(guard.degradedCounts).toEqual(new Map([['local override', 2]]));
  expect(inner.calls).toBe(0);
  expect(guard.ledgerEntries).toBe(0);
});

test('are counted by a share of each limit', async () => {
  const { guard } = rig(4);
  const group = () => localGroup(its({ limit: 10 }));
  expect(readings(await ask(guard, [group(), group(), group()]))).toEqual([
    ['0>4'],
    ['4>8'],
    ['8>12'],
  ]);
});

test('are charged whole or not at all by the share, whatever the failure modes say', async () => {
  const { guard } = rig();
  const whole = (limit: number) => {
    const charges = [its({ key: 'a' }), its({ key: 'b', limit })];
    return groupOf(charges, { isLocal: true, policy: ChargePolicy.ALL_OR_NOTHING });
  };
  expect(readings(await ask(guard, [whole(0)]))).toEqual([['0>0', '0>1']]);
  expect(readings(await ask(guard, [whole(1)]))).toEqual([['0>1', '0>1']]);
});

test('leave the others of their batch to the store, and all are settled at once', async () => {
  const { inner, guard } = rig();
  const groups = [groupOf([its()]), localGroup(its()), groupOf([its()])];
  const settled = await ask(guard, groups);
  expect(settled).toBe(groups);
  expect(readings(settled)).toEqual([['0>1'], ['0>1'], ['1>2']]);
  expect(inner.calls).toBe(1);
  expect(groups.map(({ charges }) => charges[0]?.degraded)).toEqual([null, 'override', null]);
});

test('a store by itself takes no notice', async () => {
  const store = new MemoryCounterStore({ now: () => NOW });
  const group = localGroup(its());
  expect(readings(await ask(store, [group]))).toEqual([['0>1']]);
  expect(group.charges[0]?.degraded).toBeNull();
});
