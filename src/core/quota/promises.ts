/**
 * Until when each session may be spending, as far as the leader must assume. The safety of leases is
 * here. A promise starts at the sending of a heartbeat round that a quorum answered: nobody can have been
 * elected before it, so whoever is elected waits longer than any promise of before. A new leader knows no
 * promise of its predecessors and assumes the longest.
 */
import type { DurationMs, MonotonicMs } from '../time.ts';
import type { SessionId } from './command.ts';
import { longestMsOf, type QuotaOptions, waitMsFor } from './options.ts';

export class Promises {
  readonly #options: QuotaOptions;
  readonly #until = new Map<SessionId, MonotonicMs>();

  /** `sessions`: those of the ledger when the leader is ready. */
  constructor(options: QuotaOptions, sessions: Iterable<SessionId>, electedAt: MonotonicMs) {
    this.#options = options;
    const doesWait = !options.faults.has('new-leader-does-not-wait');
    const until = electedAt + (doesWait ? waitMsFor(options.ttlMs, options) : 0);
    for (const session of sessions) this.#until.set(session, until);
  }

  /** How long a session may be extended at `now`; `confirmedAt` is the round's, null before the first. */
  grantableMs(now: MonotonicMs, confirmedAt: MonotonicMs | null): DurationMs {
    const { ttlMs, faults } = this.#options;
    if (faults.has('extend-from-now')) return ttlMs;
    if (confirmedAt === null) return 0;
    const age = longestMsOf(Math.max(0, now - confirmedAt), this.#options);
    return Math.max(0, Math.floor(ttlMs - age));
  }

  /** `grantedMs` is being promised at `now`. */
  promise(session: SessionId, now: MonotonicMs, grantedMs: DurationMs): void {
    if (grantedMs <= 0) return;
    const until = now + waitMsFor(grantedMs, this.#options);
    this.#until.set(session, Math.max(until, this.untilOf(session, now)));
  }

  /** By the leader's clock. A session that is new here has the time of a promise to be heard of. */
  untilOf(session: SessionId, now: MonotonicMs): MonotonicMs {
    const known = this.#until.get(session);
    if (known !== undefined) return known;
    const until = now + waitMsFor(this.#options.ttlMs, this.#options);
    this.#until.set(session, until);
    return until;
  }

  /** Forgets those that the ledger does not have any more. */
  keepOnly(sessions: ReadonlyMap<SessionId, unknown>): void {
    for (const session of this.#until.keys()) {
      if (!sessions.has(session)) this.#until.delete(session);
    }
  }
}
