/**
 * Our own metrics and those of the runtime over several processes, as one page: each value summed, or
 * the largest, or the smallest, as the metric's row says. Counts of processes that have ended stay in
 * the sums.
 */
import { AggregatorRegistry } from 'prom-client';

/** As prom-client gives it: plain values, which can travel. */
export interface OwnMetric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  /** How values of several processes become one. */
  readonly aggregator: string;
  readonly values: readonly OwnSample[];
}

interface OwnSample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** Of a histogram: its name with `_bucket`, `_sum` or `_count`. */
  readonly metricName?: string;
}

/** What a process knows of its own metrics at one moment. */
export type OwnState = readonly OwnMetric[];

export class OwnTotals {
  /** The last known of each process, by its number. */
  readonly #living = new Map<number, OwnState>();
  #ended: OwnState = [];

  report(process: number, state: OwnState): void {
    this.#living.set(process, state);
  }

  /** Keeps what the process counted, and forgets what it measured. */
  end(process: number): void {
    const last = this.#living.get(process);
    if (last === undefined) return;
    this.#living.delete(process);
    this.#ended = summed(this.#ended, last.filter(isCount));
  }

  /** The page of all, `own` included: the state of the process that shows it. */
  text(own: OwnState): Promise<string> {
    return AggregatorRegistry.aggregate([own, ...this.#living.values(), this.#ended]).metrics();
  }
}

function isCount({ type }: OwnMetric): boolean {
  return type === 'counter' || type === 'histogram';
}

/** Sample by sample; a metric or a sample that only one has is taken over. */
function summed(before: OwnState, added: OwnState): OwnState {
  const metrics = new Map(before.map((metric) => [metric.name, metric]));
  for (const metric of added) {
    const known = metrics.get(metric.name);
    const values = new Map<string, OwnSample>();
    for (const sample of [...(known?.values ?? []), ...metric.values]) {
      const key = keyOf(sample);
      values.set(key, { ...sample, value: sample.value + (values.get(key)?.value ?? 0) });
    }
    metrics.set(metric.name, { ...metric, values: [...values.values()] });
  }
  return [...metrics.values()];
}

function keyOf({ metricName, labels }: OwnSample): string {
  return JSON.stringify([
    metricName,
    Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  ]);
}
