/** The store of leased limits around that of all others, from settings. */

import { leasedQuota } from '../core/quota/leased-quota.ts';
import { leasedCounters } from '../core/rules/leased-counters.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import { LeasedCounterStore } from '../counters/leased/leased-counter-store.ts';
import type { MemoryCounterStore } from '../counters/memory/memory-counter-store.ts';
import type { CounterStore } from '../limiter/counter-store.ts';
import type { QuotaGroup } from '../peers/group/quota-group.ts';
import type { Settings } from '../settings/settings.ts';
import { monotonicNow, wallNow } from './clocks.ts';
import { TurnClock } from './turn-clock.ts';

export interface LeasedStoreParts {
  readonly inner: CounterStore;
  /** For failure mode `local`. */
  readonly memory: MemoryCounterStore;
  readonly quota: QuotaGroup;
}

/** Limits that are asked for before their first request: they must leave room for those that are hot. */
const EXPECTED_MAX = 256;

/**
 * Rules with leased limits are in force: a session is opened, and shares of the limits that the files name in
 * full are asked for, so that a replica that starts amid traffic finds them there. `quota` is null in a worker.
 */
export function expectLeased(quota: QuotaGroup | null, { domains }: RuleSet): void {
  if (quota === null) return;
  const { lessee } = quota;
  lessee.begin();
  const now = monotonicNow();
  for (const { key, limit, unit } of leasedCounters(domains.values(), EXPECTED_MAX)) {
    lessee.track(key, leasedQuota(limit, unit), now);
  }
}

export function leasedStore(
  settings: Settings,
  { inner, memory, quota }: LeasedStoreParts,
): LeasedCounterStore {
  const { localReplicas } = settings.counters;
  const voters = settings.quota.peers.length;
  return new LeasedCounterStore({
    inner,
    shares: quota.lessee,
    moment: new TurnClock(() => ({ now: monotonicNow(), wall: wallNow() })).now,
    monotonic: monotonicNow,
    decideMs: settings.quota.timeoutMs,
    // There are at least as many replicas as voters.
    local: { store: memory, replicas: Math.max(localReplicas, voters), now: wallNow },
  });
}
