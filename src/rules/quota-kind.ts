/**
 * `quota` of a rate_limit: `leased` is the only kind that has to be asked for. A key of Weir's own: the
 * reference refuses a file that has it.
 */
import type { TreeMap } from './tree.ts';

/** Whether the limit asks to be leased, in any case, as units are; false for anything else. */
export function isLeasedAt(limit: TreeMap): boolean {
  const { quota } = limit;
  return typeof quota === 'string' && quota.toLowerCase() === 'leased';
}
