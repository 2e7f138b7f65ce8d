/**
 * The invariants of Raft after every step, judged from outside by what was sent, written and applied. Each
 * looks only at what a step changed, so an hour of steps can be looked at: log matching, for one, follows
 * from "an entry has one payload and one predecessor, wherever it is".
 */
import type { Effect, Persist } from '../../../src/core/raft/effect.ts';
import type { Input } from '../../../src/core/raft/input.ts';
import type { Entry, LogIndex, NodeId, Term } from '../../../src/core/raft/log-entry.ts';
import type { Message } from '../../../src/core/raft/message.ts';
import type { RaftNode, RestoredState } from '../../../src/core/raft/raft-node.ts';
import { violated } from '../violation.ts';
import { DurableShadow } from './durable-shadow.ts';

/** A voter as the checks see it. */
export interface WatchedVoter {
  readonly id: NodeId;
  readonly machine: { readonly moment: { readonly at: number } };
}

interface Committed {
  readonly entry: Entry;
  /** The term of the leader that committed it. */
  readonly by: Term;
}

/** What was seen of a process at its last step. */
interface Seen {
  term: Term;
  commit: LogIndex;
  applied: LogIndex;
  ledTerm: Term;
  last: Entry | null;
  /** By index; where the log was compacted, too. */
  readonly log: Map<LogIndex, Entry>;
}

interface KnownEntry {
  readonly entry: Entry;
  readonly previousTerm: Term;
}

/** Terms that an entry of one index may have: far more than a run has. */
const TERMS_MAX = 2 ** 20;

export class RaftChecks {
  readonly #voters: number;
  readonly #electionMs: number;
  readonly #onCommitted: (entry: Entry) => void;
  readonly #leaders = new Map<Term, NodeId>();
  readonly #votes = new Map<string, NodeId>();
  readonly #committed: Committed[] = [];
  /** By index and term. */
  readonly #entries = new Map<number, KnownEntry>();
  readonly #seen = new Map<NodeId, Seen>();
  readonly #shadows = new Map<NodeId, DurableShadow>();
  readonly #candidates = new Map<NodeId, readonly DurableShadow[]>();
  /** When each leader took an answer of each follower of its term, by the leader's clock. */
  readonly #answers = new Map<NodeId, { readonly term: Term; readonly at: Map<NodeId, number> }>();

  constructor(voters: number, electionMs: number, onCommitted: (entry: Entry) => void) {
    this.#voters = voters;
    this.#electionMs = electionMs;
    this.#onCommitted = onCommitted;
  }

  get committedCount(): number {
    return this.#committed.length;
  }

  get terms(): number {
    return this.#leaders.size;
  }

  /** The process ends; `underWay` was not acknowledged. */
  crashed({ id }: WatchedVoter, underWay: Persist | null): void {
    const known = this.#candidates.get(id);
    if (known === undefined) this.#candidates.set(id, this.#shadowOf(id).afterCrash(underWay));
    this.#seen.delete(id);
    this.#answers.delete(id);
  }

  /** Committed is durable after any crash: a disk has what it acknowledged, and no half of a write. */
  restored({ id }: WatchedVoter, restored: RestoredState): void {
    const candidates = this.#candidates.get(id) ?? [this.#shadowOf(id)];
    this.#candidates.delete(id);
    const differences = candidates.map((candidate) => candidate.difference(restored));
    if (!differences.includes(null)) {
      violated('acknowledged is durable', `${id} came back with ${differences[0]}`);
    }
    this.#shadows.set(id, DurableShadow.of(restored));
  }

  isDurable({ id }: WatchedVoter, persist: Persist): void {
    const shadow = this.#shadowOf(id);
    if (persist.term < shadow.term) violated('monotone', `the disk of ${id} goes back`);
    shadow.write(persist);
  }

  before({ id, machine }: WatchedVoter, input: Input): void {
    if (input.kind !== 'message') return;
    const { from, term, body } = input.message;
    if (body.kind !== 'append-reply' && body.kind !== 'snapshot-reply') return;
    let known = this.#answers.get(id);
    if (known?.term !== term) {
      if ((known?.term ?? 0) > term) return;
      known = { term, at: new Map() };
      this.#answers.set(id, known);
    }
    known.at.set(from, machine.moment.at);
  }

  after(voter: WatchedVoter, node: RaftNode, input: Input, effects: readonly Effect[]): void {
    const seen = this.#seenOf(node);
    this.#checkMonotone(seen, node);
    if (node.role.kind === 'leader') this.#checkLeader(seen, node);
    this.#checkLog(seen, node);
    if (node.commit > seen.commit) this.#checkCommit(node, seen.commit);
    for (const effect of effects) {
      if (effect.kind === 'send') this.#checkSent(effect.message);
      else if (effect.kind === 'apply')
        for (const entry of effect.entries) this.#checkApplied(entry);
    }
    if (input.kind === 'tick') this.#checkQuorum(voter, node);
    seen.term = node.term;
    seen.commit = node.commit;
    seen.applied = node.applied;
    seen.ledTerm = node.role.kind === 'leader' ? node.term : 0;
  }

  #shadowOf(id: NodeId): DurableShadow {
    const known = this.#shadows.get(id);
    if (known !== undefined) return known;
    const shadow = new DurableShadow();
    this.#shadows.set(id, shadow);
    return shadow;
  }

  #seenOf(node: RaftNode): Seen {
    const known = this.#seen.get(node.id);
    if (known !== undefined) return known;
    const seen = { term: 0, commit: 0, applied: 0, ledTerm: 0, last: null, log: new Map() };
    this.#seen.set(node.id, seen);
    return seen;
  }

  #checkMonotone(seen: Seen, { id, term, commit, applied }: RaftNode): void {
    if (term < seen.term || commit < seen.commit || applied < seen.applied) {
      violated('monotone', `${id} went back`);
    }
  }

  /** One leader in a term; it has all that leaders before it committed; it only appends. */
  #checkLeader(seen: Seen, { id, term, log }: RaftNode): void {
    if (seen.ledTerm === term) {
      const { last } = seen;
      if (last !== null && last.index > log.base.index && log.at(last.index) !== last) {
        violated('leader append-only', `${id} changed its own log at ${last.index}`);
      }
      return;
    }
    const known = this.#leaders.get(term) ?? id;
    if (known !== id) violated('election safety', `${known} and ${id} lead term ${term}`);
    this.#leaders.set(term, id);
    for (let index = log.base.index + 1; index <= this.#committed.length; index += 1) {
      const { entry, by } = this.#committed[index - 1]!;
      if (by < term && log.at(index)?.term !== entry.term) {
        violated('leader completeness', `${id} of term ${term} has not the committed ${index}`);
      }
    }
  }

  /** Log matching, over what is new in this log: from its end back to what was there before. */
  #checkLog(seen: Seen, { id, log }: RaftNode): void {
    const end = log.last.index;
    const last = log.at(end);
    if (last === seen.last && last !== null) return;
    for (let index = end; index > log.base.index; index -= 1) {
      const entry = log.at(index)!;
      if (seen.log.get(index) === entry) break;
      seen.log.set(index, entry);
      const previousTerm = log.positionAt(index - 1)?.term ?? 0;
      const key = index * TERMS_MAX + entry.term;
      const known = this.#entries.get(key);
      if (known === undefined) this.#entries.set(key, { entry, previousTerm });
      else if (known.previousTerm !== previousTerm || !isSamePayload(known.entry, entry)) {
        violated('log matching', `${id} has another ${index} of term ${entry.term}`);
      }
    }
    seen.last = last;
  }

  /** What is committed stays so, and is on a quorum of disks. */
  #checkCommit({ id, commit, log, role, term }: RaftNode, before: LogIndex): void {
    for (let index = Math.max(before, log.base.index) + 1; index <= commit; index += 1) {
      const entry = log.at(index);
      const known = this.#committed[index - 1];
      if (entry === null) continue;
      if (known !== undefined) {
        if (known.entry.term !== entry.term || !isSamePayload(known.entry, entry)) {
          violated('state machine safety', `${id} commits another ${index}`);
        }
      } else if (role.kind !== 'leader') violated('commit', `${id} commits ${index} by itself`);
      else this.#commit(entry, term);
    }
  }

  #commit(entry: Entry, by: Term): void {
    const { index, term } = entry;
    if (index !== this.#committed.length + 1) violated('commit', `${index} leaves a gap`);
    let holders = 0;
    for (const shadow of this.#shadows.values()) if (shadow.holds(index, term)) holders += 1;
    if (holders * 2 <= this.#voters) {
      violated('committed is durable', `${index} is on ${holders} disks of ${this.#voters}`);
    }
    this.#committed.push({ entry, by });
    this.#onCommitted(entry);
  }

  /** State machine safety: an index has one entry, and it was committed first. */
  #checkApplied(entry: Entry): void {
    const known = this.#committed[entry.index - 1];
    if (known === undefined) violated('applied is committed', `${entry.index} is not committed`);
    else if (known.entry.term !== entry.term || !isSamePayload(known.entry, entry)) {
      violated('state machine safety', `another ${entry.index} is applied`);
    }
  }

  /** One vote per node and term, for ever; nothing is told that is not on the disk. */
  #checkSent({ from, to, term, body }: Message): void {
    const shadow = this.#shadowOf(from);
    if (term > shadow.term) violated('durable before sent', `${from} tells term ${term}`);
    if (body.kind === 'vote' || (body.kind === 'vote-reply' && body.isGranted)) {
      const vote = body.kind === 'vote' ? from : to;
      const key = `${from} ${term}`;
      const known = this.#votes.get(key) ?? vote;
      if (known !== vote) violated('one vote', `${from} votes for ${known} and ${vote} in ${term}`);
      this.#votes.set(key, vote);
      const isOnDisk = shadow.term > term || (shadow.term === term && shadow.vote === vote);
      if (!isOnDisk) violated('durable before sent', `${from} tells a vote not on its disk`);
    }
    if (body.kind === 'append-reply' && body.isMatch && shadow.last < body.match) {
      violated('durable before sent', `${from} acknowledges ${body.match}, has ${shadow.last}`);
    }
  }

  /** Who leads was answered by a quorum, or elected, within an election timeout. */
  #checkQuorum({ id, machine }: WatchedVoter, { role, term, peers, quorum }: RaftNode): void {
    if (role.kind !== 'leader' || peers.length === 0) return;
    const since = machine.moment.at - this.#electionMs;
    if (role.electedAt >= since) return;
    const answers = this.#answers.get(id);
    let count = 1;
    for (const peer of peers) {
      const at = answers?.term === term ? answers.at.get(peer) : undefined;
      if (at !== undefined && at >= since) count += 1;
    }
    if (count < quorum) violated('leader has a quorum', `${id} leads term ${term} without one`);
  }
}

function isSamePayload({ payload: a }: Entry, { payload: b }: Entry): boolean {
  if (a === b) return true;
  if (a === null || b === null || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}
