/**
 * A voter's whole state. The object is changed in place by `step` and by nothing else; there is no other
 * state, so two nodes that are restored alike and take the same inputs give the same effects. What others
 * may look at is `statusOf`.
 *
 * Persistent: term, vote, log, snapshot (thesis, 3.8). Volatile: everything else; after a restart a node
 * is a follower, and its state machine stands where its snapshot does.
 */
import type { DurationMs, MonotonicMs } from '../time.ts';
import { Durability } from './durability.ts';
import type { Effect, RoleChanged } from './effect.ts';
import { type Entry, LOG_START, type LogIndex, type NodeId, type Term } from './log-entry.ts';
import { assertOptions, type Fault, type RaftOptions } from './options.ts';
import { RaftLog } from './raft-log.ts';
import { assertRestorable, entriesBehind } from './restored-state.ts';
import type { Role } from './role.ts';
import type { Snapshot } from './snapshot.ts';

/** What a disk held when the process started. `EMPTY_DISK` for a new voter, and only then. */
export interface RestoredState {
  readonly term: Term;
  readonly vote: NodeId | null;
  readonly snapshot: Snapshot | null;
  /** May begin before the snapshot's end; without gaps from there. */
  readonly entries: readonly Entry[];
  /** Known to be committed, if the disk recorded it: applied at once, not only by the next leader. */
  readonly commit?: LogIndex;
}

export const EMPTY_DISK: RestoredState = { term: 0, vote: null, snapshot: null, entries: [] };

export class RaftNode {
  readonly options: RaftOptions;
  readonly log: RaftLog;
  readonly durability: Durability;
  /** Of the step under way. Never goes back, whatever the caller's clock does. */
  now: MonotonicMs;
  term: Term;
  vote: NodeId | null;
  role: Role = { kind: 'follower', leader: null, heardAt: null, incoming: null };
  /** The latest on the disk; the log may begin before its end, never behind it. */
  snapshot: Snapshot | null;
  /** Of the latest that its own state machine made, on the disk or on its way there. */
  madeIndex: LogIndex = 0;
  commit: LogIndex;
  applied: LogIndex;
  electionTimeoutMs: DurationMs;
  /** Of a node that is not the leader. */
  electionDeadline: MonotonicMs;
  /** Highest incarnation seen of each peer; voters are static, so it is bounded. */
  readonly incarnations = new Map<NodeId, number>();
  /** Of the step under way. */
  effects: Effect[] = [];
  /** What was told last, to tell only changes. */
  toldRole: RoleChanged | null = null;
  toldTimer: MonotonicMs | null = null;

  /**
   * A node from what its disk held; its first tick should come at once. `chance` as in a tick. Throws a
   * RangeError when the options make no sense or the disk's contents contradict themselves.
   */
  static restore(
    options: RaftOptions,
    disk: RestoredState,
    now: MonotonicMs,
    chance: number,
  ): RaftNode {
    assertOptions(options);
    assertRestorable(options, disk);
    return new RaftNode(options, disk, now, chance);
  }

  private constructor(
    options: RaftOptions,
    { term, vote, snapshot, entries, commit = 0 }: RestoredState,
    now: MonotonicMs,
    chance: number,
  ) {
    const base = snapshot?.meta ?? LOG_START;
    this.options = options;
    this.log = new RaftLog(base);
    this.log.append(entriesBehind(base, entries));
    this.durability = new Durability(this.log.last.index, options.limits.heldMax);
    const { index: last } = this.log.last;
    // Entries of another history were left out: the disk must forget them before it is given new ones.
    if ((entries.at(-1)?.index ?? 0) > last) this.durability.noteTruncated(last + 1);
    this.now = now;
    this.term = term;
    this.vote = vote;
    this.snapshot = snapshot;
    this.commit = Math.max(base.index, Math.min(commit, this.log.last.index));
    this.applied = base.index;
    this.electionTimeoutMs = options.electionTimeoutMs * (1 + chance);
    // A single voter has nobody to wait for: its first tick elects it, on the same path as any other.
    this.electionDeadline = options.voters.length === 1 ? now : now + this.electionTimeoutMs;
  }

  get id(): NodeId {
    return this.options.id;
  }

  get quorum(): number {
    return Math.floor(this.options.voters.length / 2) + 1;
  }

  get peers(): readonly NodeId[] {
    return this.options.voters.filter((voter) => voter !== this.id);
  }

  /** Itself, or whom it follows; null while it does not know. */
  get leader(): NodeId | null {
    if (this.role.kind === 'leader') return this.id;
    return this.role.kind === 'follower' ? this.role.leader : null;
  }

  /** TEST ONLY: whether a bug is switched on. */
  has(fault: Fault): boolean {
    return this.options.faults.has(fault);
  }
}
