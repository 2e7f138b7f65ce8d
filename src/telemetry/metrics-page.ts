/** docs/metrics.md from the table. A test compares the file with what this writes. */
import { type MetricRow, WEIR_METRICS } from './metric-table.ts';
import { REFERENCE_METRICS } from './reference-metrics.ts';

const INTRODUCTION = `# Metrics

<!-- Written by scripts/generate-docs.ts from src/telemetry/metric-table.ts: edit the table. -->

The Prometheus page is served on the debug port, and on \`PROMETHEUS_ADDR\` with
\`USE_PROMETHEUS=true\`. See [settings](settings.md) for its variables.

## Names of envoyproxy/ratelimit

They are those of the reference's default mapping, so its dashboards and alerts go on working. A
metric appears once something was counted. The stats path of a rule is split into levels at its
dots: the first is \`key1\`, the second \`key2\`, and rules that differ only below are summed. A
rule of one level has no \`key2\`. Dots inside a domain shift the levels. Dots inside IPv4
addresses, \`:\` and \`|\` become \`_\`. Names with \`<domain>\` and \`<path>\` have no labels:
every character that a metric name cannot hold becomes \`_\`.

The debug port's \`/stats\` shows the same counts by their dotted names, for example
\`ratelimit.service.rate_limit.<domain>.<path>.total_hits: 3\`, with all levels.

`;

const OWN = `
## Weir's own

A metric is there when the part it tells of runs: \`weir_redis_*\` only with Redis, \`weir_grpc_*\`
only with \`GRPC_LISTENER=native\`. Domains, stats paths and causes have bounds; what is beyond them is
counted under \`other\`, and \`weir_metrics_other_total\` says so. With [workers](workers.md) a value is
the sum over them, or the largest or the smallest where its row says so; what a worker counted stays in
the sums when it has ended.

`;

const PROCESS = `
## Process and runtime

\`process_*\` and \`nodejs_*\` come from prom-client: CPU time, memory, file descriptors, garbage
collection, and \`nodejs_eventloop_lag_*\`, which shows first when one core is not enough.
`;

/** The whole page. */
export function metricsPage(): string {
  return `${INTRODUCTION}${table(REFERENCE_METRICS)}${OWN}${table(WEIR_METRICS)}${PROCESS}`;
}

function table(rows: readonly MetricRow[]): string {
  const lines = rows.map((row) => {
    const labels = row.labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${row.name}\` | ${row.type} | ${labels} | ${row.help}${overWorkers(row)} |\n`;
  });
  return `| Name | Type | Labels | Meaning |\n|---|---|---|---|\n${lines.join('')}`;
}

function overWorkers(row: MetricRow): string {
  if (row.overWorkers === undefined) return '';
  return row.overWorkers === 'max' ? ' Workers: the largest.' : ' Workers: the smallest.';
}
