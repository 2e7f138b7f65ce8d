/**
 * What Raft promises, without Raft: one log, commands that are committed a little after they are proposed,
 * at most one leader whose proposals count, and others that believe to lead for a while longer. A new
 * leader may be elected right after the last round that confirmed the old one, and some of what the old
 * one had under way may be committed all the same.
 */
import type { Command } from '../../../../src/core/quota/command.ts';
import { Grantor } from '../../../../src/core/quota/grantor.ts';
import { Ledger } from '../../../../src/core/quota/ledger.ts';
import { decodeLedger, encodeLedger, hashLedger } from '../../../../src/core/quota/ledger-codec.ts';
import type { QuotaOptions } from '../../../../src/core/quota/options.ts';
import type { DriftingClock } from './drifting-clock.ts';

/** A machine that may lead. */
export interface Voter {
  readonly id: number;
  readonly clock: DriftingClock;
  /** True time until which it does nothing at all. */
  stalledUntil: number;
}

export interface Leader {
  readonly term: number;
  readonly voter: Voter;
  readonly grantor: Grantor;
  readonly ledger: Ledger;
  /** Of the latest confirmed round, by its monotonic clock. */
  confirmedAt: number | null;
  /** True time until which it answers, whether or not it was deposed. */
  believesUntil: number;
  /** Proposed and not committed. */
  readonly underWay: Command[];
}

/** Commits between two comparisons of ledgers: they are most of a run's cost. */
const COMPARE_EVERY = 16;

export class ModelLog {
  readonly #options: QuotaOptions;
  /** As a voter would have it that applied all that is committed. */
  readonly truth: Ledger;
  leader: Leader | null = null;
  /** Hits that holders reported beyond what they had. */
  excess = 0;
  #term = 0;
  #commitCount = 0;

  constructor(options: QuotaOptions) {
    this.#options = options;
    this.truth = new Ledger(options.faults);
  }

  /** `kept`: how many of the old leader's commands under way are committed by the new one. */
  elect(voter: Voter, now: number, kept: number): Leader {
    const { leader: old } = this;
    for (const command of old?.underWay.slice(0, kept) ?? []) this.#commit(command, old!.term);
    this.#term += 1;
    this.#commit({ kind: 'noop', ts: Math.floor(voter.clock.at(now).wall) }, this.#term);
    const ledger = decodeLedger(encodeLedger(this.truth), this.#options.faults);
    const since = voter.clock.at(now);
    const leadership = { term: this.#term, electedAt: since.at, since, own: `h${voter.id}` };
    const grantor = new Grantor(this.#options, ledger, leadership);
    this.leader = {
      term: this.#term,
      voter,
      grantor,
      ledger,
      confirmedAt: null,
      believesUntil: Infinity,
      underWay: [],
    };
    return this.leader;
  }

  /** The first command that the leader has under way is committed, and applied there too. */
  commitNext(leader: Leader): void {
    const command = leader.underWay.shift();
    if (command === undefined || leader !== this.leader) return;
    leader.ledger.apply(command, leader.term);
    this.#commit(command, leader.term);
    this.#commitCount += 1;
    if (this.#commitCount % COMPARE_EVERY !== 0) return;
    const [here, there] = [hashLedger(leader.ledger), hashLedger(this.truth)];
    if (here !== there) throw new Error('State machine safety: two ledgers of one log differ');
  }

  #commit(command: Command, term: number): void {
    const outcome = this.truth.apply(command, term);
    if (outcome.kind === 'reported') this.excess += outcome.excess;
  }
}
