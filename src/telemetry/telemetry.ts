/**
 * What Weir knows of itself: the observer of limiter and rpc on one side, the Prometheus page and
 * /stats on the other. Observing is counting in place; all formatting waits for a scrape.
 */
import type { RuleStats } from '../core/counting/rule-stats.ts';
import type { DurationMs } from '../core/time.ts';
import type { StoreFailureCode } from '../limiter/counter-store.ts';
import type { Observer } from '../limiter/observer.ts';
import type { RpcMethodName, RpcObserver } from '../rpc/rpc-observer.ts';
import { CountsReceiver, CountsReporter } from './counts-exchange.ts';
import type { Logger } from './logger.ts';
import type { WeirMetricName } from './metric-table.ts';
import { type MetricReader, OwnMetrics } from './own-metrics.ts';
import type { OwnState } from './own-totals.ts';
import { referencePage } from './reference-page.ts';
import { RuleStatsBook, type SeriesBounds } from './rule-stats-book.ts';
import { ServiceCounts } from './service-counts.ts';
import { statLines } from './stat-lines.ts';

/** Of the Prometheus text page. */
export const PAGE_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export interface TelemetryOptions {
  readonly bounds: SeriesBounds;
  /** PROMETHEUS_RESPONSE_TIME_AS_MILLISECONDS. */
  readonly responseTimeAsMs: boolean;
  readonly logger: Logger;
  /** Weir's own version. */
  readonly version: string;
  /** Add `process_*` and `nodejs_*`, which keep watching event loop and garbage collection. */
  readonly withProcessMetrics: boolean;
}

export class Telemetry implements Observer, RpcObserver {
  readonly #book: RuleStatsBook;
  readonly #service = new ServiceCounts();
  readonly #own = new OwnMetrics();
  readonly #logger: Logger;
  readonly #responseTimeAsMs: boolean;

  constructor(options: TelemetryOptions) {
    this.#book = new RuleStatsBook(options.bounds);
    this.#logger = options.logger;
    this.#responseTimeAsMs = options.responseTimeAsMs;
    if (options.withProcessMetrics) this.#own.addProcessMetrics();
    this.#registerOwn(options.version);
  }

  ruleStats(domain: string, path: string): RuleStats {
    return this.#book.ruleStats(domain, path);
  }

  callerStats(domain: string, path: string): RuleStats {
    return this.#book.callerStats(domain, path);
  }

  domainNotFound(domain: string): void {
    this.#book.domainNotFound(domain);
  }

  storeFailed(code: StoreFailureCode): void {
    this.#service.storeFailures[code] += 1;
  }

  globalShadow(): void {
    this.#service.globalShadows += 1;
  }

  serviceError(): void {
    this.#service.serviceErrors += 1;
  }

  storeError(): void {
    this.#service.storeErrors += 1;
  }

  requestFinished(method: RpcMethodName, durationMs: DurationMs): void {
    this.#service.responseTimes[method].observe(durationMs);
  }

  internalError(error: unknown): void {
    this.#service.internalErrors += 1;
    this.#logger.error('an answer could not be made', { error: errorText(error) });
  }

  /** Requests so far, and those of them that the store could not serve. */
  get answered(): { readonly requests: number; readonly failures: number } {
    const { responseTimes, storeFailures } = this.#service;
    const failures = Object.values(storeFailures).reduce((sum, count) => sum + count, 0);
    return { requests: responseTimes.ShouldRateLimit.count, failures };
  }

  /** A load of the limits files came into force. */
  limitsLoaded(): void {
    this.#service.loads += 1;
  }

  /** A load of the limits files found problems. */
  limitsFailed(): void {
    this.#service.failedLoads += 1;
  }

  /** Adds one of our own metrics: `read` is asked at each scrape, and must be quick. */
  register<N extends WeirMetricName>(name: N, read: MetricReader<N>): void {
    this.#own.register(name, read);
  }

  /** For a worker process: what it counts, report by report. One for its whole life. */
  countsReporter(): CountsReporter {
    return new CountsReporter(this.#book, this.#service);
  }

  /** For the supervisor: adds what one worker process reports to the counts here. */
  countsReceiver(): CountsReceiver {
    return new CountsReceiver(this.#book, this.#service);
  }

  /** Our own metrics now, as values. */
  ownState(): Promise<OwnState> {
    return this.#own.state();
  }

  /**
   * The Prometheus page in chunks of whole lines, with the event loop's turn between them. `ownText`
   * makes its last part where our own metrics are those of several processes.
   */
  async *pageChunks(ownText = () => this.#own.text()): AsyncGenerator<string> {
    yield* referencePage({
      book: this.#book,
      service: this.#service,
      responseTimeAsMs: this.#responseTimeAsMs,
    });
    yield await ownText();
  }

  /** The whole page. With very many series, `pageChunks` keeps memory and event loop calmer. */
  async page(): Promise<string> {
    const chunks: string[] = [];
    for await (const chunk of this.pageChunks()) chunks.push(chunk);
    return chunks.join('');
  }

  /** Lines of /stats, without line ends. */
  statLines(): Iterable<string> {
    return statLines(this.#book, this.#service);
  }

  #registerOwn(version: string): void {
    this.register('weir_build_info', () => [{ labels: { version }, value: 1 }]);
    this.register('weir_store_failures_total', () =>
      Object.entries(this.#service.storeFailures).map(([code, value]) => ({
        labels: { code },
        value,
      })),
    );
    this.register('weir_internal_errors_total', () => this.#service.internalErrors);
    this.register('weir_metrics_series', () => this.#book.named.length);
    this.register('weir_metrics_other_total', () =>
      Object.entries(this.#book.overflows).map(([cause, value]) => ({ labels: { cause }, value })),
    );
    this.register('weir_log_messages_suppressed_total', () => this.#logger.suppressedCount);
  }
}

function errorText(error: unknown): string {
  if (error instanceof Error) return error.stack ?? error.message;
  return String(error);
}
