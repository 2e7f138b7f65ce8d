/**
 * The part of the Prometheus page that has the reference's names. It is written by hand, in slices
 * with the event loop's turn between them: 100,000 series at once would hold up requests. Like the
 * reference it shows only what was counted, so nothing here is ever 0.
 */
import type { RuleStats } from '../core/counting/rule-stats.ts';
import type { RpcMethodName } from '../rpc/rpc-observer.ts';
import { BUCKET_BOUNDS_MS, type DurationHistogram } from './duration-histogram.ts';
import { REFERENCE_METRICS } from './reference-metrics.ts';
import type { RuleStatsBook } from './rule-stats-book.ts';
import { formatSample } from './sample.ts';
import type { ServiceCounts } from './service-counts.ts';
import { flatName, sanitizeStatName } from './stat-name.ts';

/** Series looked at in one turn of the event loop: some 2 ms of it. */
const SLICE_SERIES = 2000;

const PREFIX = 'ratelimit_service_rate_limit_';

/** The counts that the default mapping gives labels, by the last part of their metric's name. */
export const MAPPED = [
  ['total_hits', 'totalHits'],
  ['over_limit', 'overLimit'],
  ['near_limit', 'nearLimit'],
  ['within_limit', 'withinLimit'],
  ['shadow_mode', 'shadowMode'],
] as const satisfies readonly (readonly [string, keyof RuleStats])[];

/** Those it leaves alone: they appear under their flattened name. */
export const UNMAPPED = [
  ['over_limit_with_local_cache', 'overLimitWithLocalCache'],
  ['total_negative_hits', 'totalNegativeHits'],
] as const satisfies readonly (readonly [string, keyof RuleStats])[];

const HELP = new Map<string, string>(REFERENCE_METRICS.map(({ name, help }) => [name, help]));

export interface ReferencePageParts {
  readonly book: RuleStatsBook;
  readonly service: ServiceCounts;
  readonly responseTimeAsMs: boolean;
}

/**
 * Chunks of whole lines. The event loop has its turn after each. Lines are joined, not added one to
 * the other: ropes of small strings would live long enough to cost the garbage collector dearly.
 */
export async function* referencePage(parts: ReferencePageParts): AsyncGenerator<string> {
  yield servicePage(parts);
  for (const [suffix, field] of MAPPED) {
    yield* mappedFamily(parts.book, `${PREFIX}${suffix}`, field);
  }
  yield* flattened(parts.book);
}

async function* mappedFamily(
  { labelled }: RuleStatsBook,
  metric: string,
  field: keyof RuleStats,
): AsyncGenerator<string> {
  let isHeaded = false;
  for (let at = 0; at < labelled.length; at += SLICE_SERIES) {
    const lines: string[] = [];
    for (const { labels, members } of labelled.slice(at, at + SLICE_SERIES)) {
      let sum = 0;
      for (const stats of members) sum += stats[field];
      if (sum !== 0) lines.push(metric, labels, ' ', formatSample(sum), '\n');
    }
    if (lines.length > 0 && !isHeaded) {
      isHeaded = true;
      lines.unshift(header(metric, 'counter'));
    }
    if (lines.length > 0) yield lines.join('');
    await eventLoopTurn();
  }
}

/** Names that flatten to the same one are summed, as the reference does. */
async function* flattened(book: RuleStatsBook): AsyncGenerator<string> {
  const sums = new Map<string, number>();
  const add = (name: string, value: number): void => {
    const flat = flatName(`${PREFIX}${name}`);
    sums.set(flat, (sums.get(flat) ?? 0) + value);
  };
  const { named } = book;
  for (let at = 0; at < named.length; at += SLICE_SERIES) {
    for (const { name, stats } of named.slice(at, at + SLICE_SERIES)) {
      for (const [suffix, field] of UNMAPPED) {
        if (stats[field] !== 0) add(`${name}.${suffix}`, stats[field]);
      }
    }
    await eventLoopTurn();
  }
  for (const [domain, count] of book.notFound()) {
    add(`${sanitizeStatName(domain)}.domain_not_found`, count);
  }
  yield* inSlices(sums);
}

async function* inSlices(sums: ReadonlyMap<string, number>): AsyncGenerator<string> {
  let lines: string[] = [];
  for (const [name, sum] of sums) {
    lines.push(`# TYPE ${name} counter\n${name} ${formatSample(sum)}\n`);
    if (lines.length < SLICE_SERIES) continue;
    yield lines.join('');
    lines = [];
    await eventLoopTurn();
  }
  if (lines.length > 0) yield lines.join('');
}

function servicePage({ service, responseTimeAsMs }: ReferencePageParts): string {
  const errors = [
    ['{err_type="redis_error"}', service.storeErrors],
    ['{err_type="service_error"}', service.serviceErrors],
  ] as const;
  const methods = Object.entries(service.responseTimes) as [RpcMethodName, DurationHistogram][];
  const requests = methods.map(
    ([method, times]) => [`{grpc_method="${method}"}`, times.count] as const,
  );
  return [
    family('ratelimit_service_should_rate_limit_error', errors),
    family('ratelimit_service_total_requests', requests),
    family('ratelimit_service_config_load_success', [['', service.loads]]),
    family('ratelimit_service_config_load_error', [['', service.failedLoads]]),
    family('ratelimit_service_global_shadow_mode', [['', service.globalShadows]]),
    responseTimes(methods, responseTimeAsMs),
  ].join('');
}

function family(metric: string, samples: readonly (readonly [string, number])[]): string {
  const lines = samples
    .filter(([, value]) => value !== 0)
    .map(([labels, value]) => `${metric}${labels} ${formatSample(value)}\n`);
  return lines.length === 0 ? '' : header(metric, 'counter') + lines.join('');
}

function responseTimes(
  methods: readonly (readonly [RpcMethodName, DurationHistogram])[],
  asMs: boolean,
): string {
  const metric = 'ratelimit_service_response_time_seconds';
  const unitMs = asMs ? 1 : 1000;
  let lines = '';
  for (const [method, times] of methods) {
    const { count, sumMs } = times;
    if (count === 0) continue;
    const label = `grpc_method="${method}"`;
    for (const [index, value] of times.cumulative().entries()) {
      const bound = (BUCKET_BOUNDS_MS[index] as number) / unitMs;
      lines += `${metric}_bucket{${label},le="${formatSample(bound)}"} ${formatSample(value)}\n`;
    }
    lines += `${metric}_bucket{${label},le="+Inf"} ${formatSample(count)}\n`;
    lines += `${metric}_sum{${label}} ${formatSample(sumMs / unitMs)}\n`;
    lines += `${metric}_count{${label}} ${formatSample(count)}\n`;
  }
  return lines === '' ? '' : header(metric, 'histogram') + lines;
}

function header(metric: string, type: string): string {
  return `# HELP ${metric} ${HELP.get(metric)}\n# TYPE ${metric} ${type}\n`;
}

function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
