/**
 * What must hold after every step, whatever happened (thesis, figure 3.2, and section 5 of the design of
 * quotas). Judged from outside: by what was sent, written and applied, and by logs, not by a node's opinion
 * of itself.
 */
import type { Effect } from '../../../../src/core/raft/effect.ts';
import type { Input } from '../../../../src/core/raft/input.ts';
import type { Entry, LogIndex, NodeId, Term } from '../../../../src/core/raft/log-entry.ts';
import type { Message } from '../../../../src/core/raft/message.ts';
import type { RaftNode } from '../../../../src/core/raft/raft-node.ts';
import { ELECTION_MS, type Observer, type Seat } from './test-cluster.ts';

export class InvariantError extends Error {}

interface Committed {
  readonly entry: Entry;
  /** The term of the leader that committed it. */
  readonly by: Term;
}

/** What was seen of a process at its last step. */
interface Seen {
  readonly incarnation: number;
  readonly term: Term;
  readonly commit: LogIndex;
  readonly applied: LogIndex;
  /** Its log, if it was the leader. */
  readonly led: readonly Entry[] | null;
}

export class Invariants implements Observer {
  seats: ReadonlyMap<NodeId, Seat> = new Map();
  now: () => number = () => 0;
  readonly #leaders = new Map<Term, NodeId>();
  readonly #votes = new Map<string, NodeId>();
  readonly #committed = new Map<LogIndex, Committed>();
  readonly #applied = new Map<LogIndex, Entry>();
  readonly #seen = new Map<NodeId, Seen>();
  readonly #diskTerms = new Map<NodeId, Term>();
  /** When each leader took an answer of each follower of its term. */
  readonly #answers = new Map<string, number>();
  #highest: Committed | null = null;

  /** How many entries were seen committed: a run in which nothing happened proves nothing. */
  get committedCount(): number {
    return this.#committed.size;
  }

  beforeInput(seat: Seat, input: Input): void {
    if (input.kind !== 'message') return;
    const { from, term, body } = input.message;
    if (body.kind === 'append-reply' || body.kind === 'snapshot-reply') {
      this.#answers.set(`${seat.id} ${term} ${from}`, this.now());
    }
  }

  afterStep(seat: Seat, input: Input, effects: readonly Effect[]): void {
    const { node } = seat;
    if (node === null) return;
    this.#checkElectionSafety(node);
    this.#noteCommitted(node);
    for (const effect of effects) {
      if (effect.kind === 'send') this.#checkSent(seat, effect.message);
      else if (effect.kind === 'apply') for (const one of effect.entries) this.#checkApplied(one);
    }
    this.#checkMonotone(seat, node);
    this.#checkLogMatching(node);
    this.#checkCompleteness(node);
    this.#checkDurable();
    if (input.kind === 'tick') this.#checkQuorum(node);
  }

  /** One leader in a term. */
  #checkElectionSafety({ role, term, id }: RaftNode): void {
    if (role.kind !== 'leader') return;
    const known = this.#leaders.get(term) ?? id;
    if (known !== id) fail('election safety', `${known} and ${id} lead term ${term}`);
    this.#leaders.set(term, id);
  }

  #noteCommitted({ role, term, commit, log }: RaftNode): void {
    if (role.kind !== 'leader') return;
    for (let index = (this.#highest?.entry.index ?? 0) + 1; index <= commit; index++) {
      const entry = log.at(index);
      if (entry === null) continue;
      this.#highest = { entry, by: term };
      this.#committed.set(index, this.#highest);
    }
  }

  /** One vote per node and term, for ever; nothing is told that is not on the disk. */
  #checkSent({ disk }: Seat, { from, to, term, body }: Message): void {
    const vote = body.kind === 'vote' ? from : to;
    if (body.kind === 'vote' || (body.kind === 'vote-reply' && body.isGranted)) {
      const key = `${from} ${term}`;
      const known = this.#votes.get(key) ?? vote;
      if (known !== vote) fail('one vote', `${from} votes for ${known} and ${vote} in ${term}`);
      this.#votes.set(key, vote);
      const isOnDisk = disk.term > term || (disk.term === term && disk.vote === vote);
      if (!isOnDisk) fail('durable before sent', `${from} tells a vote that is not on its disk`);
    }
    if (body.kind === 'append-reply' && body.isMatch && disk.lastIndex < body.match) {
      fail('durable before sent', `${from} acknowledges ${body.match}, has ${disk.lastIndex}`);
    }
  }

  /** State machine safety: an index has one entry, and it was committed first. */
  #checkApplied(entry: Entry): void {
    const known = this.#applied.get(entry.index) ?? entry;
    if (!isEqual(known, entry))
      fail('state machine safety', `index ${entry.index} has two entries`);
    this.#applied.set(entry.index, entry);
    if (entry.index > (this.#highest?.entry.index ?? 0)) {
      fail('applied is committed', `${entry.index} was applied by nobody's leave`);
    }
  }

  /** Terms and indices never go back; a leader only appends. */
  #checkMonotone({ id, disk, incarnation }: Seat, node: RaftNode): void {
    const { term, commit, applied, log, role } = node;
    const before = this.#seen.get(id);
    if (before?.incarnation === incarnation) {
      if (term < before.term || commit < before.commit || applied < before.applied) {
        fail('monotone', `${id} went back`);
      }
      const isLeading = role.kind === 'leader' && term === before.term;
      for (const entry of (isLeading ? before.led : null) ?? []) {
        const isGone = entry.index > log.base.index && log.at(entry.index) !== entry;
        if (isGone) fail('leader append-only', `${id} changed ${entry.index} of its own log`);
      }
    }
    if (disk.term < (this.#diskTerms.get(id) ?? 0)) fail('monotone', `the disk of ${id} went back`);
    this.#diskTerms.set(id, disk.term);
    const led = role.kind === 'leader' ? log.slice(log.base.index + 1, log.last.index) : null;
    this.#seen.set(id, { incarnation, term, commit, applied, led });
  }

  /** Logs that agree at an index agree before it. */
  #checkLogMatching(node: RaftNode): void {
    for (const { node: other } of this.seats.values()) {
      if (other === null || other === node) continue;
      const from = Math.max(node.log.base.index, other.log.base.index) + 1;
      let isAgreed = false;
      for (let i = Math.min(node.log.last.index, other.log.last.index); i >= from; i--) {
        const [a, b] = [node.log.at(i), other.log.at(i)];
        if (a === null || b === null) continue;
        if (isAgreed ? !isEqual(a, b) : a.term === b.term && !isEqual(a, b)) {
          fail('log matching', `${node.id} and ${other.id} differ at ${i}`);
        }
        isAgreed ||= a.term === b.term;
      }
    }
  }

  /** A leader has all that leaders before it committed. */
  #checkCompleteness({ id, role, term, log }: RaftNode): void {
    if (role.kind !== 'leader') return;
    for (const { entry, by } of this.#committed.values()) {
      if (by >= term || entry.index <= log.base.index) continue;
      const own = log.at(entry.index);
      if (own === null || !isEqual(own, entry)) {
        fail('leader completeness', `${id} of term ${term} has not the committed ${entry.index}`);
      }
    }
  }

  /** What is committed is on a quorum of disks, whoever is up. */
  #checkDurable(): void {
    if (this.#highest === null) return;
    const { entry } = this.#highest;
    const holders = [...this.seats.values()].filter(({ disk }) => disk.holds(entry)).length;
    if (holders <= this.seats.size / 2) {
      fail('committed is durable', `${entry.index} is on ${holders} disks of ${this.seats.size}`);
    }
  }

  /** Who leads was answered by a quorum, or elected, within an election timeout. */
  #checkQuorum({ id, role, term, peers, quorum }: RaftNode): void {
    if (role.kind !== 'leader') return;
    const since = this.now() - ELECTION_MS;
    const answered = peers.filter(
      (peer) => (this.#answers.get(`${id} ${term} ${peer}`) ?? role.electedAt) >= since,
    );
    if (answered.length + 1 < quorum) fail('leader has a quorum', `${id} leads without one`);
  }
}

function isEqual(a: Entry, b: Entry): boolean {
  if (a.index !== b.index || a.term !== b.term) return false;
  if (a.payload === b.payload) return true;
  if (a.payload === null || b.payload === null || a.payload.length !== b.payload.length)
    return false;
  return a.payload.every((byte, i) => byte === b.payload?.[i]);
}

function fail(invariant: string, what: string): never {
  throw new InvariantError(`${invariant}: ${what}`);
}
