/**
 * Every metric of our own on the Prometheus page; those of the reference are in reference-metrics.ts,
 * and those of the process itself (`process_*`, `nodejs_*`) are prom-client's. docs/metrics.md is
 * written from both tables, and only names in this one can be registered.
 */
import { EVENTS_METRICS } from './events-metrics.ts';
import { QUOTA_METRICS } from './quota-metrics.ts';

export interface MetricRow {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** What several worker processes' values become; `sum` when absent, as for all counters. */
  readonly overWorkers?: 'max' | 'min';
}

/** Our own. Each is there when the part it tells of runs: weir_redis_* only with Redis. */
export const WEIR_METRICS = [
  {
    name: 'weir_build_info',
    type: 'gauge',
    help: 'Always 1: which version runs.',
    labels: ['version'],
    overWorkers: 'max',
  },
  {
    name: 'weir_rules_loaded',
    type: 'gauge',
    help: 'Rules in force by domain.',
    labels: ['domain'],
    overWorkers: 'max',
  },
  {
    name: 'weir_rule_set_version',
    type: 'gauge',
    help: 'Counts up with each rule set that came into force; 0 while none has.',
    labels: [],
    overWorkers: 'min',
  },
  {
    name: 'weir_rule_set_loaded_timestamp_seconds',
    type: 'gauge',
    help: 'When the rule set in force was loaded, in seconds since 1970.',
    labels: [],
    overWorkers: 'max',
  },
  {
    name: 'weir_limits_problems',
    type: 'gauge',
    help: 'Errors found at the last load of the limits files; the rules before it stay in force.',
    labels: [],
    overWorkers: 'max',
  },
  {
    name: 'weir_store_healthy',
    type: 'gauge',
    help: '1 while the counter store can be reached, by its name.',
    labels: ['store'],
    overWorkers: 'min',
  },
  {
    name: 'weir_store_failures_total',
    type: 'counter',
    help: 'Requests that neither store nor failure mode served: breaker, unavailable, timeout, overloaded, refused.',
    labels: ['code'],
  },
  {
    name: 'weir_over_limit_cache_entries',
    type: 'gauge',
    help: 'Counters known to be over, kept in memory.',
    labels: [],
  },
  {
    name: 'weir_over_limit_cache_hits_total',
    type: 'counter',
    help: 'Charges answered by that memory, without the store.',
    labels: [],
  },
  {
    name: 'weir_over_limit_cache_evictions_total',
    type: 'counter',
    help: 'Entries that had to make room; see LOCAL_CACHE_SIZE_IN_BYTES.',
    labels: [],
  },
  {
    name: 'weir_memory_store_keys',
    type: 'gauge',
    help: 'Counters kept in memory.',
    labels: [],
  },
  {
    name: 'weir_memory_store_evictions_total',
    type: 'counter',
    help: 'Counters that had to make room before their window ended; see MEMORY_KEYS_MAX.',
    labels: [],
  },
  {
    name: 'weir_redis_calls_total',
    type: 'counter',
    help: 'Script calls to Redis.',
    labels: ['redis', 'node'],
  },
  {
    name: 'weir_redis_charges_total',
    type: 'counter',
    help: 'Charges in those calls; divided by weir_redis_calls_total, the size of a batch.',
    labels: ['redis', 'node'],
  },
  {
    name: 'weir_redis_timeouts_total',
    type: 'counter',
    help: "Requests that Redis did not answer within REDIS_TIMEOUT or the caller's own time.",
    labels: ['redis', 'node'],
  },
  {
    name: 'weir_redis_late_calls_total',
    type: 'counter',
    help: 'Script calls that reached Redis after their deadline and charged nothing.',
    labels: ['redis', 'node'],
  },
  {
    name: 'weir_redis_clock_ahead_seconds',
    type: 'gauge',
    help: "How far the clock of Redis is ahead of this host's; windows go by the clock of Redis.",
    labels: ['redis', 'node'],
    overWorkers: 'max',
  },
  {
    name: 'weir_redis_overloads_total',
    type: 'counter',
    help: 'Requests not sent because REDIS_QUEUED_REQUESTS_MAX waited already.',
    labels: ['redis', 'node'],
  },
  {
    name: 'weir_redis_reconnects_total',
    type: 'counter',
    help: 'Connections to Redis made after the first.',
    labels: ['redis', 'node'],
  },
  {
    name: 'weir_redis_errors_total',
    type: 'counter',
    help: 'Errors of Redis and of the way there, by class, server, and what was asked for.',
    labels: ['redis', 'node', 'class', 'command'],
  },
  {
    name: 'weir_redis_redirections_total',
    type: 'counter',
    help: 'Answers of cluster nodes that sent a call elsewhere: moved, ask, or try-again.',
    labels: ['redis', 'kind'],
  },
  {
    name: 'weir_redis_lost_hits_total',
    type: 'counter',
    help: 'Hits of this process that Redis had acknowledged and then lost, as in a failover.',
    labels: ['redis'],
  },
  {
    name: 'weir_redis_forgotten_total',
    type: 'counter',
    help: 'Times that a server knew nothing of this process any more: its data, or the key, is gone.',
    labels: ['redis'],
  },
  {
    name: 'weir_give_back_hits_total',
    type: 'counter',
    help: 'Hits charged in part of a request that was refused elsewhere: given back, or lost.',
    labels: ['outcome'],
  },
  {
    name: 'weir_redis_queued_requests',
    type: 'gauge',
    help: 'Requests waiting for their call to Redis; see REDIS_QUEUED_REQUESTS_MAX.',
    labels: ['redis', 'node'],
  },
  {
    name: 'weir_grpc_connections',
    type: 'gauge',
    help: 'Connections open on the gRPC port.',
    labels: [],
  },
  {
    name: 'weir_grpc_calls',
    type: 'gauge',
    help: 'Calls neither answered nor given up.',
    labels: [],
  },
  {
    name: 'weir_grpc_assembly_bytes',
    type: 'gauge',
    help: 'Memory of requests that have arrived only in part.',
    labels: [],
  },
  {
    name: 'weir_grpc_connections_total',
    type: 'counter',
    help:
      'Connections by event: opened, closed, failed (ended by Weir for what the peer did), ' +
      'refused (GRPC_CONNECTIONS_MAX), handshake_failed (TLS).',
    labels: ['event'],
  },
  {
    name: 'weir_grpc_streams_total',
    type: 'counter',
    help:
      'HTTP/2 streams by event: opened, closed, refused (GRPC_MAX_CONCURRENT_STREAMS), ' +
      'reset_by_peer, failed (reset by Weir for what the peer did).',
    labels: ['event'],
  },
  {
    name: 'weir_grpc_calls_total',
    type: 'counter',
    help: 'Calls by outcome: started (given to a handler), refused (unknown, malformed, no gRPC).',
    labels: ['outcome'],
  },
  {
    name: 'weir_grpc_bytes_total',
    type: 'counter',
    help: 'Bytes of HTTP/2 by direction: received, sent.',
    labels: ['direction'],
  },
  {
    name: 'weir_grpc_header_blocks_decoded_total',
    type: 'counter',
    help: 'Header blocks read field by field; callers that repeat themselves need few.',
    labels: [],
  },
  {
    name: 'weir_grpc_floods_total',
    type: 'counter',
    help:
      'Connections ended for too many frames a second, by kind: reset, ping, settings, ' +
      'empty_data, window_update, idle_frame.',
    labels: ['kind'],
  },
  {
    name: 'weir_grpc_bounds_met_total',
    type: 'counter',
    help:
      'Peers that met a bound: time (too slow to send or to read), headers (too large), output ' +
      '(answers not read), assembly (requests in part), assembly_total (the same of all ' +
      'connections: the largest holder is ended).',
    labels: ['bound'],
  },
  {
    name: 'weir_grpc_tls_reloads_total',
    type: 'counter',
    help: 'Changes of the PEM files by outcome: applied, failed (the old ones stay in force).',
    labels: ['outcome'],
  },
  {
    name: 'weir_degraded_charges_total',
    type: 'counter',
    help: 'Charges answered in place of Redis, by failure mode and why.',
    labels: ['mode', 'reason'],
  },
  {
    name: 'weir_breaker_closed',
    type: 'gauge',
    help: '1 while Redis is asked normally; 0 while its breaker is open, probing or ramping up. Of a cluster as a whole: node cluster.',
    labels: ['redis', 'node', 'class'],
    overWorkers: 'min',
  },
  {
    name: 'weir_local_share_evictions_total',
    type: 'counter',
    help: 'Counters of local shares given up for want of room; see MEMORY_KEYS_MAX.',
    labels: [],
  },
  {
    name: 'weir_event_loop_stalls_total',
    type: 'counter',
    help: 'Times this process was busy for longer than a quarter of REDIS_TIMEOUT: late by itself.',
    labels: [],
  },
  {
    name: 'weir_local_ledger_counters',
    type: 'gauge',
    help: 'Counters with hits admitted locally that Redis has still to be told.',
    labels: [],
  },
  {
    name: 'weir_local_hits_replayed_total',
    type: 'counter',
    help: 'Hits admitted locally and charged to Redis afterwards.',
    labels: [],
  },
  {
    name: 'weir_local_hits_lost_total',
    type: 'counter',
    help: 'Hits admitted locally that Redis was never told: their window ended first, or no room.',
    labels: [],
  },
  {
    name: 'weir_local_hits_confirmed_total',
    type: 'counter',
    help: 'Hits admitted locally that Redis had counted after all, as it told later.',
    labels: [],
  },
  {
    name: 'weir_local_hits_unknown_total',
    type: 'counter',
    help: 'Hits admitted locally of which Redis never told whether it counted them: not charged again.',
    labels: [],
  },
  {
    name: 'weir_internal_errors_total',
    type: 'counter',
    help: 'Answers that could not be made by a defect of Weir; each is in the log.',
    labels: [],
  },
  {
    name: 'weir_metrics_series',
    type: 'gauge',
    help: 'Stats paths with counts of their own; see METRICS_SERIES_MAX.',
    labels: [],
    overWorkers: 'max',
  },
  {
    name: 'weir_metrics_other_total',
    type: 'counter',
    help: 'Look-ups that ended in the shared counts named other, by the bound that they met.',
    labels: ['cause'],
  },
  {
    name: 'weir_log_messages_suppressed_total',
    type: 'counter',
    help: 'Log messages left out because the same message came too often.',
    labels: [],
  },
  ...QUOTA_METRICS,
  ...EVENTS_METRICS,
  {
    name: 'weir_workers',
    type: 'gauge',
    help: 'Worker processes by state: starting, serving, draining. With WORKERS over 1.',
    labels: ['state'],
  },
  {
    name: 'weir_worker_restarts_total',
    type: 'counter',
    help: 'Worker processes that were replaced, by why: crashed, hung. With WORKERS over 1.',
    labels: ['cause'],
  },
] as const satisfies readonly MetricRow[];

type WeirRow = (typeof WEIR_METRICS)[number];
export type WeirMetricName = WeirRow['name'];
/** Names of a metric's labels; never for one without. */
export type LabelOf<N extends WeirMetricName> = Extract<WeirRow, { name: N }>['labels'][number];
