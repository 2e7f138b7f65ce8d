/** What a node is told about itself and its cluster, checked once, when it is made. */
import type { DurationMs } from '../time.ts';
import type { NodeId } from './log-entry.ts';

export interface RaftOptions {
  readonly id: NodeId;
  /** Messages of other clusters are refused. Not empty. */
  readonly clusterId: string;
  /**
   * Grows with every start of this voter's process. A peer drops what an earlier incarnation sent. Whole,
   * from 0.
   */
  readonly incarnation: number;
  /** All voters, this one among them: 1, 3 or 5, the same list at every voter, for ever. */
  readonly voters: readonly NodeId[];
  /**
   * T: followers wait between T and 2T for their leader (thesis, 3.4), heartbeats go every T/10, a
   * leader without a quorum for T steps down. 10..60,000; far above a round trip and an fsync (3.9).
   */
  readonly electionTimeoutMs: DurationMs;
  readonly limits: RaftLimits;
  /** TEST ONLY: bugs that a simulation switches on to prove that it would find them. Empty in service. */
  readonly faults: ReadonlySet<Fault>;
}

/** A bound on everything that could grow. Bytes of entries are `entryBytes`. */
export interface RaftLimits {
  /** Of one command. */
  readonly payloadBytesMax: number;
  /** Entries of one append; a single larger entry still goes, alone. */
  readonly appendBytesMax: number;
  /** Appends with entries that one follower may be sent before it answers (10.2.2). */
  readonly inFlightMax: number;
  /** Entries that a leader holds uncommitted; proposals beyond are refused. */
  readonly uncommittedBytesMax: number;
  /**
   * Entries in memory. Beyond, proposals are refused, and a follower takes no more until it snapshots what it
   * applied; only what waits for a quorum (the bound above, and a no-op per term) may go further.
   */
  readonly logBytesMax: number;
  /**
   * Entries kept behind a snapshot, so that a follower that lags a little is not sent all of it; none while
   * the log is half full.
   */
  readonly compactionTail: number;
  readonly snapshotBytesMax: number;
  readonly chunkBytesMax: number;
  /** Reads that wait for a quorum to confirm the leader. */
  readonly readsMax: number;
  /** Messages that wait for the disk. Beyond, they are lost, which Raft allows. */
  readonly heldMax: number;
}

export const RAFT_LIMITS: RaftLimits = {
  payloadBytesMax: 64 * 1024,
  appendBytesMax: 256 * 1024,
  inFlightMax: 16,
  uncommittedBytesMax: 4 * 1024 * 1024,
  logBytesMax: 64 * 1024 * 1024,
  compactionTail: 1024,
  snapshotBytesMax: 16 * 1024 * 1024,
  chunkBytesMax: 64 * 1024,
  readsMax: 64,
  heldMax: 1024,
};

/** TEST ONLY. Each is one line at the rule that it breaks. */
export type Fault =
  | 'vote-twice'
  | 'skip-up-to-date-check'
  | 'count-duplicate-votes'
  | 'commit-older-terms'
  | 'apply-beyond-commit'
  | 'send-before-durable'
  | 'skip-previous-check'
  | 'keep-conflicting-entries'
  | 'lead-without-quorum';

const VOTER_COUNTS: readonly number[] = [1, 3, 5];
const ELECTION_MS_MIN = 10;
const ELECTION_MS_MAX = 60_000;

/** Throws a RangeError that names the first option that makes no sense. */
export function assertOptions(options: RaftOptions): void {
  const { id, clusterId, incarnation, voters, electionTimeoutMs: timeout } = options;
  if (!VOTER_COUNTS.includes(voters.length)) {
    throw new RangeError(`a cluster has 1, 3 or 5 voters, not ${voters.length}`);
  }
  if (new Set(voters).size < voters.length) throw new RangeError('a voter is named twice');
  if (!voters.includes(id)) throw new RangeError(`node ${id} is not one of the voters`);
  if (clusterId === '') throw new RangeError('the cluster id is empty');
  if (!isCount(incarnation)) throw new RangeError(`the incarnation ${incarnation} is no count`);
  if (!(timeout >= ELECTION_MS_MIN && timeout <= ELECTION_MS_MAX)) {
    throw new RangeError(`an election timeout of ${timeout} ms is out of 10..60,000`);
  }
  for (const [name, value] of Object.entries(options.limits)) {
    const min = name === 'compactionTail' ? 0 : 1;
    if (!isCount(value) || value < min) throw new RangeError(`the limit ${name} is ${value}`);
  }
}

/** Whole, from 0, exact: what indices, terms, rounds and sizes must be. */
export function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
