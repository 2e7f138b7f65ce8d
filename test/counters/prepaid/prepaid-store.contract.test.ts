/** What is not hot is counted as by the store behind. */
import type { WallMs } from '../../../src/core/time.ts';
import { MemoryCounterStore } from '../../../src/counters/memory/memory-counter-store.ts';
import { PrepaidCounterStore } from '../../../src/counters/prepaid/prepaid-counter-store.ts';
import { counterStoreContract } from '../../contract/counter-store.ts';

counterStoreContract('prepaid', async () => {
  let now: WallMs = Date.UTC(2026, 10, 5, 12, 30, 15, 250);
  const store = new PrepaidCounterStore({
    inner: new MemoryCounterStore({ now: () => now }),
    monotonic: () => performance.now(),
    hitsPerSecond: 1_000_000,
    keysMax: 10,
  });
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
