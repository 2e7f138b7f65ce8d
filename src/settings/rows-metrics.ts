/** Rows of what Weir tells about itself: metrics, logs, traces. */
import type { Row } from './row.ts';

const METRICS = { group: 'Metrics and logs', status: 'built', origin: 'reference' } as const;
const NO_STATSD = {
  status: 'warned',
  because: 'statsd is not built yet: scrape the Prometheus page instead',
} as const;
const TRACING = {
  group: 'Tracing',
  status: 'warned',
  origin: 'reference',
  because: 'traces are not built yet',
} as const;
const YEAR_MS = 31_536_000_000;

export const METRICS_ROWS = [
  {
    ...METRICS,
    name: 'LOG_LEVEL',
    type: 'enum',
    values: ['TRACE', 'DEBUG', 'INFO', 'WARN', 'WARNING', 'ERROR', 'FATAL', 'PANIC'],
    default: 'WARN',
    doc: 'Least severe messages that are logged. The line at start is always logged.',
  },
  {
    ...METRICS,
    name: 'LOG_FORMAT',
    type: 'enum',
    values: ['text', 'json'],
    default: 'text',
    doc: 'One line per message: `key=value`, or JSON with `@timestamp` and `@message`.',
  },
  {
    ...METRICS,
    name: 'USE_PROMETHEUS',
    type: 'bool',
    default: 'false',
    doc: 'Serve the Prometheus page on `PROMETHEUS_ADDR`. The debug port serves it either way.',
  },
  {
    ...METRICS,
    name: 'PROMETHEUS_ADDR',
    type: 'address',
    default: ':9090',
    doc: 'Address of the Prometheus page, `host:port` or `:port`.',
  },
  {
    ...METRICS,
    name: 'PROMETHEUS_PATH',
    type: 'path',
    default: '/metrics',
    doc: 'Path of the Prometheus page.',
  },
  {
    ...METRICS,
    name: 'PROMETHEUS_RESPONSE_TIME_AS_MILLISECONDS',
    type: 'bool',
    default: 'false',
    doc:
      'Report `ratelimit_service_response_time_seconds` in milliseconds, as old dashboards ' +
      'expect; the name stays.',
  },
  {
    ...METRICS,
    name: 'PROMETHEUS_MAPPER_YAML',
    type: 'path',
    default: '',
    status: 'warned',
    doc: 'File with other names and labels for the metrics.',
    because: 'metrics always have the default names of the reference; rename them in Prometheus',
  },
  {
    ...METRICS,
    name: 'DISABLE_STATS',
    type: 'bool',
    default: 'false',
    doc: 'Serve no metrics, whatever else is set.',
  },
  {
    ...METRICS,
    ...NO_STATSD,
    name: 'USE_STATSD',
    type: 'bool',
    default: 'false',
    doc:
      'Send metrics to statsd. The reference does so unless told otherwise; Weir treats unset ' +
      'as false.',
  },
  {
    ...METRICS,
    ...NO_STATSD,
    name: 'STATSD_HOST',
    type: 'string',
    default: 'localhost',
    doc: 'Host of statsd.',
  },
  {
    ...METRICS,
    ...NO_STATSD,
    name: 'STATSD_PORT',
    type: 'int',
    min: 0,
    max: 65_535,
    unit: 'port',
    default: '8125',
    doc: 'Port of statsd.',
  },
  {
    ...METRICS,
    ...NO_STATSD,
    name: 'EXTRA_TAGS',
    type: 'string',
    default: '',
    doc: 'Tags added to every statistic, `name:value` separated by commas.',
  },
  {
    ...METRICS,
    name: 'STATS_FLUSH_INTERVAL',
    type: 'duration',
    min: 0,
    max: YEAR_MS,
    default: '10s',
    status: 'warned',
    doc: 'Pause between two reports of the reference to its statistics sink.',
    because: 'the Prometheus page always shows the counts of this moment',
  },
  {
    ...METRICS,
    ...NO_STATSD,
    name: 'USE_DOG_STATSD',
    type: 'bool',
    default: 'false',
    doc: 'Send metrics to statsd with the tags of Datadog.',
  },
  {
    ...METRICS,
    ...NO_STATSD,
    name: 'USE_DOG_STATSD_MOGRIFIERS',
    type: 'string',
    default: '',
    doc: 'Rules that turn names into tags for Datadog.',
  },
  {
    ...METRICS,
    origin: 'weir',
    name: 'METRICS_SERIES_PER_DOMAIN_MAX',
    type: 'int',
    min: 1,
    max: 1_000_000,
    unit: 'stats paths',
    default: '10000',
    doc:
      'Most stats paths of one domain that hold values of requests (detailed metrics, overrides); ' +
      'further ones share the path `other`. Paths that limits files name are not counted here.',
  },
  {
    ...METRICS,
    origin: 'weir',
    name: 'METRICS_DOMAINS_MAX',
    type: 'int',
    min: 1,
    max: 100_000,
    unit: 'domains',
    default: '1000',
    doc:
      'Most domains with counts of their own, known and unknown ones apart; further ones share ' +
      'the domain `other`. Callers choose unknown domains.',
  },
  {
    ...METRICS,
    origin: 'weir',
    name: 'METRICS_SERIES_MAX',
    type: 'int',
    min: 1,
    max: 10_000_000,
    unit: 'stats paths',
    default: '100000',
    doc:
      'Most such stats paths of all domains together (some 800 bytes each); further ones share ' +
      '`other`.',
  },
  {
    ...TRACING,
    name: 'TRACING_ENABLED',
    type: 'bool',
    default: 'false',
    doc: 'Export traces by OTLP.',
  },
  {
    ...TRACING,
    name: 'TRACING_SERVICE_NAME',
    type: 'string',
    default: 'RateLimit',
    doc: 'Service name in traces.',
  },
  {
    ...TRACING,
    name: 'TRACING_SERVICE_NAMESPACE',
    type: 'string',
    default: '',
    doc: 'Service namespace in traces.',
  },
  {
    ...TRACING,
    name: 'TRACING_SERVICE_INSTANCE_ID',
    type: 'string',
    default: '',
    doc: 'Instance id in traces.',
  },
  {
    ...TRACING,
    name: 'TRACING_EXPORTER_PROTOCOL',
    type: 'enum',
    values: ['http', 'grpc'],
    default: 'http',
    doc: 'Protocol of the exporter.',
  },
  {
    ...TRACING,
    name: 'TRACING_SAMPLING_RATE',
    type: 'float',
    min: 0,
    max: 1,
    default: '1',
    doc: 'Part of the requests that are traced.',
  },
] as const satisfies readonly Row[];
