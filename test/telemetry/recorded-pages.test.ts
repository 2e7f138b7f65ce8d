/**
 * What the reference showed on its Prometheus page after recorded requests. The counts are those that
 * the requests make; the lines must be the reference's, character by character.
 */
import { describe, expect, it } from 'vitest';
import type { RuleStats } from '../../src/core/counting/rule-stats.ts';
import { observed } from './observed.ts';

type Counts = Readonly<Record<string, Partial<RuleStats>>>;

const STATS: Counts = {
  plain: { totalHits: 24, overLimit: 4, nearLimit: 4, withinLimit: 19 },
  detailed_val: { totalHits: 3, overLimit: 1, nearLimit: 1, withinLimit: 2 },
  'tenant_t1.route': { totalHits: 3, overLimit: 1, nearLimit: 1, withinLimit: 2 },
  shade: { totalHits: 2, overLimit: 1, nearLimit: 1, withinLimit: 1, shadowMode: 1 },
  'wild_w*': { totalHits: 2, withinLimit: 2 },
  'files_f*': { totalHits: 3, overLimit: 1, nearLimit: 1, withinLimit: 2 },
};

const STATS_LINES = [
  'ratelimit_service_rate_limit_near_limit{domain="stats",key1="detailed_val"} 1',
  'ratelimit_service_rate_limit_near_limit{domain="stats",key1="files_f*"} 1',
  'ratelimit_service_rate_limit_near_limit{domain="stats",key1="plain"} 4',
  'ratelimit_service_rate_limit_near_limit{domain="stats",key1="shade"} 1',
  'ratelimit_service_rate_limit_near_limit{domain="stats",key1="tenant_t1",key2="route"} 1',
  'ratelimit_service_rate_limit_over_limit{domain="stats",key1="detailed_val"} 1',
  'ratelimit_service_rate_limit_over_limit{domain="stats",key1="files_f*"} 1',
  'ratelimit_service_rate_limit_over_limit{domain="stats",key1="plain"} 4',
  'ratelimit_service_rate_limit_over_limit{domain="stats",key1="shade"} 1',
  'ratelimit_service_rate_limit_over_limit{domain="stats",key1="tenant_t1",key2="route"} 1',
  'ratelimit_service_rate_limit_shadow_mode{domain="stats",key1="shade"} 1',
  'ratelimit_service_rate_limit_total_hits{domain="stats",key1="detailed_val"} 3',
  'ratelimit_service_rate_limit_total_hits{domain="stats",key1="files_f*"} 3',
  'ratelimit_service_rate_limit_total_hits{domain="stats",key1="plain"} 24',
  'ratelimit_service_rate_limit_total_hits{domain="stats",key1="shade"} 2',
  'ratelimit_service_rate_limit_total_hits{domain="stats",key1="tenant_t1",key2="route"} 3',
  'ratelimit_service_rate_limit_total_hits{domain="stats",key1="wild_w*"} 2',
  'ratelimit_service_rate_limit_within_limit{domain="stats",key1="detailed_val"} 2',
  'ratelimit_service_rate_limit_within_limit{domain="stats",key1="files_f*"} 2',
  'ratelimit_service_rate_limit_within_limit{domain="stats",key1="plain"} 19',
  'ratelimit_service_rate_limit_within_limit{domain="stats",key1="shade"} 1',
  'ratelimit_service_rate_limit_within_limit{domain="stats",key1="tenant_t1",key2="route"} 2',
  'ratelimit_service_rate_limit_within_limit{domain="stats",key1="wild_w*"} 2',
  'ratelimit_service_should_rate_limit_error{err_type="service_error"} 1',
];

const LOCAL_CACHE: Counts = {
  hard: { totalHits: 7, overLimit: 6, nearLimit: 1, withinLimit: 1, overLimitWithLocalCache: 5 },
  q2: { totalHits: 3, overLimit: 1, nearLimit: 1, withinLimit: 2 },
  shade: {
    totalHits: 3,
    overLimit: 2,
    nearLimit: 1,
    withinLimit: 1,
    overLimitWithLocalCache: 1,
    shadowMode: 2,
  },
};

const LOCAL_CACHE_LINES = [
  'ratelimit_service_rate_limit_modes_hard_over_limit_with_local_cache 5',
  'ratelimit_service_rate_limit_modes_shade_over_limit_with_local_cache 1',
  'ratelimit_service_rate_limit_near_limit{domain="modes",key1="hard"} 1',
  'ratelimit_service_rate_limit_near_limit{domain="modes",key1="q2"} 1',
  'ratelimit_service_rate_limit_near_limit{domain="modes",key1="shade"} 1',
  'ratelimit_service_rate_limit_over_limit{domain="modes",key1="hard"} 6',
  'ratelimit_service_rate_limit_over_limit{domain="modes",key1="q2"} 1',
  'ratelimit_service_rate_limit_over_limit{domain="modes",key1="shade"} 2',
  'ratelimit_service_rate_limit_shadow_mode{domain="modes",key1="shade"} 2',
  'ratelimit_service_rate_limit_total_hits{domain="modes",key1="hard"} 7',
  'ratelimit_service_rate_limit_total_hits{domain="modes",key1="q2"} 3',
  'ratelimit_service_rate_limit_total_hits{domain="modes",key1="shade"} 3',
  'ratelimit_service_rate_limit_within_limit{domain="modes",key1="hard"} 1',
  'ratelimit_service_rate_limit_within_limit{domain="modes",key1="q2"} 2',
  'ratelimit_service_rate_limit_within_limit{domain="modes",key1="shade"} 1',
];

const PREFIXES = ['ratelimit_service_rate_limit_', 'ratelimit_service_should_rate_limit_error'];

describe('recorded pages of the reference', () => {
  it('statistics: every mapped count, and nothing that was not counted', async () => {
    const { telemetry, lines } = observed();
    for (const [path, counts] of Object.entries(STATS)) {
      Object.assign(telemetry.callerStats('stats', path), counts);
    }
    telemetry.callerStats('stats', 'loaded_but_never_asked');
    telemetry.serviceError();
    expect(await lines(...PREFIXES)).toEqual(STATS_LINES);
  });

  it('over-limit cache: its counts appear without labels', async () => {
    const { telemetry, lines } = observed();
    for (const [path, counts] of Object.entries(LOCAL_CACHE)) {
      Object.assign(telemetry.callerStats('modes', path), counts);
    }
    expect(await lines(...PREFIXES)).toEqual(LOCAL_CACHE_LINES);
  });
});
