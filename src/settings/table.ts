/** Every environment variable Weir knows, one row each, in the order of docs/settings.md. */
import type { Row, ValueOf } from './row.ts';
import { BREAKER_ROWS } from './rows-breaker.ts';
import { COUNTING_ROWS } from './rows-counting.ts';
import { EVENTS_ROWS } from './rows-events.ts';
import { LIMITS_ROWS } from './rows-limits.ts';
import { METRICS_ROWS } from './rows-metrics.ts';
import { PEERS_ROWS } from './rows-peers.ts';
import { REDIS_ROWS } from './rows-redis.ts';
import { SECOND_REDIS_ROWS } from './rows-redis-second.ts';
import { SERVER_ROWS } from './rows-server.ts';

const ALL_ROWS = [
  ...SERVER_ROWS,
  ...LIMITS_ROWS,
  ...COUNTING_ROWS,
  ...REDIS_ROWS,
  ...SECOND_REDIS_ROWS,
  ...BREAKER_ROWS,
  ...PEERS_ROWS,
  ...EVENTS_ROWS,
  ...METRICS_ROWS,
] as const;

export const SETTINGS_TABLE: readonly Row[] = ALL_ROWS;

type TableRow = (typeof ALL_ROWS)[number];

/** Parsed values by the variable's name; an enum without a default may be ''. */
export type Values = {
  readonly [R in TableRow as R['name']]:
    | ValueOf<R>
    | (R extends { type: 'enum'; default: '' } ? '' : never);
};
