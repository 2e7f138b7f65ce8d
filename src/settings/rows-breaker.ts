/** Rows of the breakers that guard Redis; how their values are read: breaker-thresholds.ts. */
import type { Row } from './row.ts';

const BREAKER = { group: 'Breakers', status: 'built', origin: 'weir', type: 'string' } as const;

export const BREAKER_ROWS = [
  {
    ...BREAKER,
    name: 'REDIS_BREAKER_WINDOW',
    default: '5s',
    doc: 'Ratios are taken over calls of so long: a duration from 100ms to 10m.',
  },
  {
    ...BREAKER,
    name: 'REDIS_BREAKER_CALLS_MIN',
    default: '20',
    doc: 'Ratios mean nothing below so many calls: 1 to 1000000.',
  },
  {
    ...BREAKER,
    name: 'REDIS_BREAKER_FAILURE_RATIO',
    default: '0.5',
    doc: 'Opens when this share of the calls failed: 0.001 to 1.',
  },
  {
    ...BREAKER,
    name: 'REDIS_BREAKER_FAILURES_IN_ROW',
    default: '5',
    doc: 'Opens after so many failures in a row, however few the calls: 1 to 1000000.',
  },
  {
    ...BREAKER,
    name: 'REDIS_BREAKER_SLOW',
    default: '',
    doc: 'A call that takes longer is slow: 100us to 1m. Unset: 0.8 of `REDIS_TIMEOUT`.',
  },
  {
    ...BREAKER,
    name: 'REDIS_BREAKER_SLOW_RATIO',
    default: '0.8',
    doc: 'Opens when this share of the calls was slow: 0.001 to 1.',
  },
  {
    ...BREAKER,
    name: 'REDIS_BREAKER_PROBES',
    default: '3',
    doc: 'Calls that must succeed before Redis is taken back into use: 1 to 1000.',
  },
  {
    ...BREAKER,
    name: 'REDIS_BREAKER_PROBE_TIMEOUT',
    default: '250ms',
    doc: 'Such a call has failed without an answer in this time: 1ms to 1m.',
  },
  {
    ...BREAKER,
    name: 'REDIS_BREAKER_BACKOFF_MIN',
    default: '500ms',
    doc:
      'First pause before such a call: 10ms to 10m. A health check that succeeds ends every pause ' +
      'early.',
  },
  {
    ...BREAKER,
    name: 'REDIS_BREAKER_BACKOFF_MAX',
    default: '30s',
    doc: 'Longest pause: 10ms to 10m.',
  },
  {
    ...BREAKER,
    name: 'REDIS_BREAKER_RAMP',
    default: '1s',
    doc: 'Redis is given a growing share of the calls for so long: 0 to 10m; 0 gives it all at once.',
  },
] as const satisfies readonly Row[];
