/** Which numbers of which part feed our own metrics. */
import type { GuardedCounterStore } from '../counters/guarded/guarded-counter-store.ts';
import type { LeasedCounterStore } from '../counters/leased/leased-counter-store.ts';
import type { MemoryCounterStore } from '../counters/memory/memory-counter-store.ts';
import type { PrepaidCounterStore } from '../counters/prepaid/prepaid-counter-store.ts';
import type { CounterStore } from '../limiter/counter-store.ts';
import type { EmergencyOverrides } from '../limiter/emergency-overrides.ts';
import type { OverLimitCache } from '../limiter/over-limit-cache.ts';
import type { RuleSource } from '../limiter/rule-source.ts';
import type { QuotaGroup } from '../peers/group/quota-group.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { NativeServer } from '../wire/native/native-server.ts';
import type { RpcServer } from '../wire/rpc-server.ts';
import { registerEvents } from './event-metrics.ts';
import type { EventRecorder } from './event-recorder.ts';
import { degradedByLease, registerLeased, registerPrepaid } from './leased-metrics.ts';
import { registerListener, registerTlsReload } from './listener-metrics.ts';
import { registerQuotaGroup } from './peer-metrics.ts';
import { registerRedis } from './redis-metrics.ts';
import type { RedisStore } from './redis-store.ts';
import type { TlsReload } from './tls-reload.ts';

export interface MeasuredParts {
  readonly rules: RuleSource;
  readonly store: CounterStore;
  /** Null when counters are in memory. */
  readonly redis: RedisStore | null;
  readonly memory: MemoryCounterStore;
  readonly overLimitCache: OverLimitCache | null;
  readonly overrides: EmergencyOverrides;
  readonly rpcServer: RpcServer;
  readonly tlsReload: TlsReload | null;
  readonly events: EventRecorder;
  /** Null in a worker: a replica with workers has no part in a group. */
  readonly quota: QuotaGroup | null;
  /** Null with it. */
  readonly leased: LeasedCounterStore | null;
  /** Null unless hot counters are charged ahead. */
  readonly prepaid: PrepaidCounterStore | null;
}

export function registerMetrics(telemetry: Telemetry, parts: MeasuredParts): void {
  const { rules, store, redis, memory, overLimitCache: cache, rpcServer, tlsReload } = parts;
  telemetry.register('weir_rules_loaded', () =>
    [...(rules.current?.domains.values() ?? [])].map(({ domain, ruleCount }) => ({
      labels: { domain },
      value: ruleCount,
    })),
  );
  telemetry.register('weir_rule_set_version', () => rules.current?.version ?? 0);
  telemetry.register('weir_store_healthy', () => [
    { labels: { store: store.name }, value: store.isHealthy ? 1 : 0 },
  ]);
  if (cache !== null) {
    telemetry.register('weir_over_limit_cache_entries', () => cache.entryCount);
    telemetry.register('weir_over_limit_cache_hits_total', () => cache.hitCount);
    telemetry.register('weir_over_limit_cache_evictions_total', () => cache.evictionCount);
  }
  telemetry.register('weir_degraded_charges_total', () => [
    ...(redis === null ? [] : degradedBy(redis.guard)),
    ...(parts.leased === null ? [] : degradedByLease(parts.leased)),
    ...Object.entries(parts.overrides.answered).map(([mode, value]) => ({
      labels: { mode, reason: 'override' },
      value,
    })),
  ]);
  if (rpcServer instanceof NativeServer) registerListener(telemetry, rpcServer);
  if (tlsReload !== null) registerTlsReload(telemetry, tlsReload);
  if (parts.quota !== null) registerQuotaGroup(telemetry, parts.quota);
  if (parts.leased !== null) registerLeased(telemetry, parts.leased);
  if (parts.prepaid !== null) registerPrepaid(telemetry, parts.prepaid);
  registerEvents(telemetry, parts.events);
  if (redis === null) registerMemory(telemetry, memory);
  else {
    registerRedis(telemetry, redis);
    registerGuard(telemetry, redis.guard);
    telemetry.register('weir_event_loop_stalls_total', () => redis.stalls.stallCount);
    telemetry.register('weir_local_share_evictions_total', () => memory.evictions);
  }
}

function registerMemory(telemetry: Telemetry, store: MemoryCounterStore): void {
  telemetry.register('weir_memory_store_keys', () => store.keyCount);
  telemetry.register('weir_memory_store_evictions_total', () => store.evictions);
}

function degradedBy({ degradedCounts }: GuardedCounterStore) {
  return [...degradedCounts].map(([name, value]) => {
    const [mode = '', reason = ''] = name.split(' ');
    return { labels: { mode, reason }, value };
  });
}

function registerGuard(telemetry: Telemetry, guard: GuardedCounterStore): void {
  telemetry.register('weir_local_ledger_counters', () => guard.ledgerEntries);
  telemetry.register('weir_local_hits_replayed_total', () => guard.replayedHits);
  telemetry.register('weir_local_hits_lost_total', () => guard.lostHits);
  telemetry.register('weir_local_hits_confirmed_total', () => guard.confirmedHits);
  telemetry.register('weir_local_hits_unknown_total', () => guard.unknownHits);
}
