/**
 * Counters: those of leased limits by shares, around those of all others, which are in Redis or in memory. A
 * worker process has no part in the group that grants shares, and counts leased limits like any others.
 */
import type { Audit } from '../core/events/event.ts';
import type { HybridClock } from '../core/hlc/hybrid-clock.ts';
import { MemoryCounterStore } from '../counters/memory/memory-counter-store.ts';
import type { Settings } from '../settings/settings.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { wallNow } from './clocks.ts';
import { leasedStore } from './leased-store.ts';
import { quotaGroup } from './quota-group.ts';
import { redisStore } from './redis-store.ts';

export interface StoresAround {
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly audit: Audit;
  readonly hybrid: HybridClock;
  readonly isWorker: boolean;
}

/** The `store` of the limiter, and what it is made of. Throws for a file of a setting that cannot be read. */
export function counterStores(settings: Settings, { isWorker, ...around }: StoresAround) {
  const { counters } = settings;
  const memory = new MemoryCounterStore({ now: wallNow, keysMax: counters.memoryKeysMax });
  const redis = settings.redis === null ? null : redisStore(settings, { memory, ...around });
  const counted = redis?.guard ?? memory;
  const quota = isWorker ? null : quotaGroup(settings, { store: counted, ...around });
  const leased = quota === null ? null : leasedStore(settings, { inner: counted, memory, quota });
  return { memory, redis, quota, leased, store: leased ?? counted };
}
