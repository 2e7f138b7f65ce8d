/**
 * Which call of the script a group's charges go into: groups of one route share a call. A single Redis
 * has one route; a cluster has one for each bin, since the keys of a call must be of one slot.
 */
export interface CallRoute {
  /** The calls of a bin are numbered together, wherever they go. */
  readonly bin: number;
  /** Follows the prefix of each key: the hash tag of the bin, or ''. */
  readonly tag: string;
  /** The slot is being moved to the node, which only takes such calls then. */
  readonly isAsking: boolean;
  /**
   * False for a call that may only have the keys of its counters: should it be lost, it will never be
   * found out what became of it.
   */
  readonly isSequenced: boolean;
}

export const ONLY_ROUTE: CallRoute = { bin: 0, tag: '', isAsking: false, isSequenced: true };
