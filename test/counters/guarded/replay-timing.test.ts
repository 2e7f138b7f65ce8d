/** When local admissions are charged to the store, and which. */
import { expect, test, vi } from 'vitest';
import { Unit } from '../../../src/core/rules/unit.ts';
import { GuardedCounterStore } from '../../../src/counters/guarded/guarded-counter-store.ts';
import { MemoryCounterStore } from '../../../src/counters/memory/memory-counter-store.ts';
import type { ChargeGroup, StoreFailure } from '../../../src/limiter/counter-store.ts';
import { ask, group, readings } from '../../contract/charges.ts';
import { FailingStore } from './failing-store.ts';

const GONE: StoreFailure = { code: 'unavailable', text: 'gone' };
const now = () => 360_000_000;

function startGuard(): { readonly inner: FailingStore; readonly guard: GuardedCounterStore } {
  const inner = new FailingStore(now);
  const local = { store: new MemoryCounterStore({ now }), replicas: 1, now };
  return { inner, guard: new GuardedCounterStore({ inner, local, monotonic: () => 0 }) };
}

function request(hits: number): ChargeGroup {
  return group({ key: 'k', unit: Unit.HOUR, failureMode: 'local', hits });
}

/** The count in the store behind, and the counters that wait for it. */
async function state({ inner, guard }: ReturnType<typeof startGuard>): Promise<unknown> {
  for (let turns = 0; turns < 5; turns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  const peek = group({ key: 'k', unit: Unit.HOUR, hits: 0 });
  const [its] = readings(await ask(inner.memory, [peek]));
  return [its?.[0], guard.ledgerEntries];
}

test('admissions are charged by and by though nobody asks', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
  try {
    const rig = startGuard();
    rig.inner.failure = GONE;
    await ask(rig.guard, [request(3)]);
    vi.advanceTimersByTime(500);
    expect(await state(rig)).toEqual(['0>0', 1]);
    rig.inner.failure = null;
    vi.advanceTimersByTime(500);
    expect(await state(rig)).toEqual(['3>3', 0]);
    expect(vi.getTimerCount()).toBe(0);
    rig.inner.failure = GONE;
    await ask(rig.guard, [request(3)]);
    await rig.guard.close();
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test('a retry of what was admitted locally is not charged to the store again', async () => {
  const rig = startGuard();
  rig.inner.failure = GONE;
  for (let times = 0; times < 3; times += 1) {
    const asked = { ...request(3), requestId: 'r1' };
    expect(readings(await ask(rig.guard, [asked]))).toEqual([['0>3']]);
  }
  rig.inner.failure = null;
  rig.guard.replaySoon();
  expect(await state(rig)).toEqual(['3>3', 0]);
  expect(rig.guard.replayedHits).toBe(3);
});
