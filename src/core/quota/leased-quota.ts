/**
 * What the limit of a rule with `quota: leased` is shared out as. A second is too short for counts: grants
 * take a commit and a refresh 2.5 s, so per second it is a rate that goes on without anybody's word.
 * Every replica must reckon alike.
 */
import { Unit } from '../rules/unit.ts';
import type { Quota } from './quota.ts';

/** A rate's burst is its limit divided by this: at most as much more in one second. */
export const BURST_DIVISOR = 10;

/** A rate with a burst per second, a count per window of any longer unit. */
export function leasedQuota(limit: number, unit: Unit): Quota {
  if (unit !== Unit.SECOND) return { kind: 'count', limit, unit };
  return { kind: 'rate', limit, unit, burst: Math.max(1, Math.ceil(limit / BURST_DIVISOR)) };
}
