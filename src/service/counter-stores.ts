/**
 * Counters: those of leased limits by shares, around those of all others, which are in memory or in Redis,
 * the hottest of them charged ahead if so asked. A worker process has no part in the group that grants
 * shares, and counts leased limits like any others.
 */
import type { Audit } from '../core/events/event.ts';
import type { HybridClock } from '../core/hlc/hybrid-clock.ts';
import { MemoryCounterStore } from '../counters/memory/memory-counter-store.ts';
import { PrepaidCounterStore } from '../counters/prepaid/prepaid-counter-store.ts';
import type { CounterStore } from '../limiter/counter-store.ts';
import type { Settings } from '../settings/settings.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { monotonicNow, wallNow } from './clocks.ts';
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
  const guarded = redis?.guard ?? memory;
  const prepaid = prepaidStore(settings, guarded);
  const counted = prepaid ?? guarded;
  const quota = isWorker ? null : quotaGroup(settings, { store: counted, ...around });
  const leased = quota === null ? null : leasedStore(settings, { inner: counted, memory, quota });
  return { memory, redis, prepaid, quota, leased, store: leased ?? counted };
}

/** Null unless hot counters are to be charged ahead. */
function prepaidStore({ quota }: Settings, inner: CounterStore): PrepaidCounterStore | null {
  const { promote } = quota;
  return promote && new PrepaidCounterStore({ inner, monotonic: monotonicNow, ...promote });
}
