/** Rows of metric-table.ts that tell of the recording of events. There with EVENTS_STREAM. */
export const EVENTS_METRICS = [
  {
    name: 'weir_events_written_total',
    type: 'counter',
    help: 'Events written to their Redis Stream: audit, abuse.',
    labels: ['kind'],
  },
  {
    name: 'weir_events_dropped_total',
    type: 'counter',
    help:
      'Events that were not written, by reason: queue (too many waited), fenced (a later leader has ' +
      'spoken), stopped (this process ended first).',
    labels: ['kind', 'reason'],
  },
  {
    name: 'weir_events_queued',
    type: 'gauge',
    help: 'Events that wait to be written.',
    labels: ['kind'],
  },
  {
    name: 'weir_events_lag_seconds',
    type: 'gauge',
    help: 'Age of the oldest event that waits to be written.',
    labels: ['kind'],
    overWorkers: 'max',
  },
  {
    name: 'weir_events_suppressed_total',
    type: 'counter',
    help:
      'What abuse events leave out, by bound: rate (events, told in the sums of later ones), keys ' +
      '(answers of counters that too many others were watched for).',
    labels: ['bound'],
  },
  {
    name: 'weir_events_errors_total',
    type: 'counter',
    help: 'Errors of the connection that events go by, by class; each write is tried again.',
    labels: ['class'],
  },
] as const;
