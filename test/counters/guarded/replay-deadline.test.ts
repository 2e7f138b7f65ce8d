/** A replay must be made in the window that its hits were admitted in. */
import { expect, test } from 'vitest';
import { Unit } from '../../../src/core/rules/unit.ts';
import { GuardedCounterStore } from '../../../src/counters/guarded/guarded-counter-store.ts';
import { MemoryCounterStore } from '../../../src/counters/memory/memory-counter-store.ts';
import { ask, group } from '../../contract/charges.ts';
import { until } from '../../support/child.ts';
import { FailingStore } from './failing-store.ts';

const HOUR_MS = 3_600_000;

test.each([
  ['is to be made before its window ends', 1000, [5000 + 980], 0],
  ['is given up when that cannot be said any more', 20, [], 1],
])('a replay %s', async (_name, leftMs, deadlines, lost) => {
  let wall = 100 * HOUR_MS;
  const now = () => wall;
  const inner = new FailingStore(now);
  const guard = new GuardedCounterStore({
    inner,
    local: { store: new MemoryCounterStore({ now }), replicas: 1, now },
    monotonic: () => 5000,
  });
  inner.become({ code: 'unavailable', text: 'gone' });
  await ask(guard, [group({ key: 'k', unit: Unit.HOUR, failureMode: 'local' })]);
  wall += HOUR_MS - leftMs;
  inner.become(null);
  const seen: number[] = [];
  inner.charge = (groups, listener) => {
    seen.push(...groups.map(({ deadlineMs }) => deadlineMs));
    inner.memory.charge(groups, listener);
  };
  guard.replaySoon();
  await until(
    () => guard.replayedHits + guard.lostHits,
    (hits) => hits === 1,
  );
  expect([seen, guard.lostHits]).toEqual([deadlines, lost]);
});
