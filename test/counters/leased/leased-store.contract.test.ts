/** What is not leased is counted as by the store behind. */
import type { WallMs } from '../../../src/core/time.ts';
import { LeasedCounterStore } from '../../../src/counters/leased/leased-counter-store.ts';
import { MemoryCounterStore } from '../../../src/counters/memory/memory-counter-store.ts';
import { counterStoreContract } from '../../contract/counter-store.ts';
import { LeasedFleet } from './leased-fleet.ts';

counterStoreContract('leased', async () => {
  let wall: WallMs = Date.UTC(2026, 10, 5, 12, 30, 15, 250);
  const inner = new MemoryCounterStore({ now: () => wall });
  const store = new LeasedCounterStore({
    inner,
    shares: new LeasedFleet('lead').sharesOf('lead'),
    moment: () => ({ now: 0, wall }),
    monotonic: () => 0,
    decideMs: 20,
    local: { store: inner, replicas: 1, now: () => wall },
  });
  await store.start();
  return {
    store,
    now: async () => wall,
    reach: async (time) => {
      wall = Math.max(wall, time);
    },
    vectorsLast: false,
    close: () => store.close(),
  };
});
