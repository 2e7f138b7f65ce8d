/** What groups fail with that the store itself turns down or gives up, as texts for the operator. */
import type { StoreFailure } from '../../limiter/counter-store.ts';
import { addressText, type CompleteRedisOptions } from './redis-options.ts';

export interface StoreFailures {
  /** There is no connection, or it was lost with the groups' call under way. */
  readonly unavailable: StoreFailure;
  /** The server took longer than the store gives it. */
  readonly timedOut: StoreFailure;
  /** The caller gave so much less that it says nothing of the server. */
  readonly hasty: StoreFailure;
  /** The call reached the server after its deadline and charged nothing. */
  readonly late: StoreFailure;
  /** As many groups wait as may. */
  readonly overloaded: StoreFailure;
  /** Those that wait have as many characters as they may. */
  readonly tooLong: StoreFailure;
}

export function storeFailures(
  { address, timeoutMs, groupsQueuedMax }: CompleteRedisOptions,
  charactersQueuedMax: number,
): StoreFailures {
  const server = `redis ${addressText(address)}`;
  return {
    unavailable: { code: 'unavailable', text: `${server}: no connection` },
    timedOut: { code: 'timeout', text: `${server}: no reply in ${timeoutMs} ms` },
    hasty: {
      code: 'timeout',
      text: `${server}: no reply in the time that the caller gave`,
      isCallers: true,
    },
    late: { code: 'timeout', text: `${server}: not begun in time` },
    overloaded: {
      code: 'overloaded',
      text: `redis: ${groupsQueuedMax} requests wait already`,
    },
    tooLong: {
      code: 'overloaded',
      text: `redis: requests of ${charactersQueuedMax} characters wait already`,
    },
  };
}

/** Of a group with more charges than a call may carry. */
export function tooLarge(charges: number): StoreFailure {
  const text = `redis: ${charges} limits in one request, more than one call may carry`;
  return { code: 'overloaded', text };
}

/** Of groups that could not be made into a call. */
export function notSent(error: unknown): StoreFailure {
  const text = error instanceof Error ? error.message : String(error);
  return { code: 'overloaded', text: `redis: not sent: ${text}` };
}
