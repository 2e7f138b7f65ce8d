/**
 * Our own metrics and those of the process, in a prom-client registry of their own. A metric is a
 * function that is asked at the scrape; nothing here runs on the request path.
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type LabelOf, type MetricRow, WEIR_METRICS, type WeirMetricName } from './metric-table.ts';
import type { OwnState } from './own-totals.ts';
import { OTHER } from './rule-stats-book.ts';

export interface LabelledValue<L extends string> {
  readonly labels: Readonly<Record<L, string>>;
  readonly value: number;
}

/** A number, or one per set of labels for a metric that has labels. */
export type MetricReader<N extends WeirMetricName> = [LabelOf<N>] extends [never]
  ? () => number
  : () => Iterable<LabelledValue<LabelOf<N>>>;

/** Most sets of labels per metric; the values beyond are summed under `other`. */
const LABELLED_VALUES_MAX = 1000;

/** Where the library's own choice says less: an average hides the one process that is late. */
const RUNTIME_AGGREGATORS = new Map([
  ['process_start_time_seconds', 'min'],
  ...['', '_mean', '_stddev', '_p50', '_p90', '_p99'].map(
    (part) => [`nodejs_eventloop_lag${part}_seconds`, 'max'] as const,
  ),
]);

export class OwnMetrics {
  readonly #registry = new Registry();

  /** The metrics of process and runtime watch garbage collection and event loop from then on. */
  addProcessMetrics(): void {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Throws when the metric is registered already: a mistake in composing. */
  register<N extends WeirMetricName>(name: N, read: MetricReader<N>): void {
    const row = WEIR_METRICS.find((candidate) => candidate.name === name) as MetricRow;
    const readAny = read as () => number | Iterable<LabelledValue<string>>;
    const aggregator: 'sum' | 'max' | 'min' = row.overWorkers ?? 'sum';
    const configuration = {
      name,
      help: row.help,
      labelNames: [...row.labels],
      aggregator,
      registers: [this.#registry],
    };
    if (row.type === 'counter') {
      new Counter({
        ...configuration,
        collect() {
          this.reset();
          for (const { labels, value } of bounded(row, readAny())) this.inc(labels, value);
        },
      });
    } else {
      new Gauge({
        ...configuration,
        collect() {
          this.reset();
          for (const { labels, value } of bounded(row, readAny())) this.set(labels, value);
        },
      });
    }
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** The same as values, each with how those of several processes become one. */
  async state(): Promise<OwnState> {
    const metrics = (await this.#registry.getMetricsAsJSON()) as unknown as OwnState;
    return metrics.map((metric) => {
      const aggregator = RUNTIME_AGGREGATORS.get(metric.name);
      return aggregator === undefined ? metric : { ...metric, aggregator };
    });
  }
}

function* bounded(
  row: MetricRow,
  read: number | Iterable<LabelledValue<string>>,
): Iterable<LabelledValue<string>> {
  if (typeof read === 'number') {
    yield { labels: {}, value: read };
    return;
  }
  let count = 0;
  let rest = 0;
  for (const labelled of read) {
    count += 1;
    if (count <= LABELLED_VALUES_MAX) yield labelled;
    else rest += labelled.value;
  }
  if (count <= LABELLED_VALUES_MAX) return;
  yield { labels: Object.fromEntries(row.labels.map((label) => [label, OTHER])), value: rest };
}
