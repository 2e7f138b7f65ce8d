/**
 * Who is asked: the voter that answered last, then whom a voter names, then the others. A request goes to
 * each voter once at most; who asks comes again by itself.
 */
import type { NodeId } from '../../core/raft/log-entry.ts';
import type { NotLeader } from '../messages/lease-messages.ts';

/** What one voter says; null: nothing, the call failed. */
export type Attempt<T> = (voter: NodeId) => Promise<T | NotLeader | null>;

export class LeaderRoute {
  readonly #voters: readonly NodeId[];
  #known: NodeId | null = null;
  /** Where to begin when nothing is known: not always at the same voter. */
  #next: number;

  /** `first`: place in the list of the voter to begin with. */
  constructor(voters: readonly NodeId[], first: number) {
    this.#voters = voters;
    this.#next = first;
  }

  /** Whoever answered as the leader last. */
  get leader(): NodeId | null {
    return this.#known;
  }

  /** The leader's answer, or null when nobody leads as far as `triesMax` voters know. */
  async ask<T extends { readonly kind?: string }>(
    attempt: Attempt<T>,
    triesMax: number,
  ): Promise<T | null> {
    const untried = new Set(this.#voters);
    let voter = this.#known ?? this.#begin();
    for (let tries = 0; tries < triesMax && voter !== undefined; tries++) {
      untried.delete(voter);
      const reply = await attempt(voter);
      if (reply !== null && reply.kind !== 'not-leader') {
        this.#known = voter;
        return reply as T;
      }
      if (this.#known === voter) this.#known = null;
      const told = (reply as NotLeader | null)?.leader ?? null;
      voter = told !== null && untried.has(told) ? told : this.#after(voter, untried);
    }
    return null;
  }

  #begin(): NodeId | undefined {
    return this.#voters[this.#next++ % this.#voters.length];
  }

  /** The next in the list that was not tried. */
  #after(voter: NodeId, untried: ReadonlySet<NodeId>): NodeId | undefined {
    const at = this.#voters.indexOf(voter);
    return [...this.#voters.slice(at + 1), ...this.#voters.slice(0, at)].find((id) =>
      untried.has(id),
    );
  }
}
