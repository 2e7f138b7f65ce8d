/**
 * Counts on their way from the processes that answer requests to the one that shows them: what was
 * added since the last report, so that the sums never go backwards when a process ends. A path
 * travels once and is its place in the list from then on.
 */
import type { RuleStats } from '../core/counting/rule-stats.ts';
import type { RpcMethodName } from '../rpc/rpc-observer.ts';
import type { RuleStatsBook, StatsPath } from './rule-stats-book.ts';
import type { ServiceCounts } from './service-counts.ts';

/** Paths looked at for one report: some 2 ms of the event loop, and a message of a few 100 KB. */
const REPORT_PATHS_MAX = 2000;

const EACH_FIELD: Readonly<Record<keyof RuleStats, true>> = {
  totalHits: true,
  overLimit: true,
  nearLimit: true,
  withinLimit: true,
  overLimitWithLocalCache: true,
  shadowMode: true,
  totalNegativeHits: true,
};
/** In the order in which they travel. */
const FIELDS = Object.keys(EACH_FIELD) as (keyof RuleStats)[];

const SERVICE_FIELDS = ['serviceErrors', 'storeErrors', 'globalShadows'] as const;

export interface CountsReport {
  /** Paths that no report had before; their places go on from those of the last report. */
  readonly paths: readonly StatsPath[];
  /** Of each path that changed: its place and what was added to its FIELDS. */
  readonly added: readonly number[];
  readonly notFound: readonly (readonly [domain: string, added: number])[];
  /** As SERVICE_FIELDS. */
  readonly service: readonly number[];
  /** As DurationHistogram has them. */
  readonly times: readonly (readonly [method: RpcMethodName, added: readonly number[]])[];
}

export class CountsReporter {
  readonly #book: RuleStatsBook;
  readonly #service: ServiceCounts;
  /** What was reported of each path: FIELDS, path after path. */
  readonly #told: number[] = [];
  readonly #toldNotFound = new Map<string, number>();
  readonly #toldService = SERVICE_FIELDS.map(() => 0);
  readonly #toldTimes = new Map<string, readonly number[]>();

  constructor(book: RuleStatsBook, service: ServiceCounts) {
    this.#book = book;
    this.#service = service;
  }

  /** What was added since the last time, in reports of bounded size; one at least. */
  *take(): Iterable<CountsReport> {
    const end = this.#book.named.length;
    yield { ...this.#takePaths(0, end), ...this.#takeService() };
    for (let from = REPORT_PATHS_MAX; from < end; from += REPORT_PATHS_MAX) {
      yield { ...this.#takePaths(from, end), notFound: [], service: [], times: [] };
    }
  }

  #takePaths(from: number, end: number): Pick<CountsReport, 'paths' | 'added'> {
    const paths: StatsPath[] = [];
    const added: number[] = [];
    const told = this.#told;
    const to = Math.min(from + REPORT_PATHS_MAX, end);
    for (const [index, { at, stats }] of this.#book.named.slice(from, to).entries()) {
      const place = from + index;
      const first = place * FIELDS.length;
      if (told.length === first) {
        paths.push(at);
        for (const _ of FIELDS) told.push(0);
      }
      if (!FIELDS.some((field, offset) => stats[field] !== told[first + offset])) continue;
      added.push(place);
      for (const [offset, field] of FIELDS.entries()) {
        added.push(stats[field] - (told[first + offset] as number));
        told[first + offset] = stats[field];
      }
    }
    return { paths, added };
  }

  #takeService(): Pick<CountsReport, 'notFound' | 'service' | 'times'> {
    const notFound: [string, number][] = [];
    for (const [domain, count] of this.#book.notFound()) {
      const added = count - (this.#toldNotFound.get(domain) ?? 0);
      if (added === 0) continue;
      notFound.push([domain, added]);
      this.#toldNotFound.set(domain, count);
    }
    const service = SERVICE_FIELDS.map((field, index) => {
      const added = this.#service[field] - (this.#toldService[index] as number);
      this.#toldService[index] = this.#service[field];
      return added;
    });
    const methods = Object.entries(this.#service.responseTimes) as [RpcMethodName, Times][];
    const times = methods.map(([method, histogram]) => {
      const state = histogram.state();
      const before = this.#toldTimes.get(method);
      this.#toldTimes.set(method, state);
      return [method, state.map((value, index) => value - (before?.[index] ?? 0))] as const;
    });
    return { notFound, service, times };
  }
}

type Times = ServiceCounts['responseTimes'][RpcMethodName];

/** One for each process that reports: places in its list are its own. */
export class CountsReceiver {
  readonly #book: RuleStatsBook;
  readonly #service: ServiceCounts;
  readonly #places: RuleStats[] = [];

  constructor(book: RuleStatsBook, service: ServiceCounts) {
    this.#book = book;
    this.#service = service;
  }

  add({ paths, added, notFound, service, times }: CountsReport): void {
    for (const path of paths) this.#places.push(this.#book.statsAt(path));
    for (let index = 0; index < added.length; index += 1 + FIELDS.length) {
      const stats = this.#places[added[index] as number] as RuleStats;
      for (const [offset, field] of FIELDS.entries()) {
        stats[field] += added[index + 1 + offset] as number;
      }
    }
    for (const [domain, count] of notFound) this.#book.domainNotFound(domain, count);
    for (const [index, field] of SERVICE_FIELDS.entries()) {
      this.#service[field] += service[index] ?? 0;
    }
    for (const [method, counts] of times) this.#service.responseTimes[method].add(counts);
  }
}
