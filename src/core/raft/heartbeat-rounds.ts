/**
 * Heartbeat rounds: a leader numbers them, every append carries the latest number, every answer brings it
 * back. So an answer with round r says that its sender was a follower of this term after r was begun; a
 * quorum of such answers confirms the leader as of then (thesis, 6.2 and 6.4). All that counts on "I was
 * the leader at t" counts from the time a round was *begun*, never from when answers came.
 */
import type { MonotonicMs } from '../time.ts';
import type { NodeId } from './log-entry.ts';

/**
 * Rounds whose time is remembered: ten heartbeats until a leader without a quorum steps down and as many
 * reads as may wait are fewer. Were one forgotten, its answers would only count for less.
 */
const ROUNDS_MAX = 256;
/** Heartbeats of an election timeout: who answered none of so many is taken for gone. */
const LATELY = 10;

export class HeartbeatRounds {
  readonly #quorum: number;
  /** Latest round that each peer answered. */
  readonly #answered = new Map<NodeId, number>();
  /** Begun and not confirmed, oldest first. */
  #open: { readonly round: number; readonly begunAt: MonotonicMs }[] = [];
  #latest = 0;
  #confirmed = 0;
  #confirmedAt: MonotonicMs | null = null;

  /** `quorum`: how many voters are one, the leader itself among them. */
  constructor(quorum: number) {
    this.#quorum = quorum;
  }

  get latest(): number {
    return this.#latest;
  }

  /** Latest round that a quorum answered; 0 before the first. */
  get confirmed(): number {
    return this.#confirmed;
  }

  /** When that round was begun; null before the first. */
  get confirmedAt(): MonotonicMs | null {
    return this.#confirmedAt;
  }

  begin(now: MonotonicMs): number {
    this.#open.push({ round: ++this.#latest, begunAt: now });
    if (this.#open.length > ROUNDS_MAX) this.#open.shift();
    this.#confirm();
    return this.#latest;
  }

  answer(peer: NodeId, round: number): void {
    if (round > this.#latest || round <= (this.#answered.get(peer) ?? 0)) return;
    this.#answered.set(peer, round);
    this.#confirm();
  }

  hasAnswered(peer: NodeId): boolean {
    return (this.#answered.get(peer) ?? 0) > 0;
  }

  hasAnsweredLately(peer: NodeId): boolean {
    const answered = this.#answered.get(peer) ?? 0;
    return answered > 0 && answered >= this.#latest - LATELY;
  }

  #confirm(): void {
    const rounds = [this.#latest, ...this.#answered.values()].sort((a, b) => b - a);
    const confirmed = rounds[this.#quorum - 1] ?? 0;
    if (confirmed <= this.#confirmed) return;
    this.#confirmed = confirmed;
    const begun = this.#open.findLast(({ round }) => round <= confirmed);
    if (begun) this.#confirmedAt = begun.begunAt;
    this.#open = this.#open.filter(({ round }) => round > confirmed);
  }
}
