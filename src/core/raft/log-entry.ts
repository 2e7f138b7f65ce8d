/** The words of the replicated log (Ongaro's thesis, 3.5): indices, terms, entries. */

/** A voter's name; unique in its cluster and never given to another disk. */
export type NodeId = string;

/** An epoch with at most one leader; 0 before the first election. Whole, up to 2^53 − 1. */
export type Term = number;

/** Place of an entry in the log; the first is 1, 0 means before it. */
export type LogIndex = number;

/** Where a log stands: two logs that share a position are equal up to it (log matching, 3.5). */
export interface Position {
  readonly index: LogIndex;
  readonly term: Term;
}

/** One command for the state machine. Never changed once made: logs, messages and effects share it. */
export interface Entry extends Position {
  /** Opaque to Raft; null is the no-op that each leader's term begins with (6.4). */
  readonly payload: Uint8Array | null;
}

export const LOG_START: Position = { index: 0, term: 0 };

/** What an entry costs beside its payload: index, term and framing, on the disk and in memory. */
const ENTRY_OVERHEAD_BYTES = 32;

/** The size that every bound in bytes counts. */
export function entryBytes(entry: Entry): number {
  return ENTRY_OVERHEAD_BYTES + (entry.payload?.length ?? 0);
}
