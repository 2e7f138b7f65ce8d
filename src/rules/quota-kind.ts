/**
 * `quota` of a rate_limit: `leased` is the only kind that has to be asked for. A key of Weir's own: the
 * reference refuses a file that has it.
 */
import { SHARES_PER_SESSION_MAX } from '../core/quota/bounds.ts';
import { isWildcard } from '../core/rules/wildcard.ts';
import type { TreeMap } from './tree.ts';

/** Whether the limit asks to be leased, in any case, as units are; false for anything else. */
export function isLeasedAt(limit: TreeMap): boolean {
  const { quota } = limit;
  return typeof quota === 'string' && quota.toLowerCase() === 'leased';
}

/** Whether all requests that match the descriptor share a counter at this level. */
export function isOneCounter(composite: string, value: string, isShared: boolean): boolean {
  return isWildcard(composite) ? isShared : value !== '';
}

/** Said of a leased limit with a counter for each value of `composite`. */
export function manyLeasedText(composite: string): string {
  return `'${composite}' has a counter for each value, and a replica leases ${SHARES_PER_SESSION_MAX} at most`;
}
