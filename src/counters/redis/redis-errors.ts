/**
 * Errors that Redis answers with, as data: the first word of the text decides. Whatever has no row
 * is refused as it stands. Errors of the connection itself have no such word and are `unavailable`.
 */
import type { StoreFailure, StoreFailureCode } from '../../limiter/counter-store.ts';

/** What is done about an error, besides failing the groups it hit. */
export interface RedisErrorRow {
  readonly code: StoreFailureCode;
  /** The same call is sent again at once, with the script's text. */
  readonly isRetried: boolean;
  /** The connection is given up: another one may reach a server that can serve. */
  readonly isReconnected: boolean;
  /** Redis, rather than one key or our own rights, cannot serve: counts against it. */
  readonly isOutage: boolean;
}

const REFUSED: RedisErrorRow = {
  code: 'refused',
  isRetried: false,
  isReconnected: false,
  isOutage: false,
};
const OUTAGE: RedisErrorRow = { ...REFUSED, code: 'unavailable', isOutage: true };
const ELSEWHERE: RedisErrorRow = { ...OUTAGE, isReconnected: true };

const ROWS: ReadonlyMap<string, RedisErrorRow> = new Map([
  ['NOSCRIPT', { ...REFUSED, isRetried: true }],
  ['LOADING', OUTAGE],
  ['BUSY', OUTAGE],
  ['MASTERDOWN', OUTAGE],
  ['NOREPLICAS', OUTAGE],
  ['TRYAGAIN', OUTAGE],
  ['CLUSTERDOWN', OUTAGE],
  ['READONLY', ELSEWHERE],
  ['MOVED', ELSEWHERE],
  ['ASK', ELSEWHERE],
  ['UNBLOCKED', ELSEWHERE],
  ['OOM', { ...REFUSED, isOutage: true }],
  ['MISCONF', { ...REFUSED, isOutage: true }],
  ['NOAUTH', { ...REFUSED, isOutage: true }],
  ['WRONGPASS', { ...REFUSED, isOutage: true }],
  ['NOPERM', { ...REFUSED, isOutage: true }],
  ['WRONGTYPE', REFUSED],
  ['CROSSSLOT', REFUSED],
  ['ERR', REFUSED],
]);

/** The row of an error's text. */
export function redisErrorRow(text: string): RedisErrorRow {
  const end = text.indexOf(' ');
  return ROWS.get(end < 0 ? text : text.slice(0, end)) ?? REFUSED;
}

/** What a group is failed with. */
export function failureOf(text: string): StoreFailure {
  return { code: redisErrorRow(text).code, text: `redis: ${text}` };
}
