/** The store of leased limits around that of all others, from settings. */

import type { DurationMs } from '../core/time.ts';
import { LeasedCounterStore } from '../counters/leased/leased-counter-store.ts';
import type { MemoryCounterStore } from '../counters/memory/memory-counter-store.ts';
import type { CounterStore } from '../limiter/counter-store.ts';
import type { QuotaGroup } from '../peers/group/quota-group.ts';
import type { Settings } from '../settings/settings.ts';
import { monotonicNow, wallNow } from './clocks.ts';
import { TurnClock } from './turn-clock.ts';

/** As long as Envoy waits unless told otherwise. */
const DECIDE_MS: DurationMs = 20;

export interface LeasedStoreParts {
  readonly inner: CounterStore;
  /** For failure mode `local`. */
  readonly memory: MemoryCounterStore;
  readonly quota: QuotaGroup;
}

export function leasedStore(
  { counters }: Settings,
  { inner, memory, quota }: LeasedStoreParts,
): LeasedCounterStore {
  return new LeasedCounterStore({
    inner,
    shares: quota.lessee,
    moment: new TurnClock(() => ({ now: monotonicNow(), wall: wallNow() })).now,
    monotonic: monotonicNow,
    decideMs: DECIDE_MS,
    local: { store: memory, replicas: counters.localReplicas, now: wallNow },
  });
}
