/**
 * Everything that a node wants done. Effects of one step are carried out in order; a persist may go on
 * while later ones are carried out, because the node itself holds back what must wait for it.
 */
import type { MonotonicMs } from '../time.ts';
import type { Entry, LogIndex, NodeId, Term } from './log-entry.ts';
import type { Message } from './message.ts';
import type { Snapshot } from './snapshot.ts';

export type Effect =
  | Persist
  | Send
  /** Committed entries, each index once and in order; no-ops (payload null) among them. */
  | { readonly kind: 'apply'; readonly entries: readonly Entry[] }
  /** Replace the state machine's whole state. It is on the disk already. */
  | { readonly kind: 'install-snapshot'; readonly snapshot: Snapshot }
  /** The disk may forget entries up to here: the snapshot that it has stands for them. */
  | { readonly kind: 'compact'; readonly through: LogIndex }
  /** Tick at this time; replaces the timer before. */
  | { readonly kind: 'set-timer'; readonly at: MonotonicMs }
  /** Read the state machine now: it has applied all that was committed when the read came. */
  | { readonly kind: 'read-ready'; readonly id: number; readonly index: LogIndex }
  | Accepted
  | Refused
  | Dropped
  | RoleChanged;

/**
 * Write, fsync, then answer with `persisted`. At most one is out at a time; what changes meanwhile goes
 * with the next (group commit). The snapshot first; then the rest as one, all of it or nothing: term and vote,
 * the cut, the entries. A failed fsync must end the process: what it left behind is unknown.
 */
export interface Persist {
  readonly kind: 'persist';
  readonly sequence: number;
  readonly term: Term;
  readonly vote: NodeId | null;
  readonly snapshot: Snapshot | null;
  /** Forget entries from this index on; null leaves them. */
  readonly truncateFrom: LogIndex | null;
  readonly entries: readonly Entry[];
}

/** May be lost, repeated, late or out of order. */
export interface Send {
  readonly kind: 'send';
  readonly to: NodeId;
  readonly message: Message;
}

/**
 * The proposal is in the leader's log: its first command at `index`, the others behind. Committed if an
 * entry with this index and term is applied; lost if the index is applied with another term.
 */
export interface Accepted {
  readonly kind: 'accepted';
  readonly id: number;
  readonly index: LogIndex;
  readonly term: Term;
}

/** A request that was not, or will not be, done. */
export interface Refused {
  readonly kind: 'refused';
  readonly request: 'propose' | 'transfer' | 'read' | 'snapshot-made';
  /** The request's; for a snapshot its index. */
  readonly id: number;
  readonly reason: RefusalReason;
  /** Whom to ask instead, if known. */
  readonly leader: NodeId | null;
}

export type RefusalReason =
  | 'not-leader'
  /** It was the leader when it took the request, and is no more. */
  | 'leadership-lost'
  /** A transfer of leadership is under way. */
  | 'transferring'
  | 'transfer-timed-out'
  /** The transfer's target is not another voter. */
  | 'no-such-peer'
  | 'empty'
  | 'too-large'
  /** Back-pressure: too much waits for a quorum. */
  | 'uncommitted-full'
  /** Back-pressure: the state machine has made no snapshot for too long. */
  | 'log-full'
  | 'too-many-reads'
  /** A snapshot of entries that are not applied, or that a later snapshot stands for. */
  | 'out-of-range';

/** A message that was not taken: worth a log line and a metric. */
export interface Dropped {
  readonly kind: 'dropped';
  readonly from: NodeId;
  readonly reason: DropReason;
}

export type DropReason =
  | 'other-version'
  | 'other-cluster'
  | 'not-for-us'
  | 'unknown-sender'
  | 'old-incarnation'
  | 'malformed'
  /** Two leaders in one term: some voter lost its vote. */
  | 'second-leader'
  /** A leader that does not have what is committed: some voter lost its log. */
  | 'conflicts-with-committed'
  | 'snapshot-too-large'
  | 'snapshot-corrupt';

/** The node is something else now, or follows somebody else, or in another term. */
export interface RoleChanged {
  readonly kind: 'role-changed';
  readonly role: 'follower' | 'pre-candidate' | 'candidate' | 'leader';
  readonly term: Term;
  readonly leader: NodeId | null;
}
