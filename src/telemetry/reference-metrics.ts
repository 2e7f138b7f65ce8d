/** The metrics of envoyproxy/ratelimit on the Prometheus page. */
import type { MetricRow } from './metric-table.ts';

/**
 * The reference's, in its names and labels. They appear once something was counted, as they do
 * there. Names with `<…>` are flattened: what the reference's default mapping leaves without
 * labels.
 */
export const REFERENCE_METRICS = [
  {
    name: 'ratelimit_service_rate_limit_total_hits',
    type: 'counter',
    help: 'Hits of requests that matched a limited rule, whatever the answer.',
    labels: ['domain', 'key1', 'key2'],
  },
  {
    name: 'ratelimit_service_rate_limit_over_limit',
    type: 'counter',
    help: 'Hits beyond the limit, those in shadow mode included.',
    labels: ['domain', 'key1', 'key2'],
  },
  {
    name: 'ratelimit_service_rate_limit_near_limit',
    type: 'counter',
    help: 'Hits within the limit but beyond NEAR_LIMIT_RATIO of it.',
    labels: ['domain', 'key1', 'key2'],
  },
  {
    name: 'ratelimit_service_rate_limit_within_limit',
    type: 'counter',
    help: 'Hits within the limit.',
    labels: ['domain', 'key1', 'key2'],
  },
  {
    name: 'ratelimit_service_rate_limit_shadow_mode',
    type: 'counter',
    help: 'Hits beyond the limit that shadow mode of their rule let through.',
    labels: ['domain', 'key1', 'key2'],
  },
  {
    name: 'ratelimit_service_rate_limit_<domain>_<path>_over_limit_with_local_cache',
    type: 'counter',
    help: 'The part of over_limit that the over-limit cache answered without the store.',
    labels: [],
  },
  {
    name: 'ratelimit_service_rate_limit_<domain>_<path>_total_negative_hits',
    type: 'counter',
    help: 'Hits given back.',
    labels: [],
  },
  {
    name: 'ratelimit_service_rate_limit_<domain>_domain_not_found',
    type: 'counter',
    help: 'Descriptors that named a domain which no limits file has.',
    labels: [],
  },
  {
    name: 'ratelimit_service_global_shadow_mode',
    type: 'counter',
    help: 'Requests over their limit that SHADOW_MODE let through.',
    labels: [],
  },
  {
    name: 'ratelimit_service_should_rate_limit_error',
    type: 'counter',
    help:
      'Requests without a decision: service_error by fault of request or service, ' +
      'redis_error for want of the store.',
    labels: ['err_type'],
  },
  {
    name: 'ratelimit_service_total_requests',
    type: 'counter',
    help: 'Calls answered, whatever the answer.',
    labels: ['grpc_method'],
  },
  {
    name: 'ratelimit_service_response_time_seconds',
    type: 'histogram',
    help:
      'Time from the arrival of a request to its answer. With ' +
      'PROMETHEUS_RESPONSE_TIME_AS_MILLISECONDS in milliseconds under the same name.',
    labels: ['grpc_method'],
  },
  {
    name: 'ratelimit_service_config_load_success',
    type: 'counter',
    help: 'Loads of the limits files without an error.',
    labels: [],
  },
  {
    name: 'ratelimit_service_config_load_error',
    type: 'counter',
    help: 'Loads of the limits files that found problems.',
    labels: [],
  },
] as const satisfies readonly MetricRow[];
