/** Everything that can happen to a node. */
import type { LogIndex, NodeId } from './log-entry.ts';
import type { Message } from './message.ts';

export type Input =
  | { readonly kind: 'message'; readonly message: Message }
  | Tick
  | Propose
  /** The persist effect with this sequence, and all before it, are on the disk (fsync included). */
  | { readonly kind: 'persisted'; readonly sequence: number }
  | Transfer
  | Read
  | SnapshotMade;

/** Time has passed: at the latest when the last timer effect said; earlier or more often is harmless. */
export interface Tick {
  readonly kind: 'tick';
  /** Uniform in [0, 1): draws the next election timeout from [T, 2T) (3.4). */
  readonly chance: number;
}

/** Commands for the log, all or none. Answered by `accepted` or `refused`. */
export interface Propose {
  readonly kind: 'propose';
  /** The caller's, to tell the answers apart. */
  readonly id: number;
  readonly payloads: readonly Uint8Array[];
}

/** Give leadership away, e.g. before stopping (3.10). */
export interface Transfer {
  readonly kind: 'transfer';
  readonly id: number;
  /** null: to the follower that is furthest. */
  readonly to: NodeId | null;
}

/** A read that must not be stale (6.4). Answered by `read-ready` or `refused`. */
export interface Read {
  readonly kind: 'read';
  readonly id: number;
}

/** The state machine as it was after applying the entry at `index`. */
export interface SnapshotMade {
  readonly kind: 'snapshot-made';
  readonly index: LogIndex;
  readonly bytes: Uint8Array;
}
