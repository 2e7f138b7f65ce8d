/** What a holder says when it is asked for hits. Numbers: it is asked for every request. */
export const SpendResult = {
  /** Spent. */
  ADMITTED: 0,
  /** The limit is reached: the share is used up and there is no more, or a rate's bucket is empty. */
  OVER: 1,
  /** The share does not suffice, and nobody knows whether there is more; the leader is being asked. */
  SHORT: 2,
  /** Too little is left for everybody: the leader has it, and decides. */
  AT_LEADER: 3,
  /** The lease is over, or none was given yet: the rule's failure mode decides. */
  LAPSED: 4,
  /** The resource is not tracked. */
  UNKNOWN: 5,
} as const;
export type SpendResult = (typeof SpendResult)[keyof typeof SpendResult];
