/**
 * How much of a count quota goes out at once. Plenty left: what is wanted until the next refresh, with
 * headroom. Near the end: half of an equal part of the rest, so chunks shrink geometrically and what
 * lies unused at one replica while another is out stays small. At the very end not everybody can have
 * one: the leader alone takes the rest, and decides for those who ask it.
 */
export interface ChunkRequest {
  /** Hits of this window that are granted to nobody. Whole. */
  readonly remaining: number;
  /** Replicas that want some, the asking one among them. 1.. */
  readonly holders: number;
  /** Hits wanted until the next refresh, headroom included. */
  readonly wanted: number;
  /** The options' `chunkMin`. */
  readonly min: number;
  /** The asking replica is the leader's own. */
  readonly isLeader: boolean;
}

/** Whole, 0..remaining. */
export function chunkOf({ remaining, holders, wanted, min, isLeader }: ChunkRequest): number {
  if (remaining < holders) return isLeader ? remaining : 0;
  const max = Math.floor(remaining / (2 * holders));
  return Math.min(remaining, Math.max(min, Math.min(Math.ceil(wanted), max)));
}

/** Whether what is left is too little for one each. */
export function isDecidedAtLeader(remaining: number, holders: number): boolean {
  return remaining < holders;
}
