import type { WallMs } from '../../../src/core/time.ts';
import { MemoryCounterStore } from '../../../src/counters/memory/memory-counter-store.ts';
import { counterStoreContract } from '../../contract/counter-store.ts';

counterStoreContract('memory', async () => {
  let now: WallMs = Date.UTC(2026, 10, 5, 12, 30, 15, 250);
  const store = new MemoryCounterStore({ now: () => now });
  await store.start();
  return {
    store,
    now: async () => now,
    reach: async (time) => {
      now = Math.max(now, time);
    },
    vectorsLast: false,
    close: () => store.close(),
  };
});
