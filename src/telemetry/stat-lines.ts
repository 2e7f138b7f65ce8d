/** The debug port's /stats: every count by the reference's dotted name, `name: value`. */
import { MAPPED, UNMAPPED } from './reference-page.ts';
import type { RuleStatsBook } from './rule-stats-book.ts';
import type { ServiceCounts } from './service-counts.ts';
import { printableName, sanitizeStatName } from './stat-name.ts';

const RATE_LIMIT = 'ratelimit.service.rate_limit';

/** Only what was counted; made line by line as the reader takes them. */
export function* statLines(book: RuleStatsBook, service: ServiceCounts): Iterable<string> {
  for (const [name, value] of serviceStats(service)) {
    if (value !== 0) yield `${name}: ${value}`;
  }
  for (const [domain, count] of book.notFound()) {
    yield `${RATE_LIMIT}.${printableName(sanitizeStatName(domain))}.domain_not_found: ${count}`;
  }
  for (const { name: raw, stats } of book.named) {
    const name = printableName(raw);
    for (const [suffix, field] of [...MAPPED, ...UNMAPPED]) {
      if (stats[field] !== 0) yield `${RATE_LIMIT}.${name}.${suffix}: ${stats[field]}`;
    }
  }
}

function serviceStats(service: ServiceCounts): (readonly [string, number])[] {
  const requests = Object.entries(service.responseTimes).map(
    ([method, times]) => [`ratelimit_server.${method}.total_requests`, times.count] as const,
  );
  return [
    ['ratelimit.service.call.should_rate_limit.redis_error', service.storeErrors],
    ['ratelimit.service.call.should_rate_limit.service_error', service.serviceErrors],
    ['ratelimit.service.config_load_error', service.failedLoads],
    ['ratelimit.service.config_load_success', service.loads],
    ['ratelimit.service.global_shadow_mode', service.globalShadows],
    ...requests,
  ];
}
