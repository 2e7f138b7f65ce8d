/**
 * The invariants of leases by true time, looked at from outside: at every use, whenever a holder hears something,
 * and whenever the truth changes. In between a valid share can only end.
 */
import type { Command, SessionId } from '../../../src/core/quota/command.ts';
import type { Holder } from '../../../src/core/quota/holder.ts';
import type { Ledger } from '../../../src/core/quota/ledger.ts';
import { isLowerVersion, type LedgerVersion } from '../../../src/core/quota/message.ts';
import type { QuotaOptions } from '../../../src/core/quota/options.ts';
import { isRevoking } from '../../../src/core/quota/share.ts';
import type { EventQueue } from '../event-queue.ts';
import type { Machine } from '../machine.ts';
import { ELECTION_MS } from '../scenario.ts';
import { violated } from '../violation.ts';
import type { IntervalOracle } from './interval-oracle.ts';
import { RateLevel } from './rate-level.ts';

/**
 * Q8 counts from when the leader knows of a decrease. It may be committed before: by the disks of others, while
 * its own is slow. After an election timeout of that it leads no more.
 */
const APPLIED_MS_MAX = ELECTION_MS;

/** A replica as the checks see it. */
export interface WatchedReplica {
  readonly machine: Machine;
  readonly holder: Holder | null;
  readonly answeredSentAt: number;
}

interface WindowSums {
  hits: number;
  /** The highest limit that held while the window was the present one. */
  limit: number;
  readonly bySession: Map<SessionId, number>;
}

export interface LeaseCheckParts {
  readonly options: QuotaOptions;
  readonly queue: EventQueue;
  /** The ledger of all that is committed. */
  readonly truth: Ledger;
  readonly replicas: readonly WatchedReplica[];
  /** Is told of all that is admitted. */
  readonly oracle: IntervalOracle;
}

export class LeaseChecks {
  readonly #options: QuotaOptions;
  readonly #queue: EventQueue;
  readonly #truth: Ledger;
  readonly #replicas: readonly WatchedReplica[];
  readonly #oracle: IntervalOracle;
  /** Of each count resource, by window. */
  readonly #windows = new Map<string, Map<number, WindowSums>>();
  readonly #levels = new Map<string, RateLevel>();
  readonly #seen = new WeakMap<Holder, LedgerVersion>();
  /** Generation of a revocation → true time when it was committed. */
  readonly #revokedAt = new Map<number, number>();
  admittedCount = 0;

  constructor({ options, queue, truth, replicas, oracle }: LeaseCheckParts) {
    this.#options = options;
    this.#queue = queue;
    this.#truth = truth;
    this.#replicas = replicas;
    this.#oracle = oracle;
  }

  /** Hits of one window that were admitted. */
  hitsOf(resource: string, window: number): number {
    return this.#windows.get(resource)?.get(window)?.hits ?? 0;
  }

  /** Called at once: the holder's share is as it was. */
  admitted(replica: WatchedReplica, holder: Holder, resource: string, hits: number): void {
    this.admittedCount += hits;
    const { now } = this.#queue;
    // Q7: by true time no lease is longer than TTL.
    if (now - replica.answeredSentAt > this.#options.ttlMs + 1) {
      violated('Q7', `${replica.machine.name} was cut off for longer than a lease, and admits`);
    }
    const { at, wall } = replica.machine.moment;
    const share = holder.shareOf(resource, at, wall);
    if (share === null) violated('Q7', `${replica.machine.name} admits without a share`);
    const window = share.kind === 'count' ? share.window : -1;
    this.#oracle.consumed(resource, { at: now, session: holder.session, window, hits });
    if (share.kind === 'rate') this.#levelOf(resource).add(now, hits);
    else {
      const sums = this.#sumsOf(resource, share.window);
      sums.hits += hits;
      const spent = (sums.bySession.get(holder.session) ?? 0) + hits;
      sums.bySession.set(holder.session, spent);
      if (sums.hits > sums.limit) {
        violated('Q2', `${sums.hits} of ${sums.limit} in one window of ${resource}`);
      }
    }
  }

  /** A holder took an answer. */
  heard({ machine }: WatchedReplica, holder: Holder): void {
    const seen = this.#seen.get(holder);
    if (seen !== undefined && isLowerVersion(holder.seen, seen)) {
      violated('Q4', `${machine.name} took a grant of before`);
    }
    this.#seen.set(holder, holder.seen);
    for (const resource of this.#truth.books.keys()) this.check(resource);
  }

  /** The truth has applied a command. */
  applied(command: Command): void {
    const { now } = this.#queue;
    switch (command.kind) {
      case 'noop':
      case 'open-session':
        return;
      case 'close-session':
      case 'expire-session':
        for (const resource of this.#truth.books.keys()) this.#changed(resource);
        return;
      case 'report':
        for (const { resource } of command.items) this.#checkReported(resource, command.session);
        return;
      case 'revoke': {
        const share = this.#truth.books.get(command.resource)?.shares.get(command.session);
        if (share !== undefined && !this.#revokedAt.has(share.generation)) {
          this.#revokedAt.set(share.generation, now);
        }
        this.#changed(command.resource);
        return;
      }
      case 'allocate':
      case 'ack':
      case 'set-quota':
        this.#changed(command.resource);
    }
  }

  /** Q1: the sum of valid shares, and Q6: of each, that it is still its holder's. */
  check(resource: string): void {
    let [rate, burst] = [0, 0];
    const left = new Map<number, number>();
    for (const { holder, machine } of this.#replicas) {
      if (holder === null || machine.isAsleep) continue;
      const { at, wall } = machine.moment;
      const share = holder.shareOf(resource, at, wall);
      if (share === null) continue;
      if (share.kind === 'count') {
        if (share.left <= 0) continue;
        this.#checkSession(holder, machine);
        left.set(share.window, (left.get(share.window) ?? 0) + share.left);
      } else if (share.size.rate > 0) {
        this.#checkRateShare(resource, holder, machine, share.size);
        rate += share.size.rate;
        burst += share.size.burst;
      }
    }
    const allowed = this.#levels.get(resource);
    if (rate > 0 && allowed !== undefined && (rate > allowed.rate || burst > allowed.burst)) {
      violated(
        'Q1',
        `shares of ${resource}: ${rate} at ${burst} of ${allowed.rate} at ${allowed.burst}`,
      );
    }
    for (const [window, sum] of left) this.#checkWindow(resource, window, sum);
  }

  #checkWindow(resource: string, window: number, left: number): void {
    const { hits, limit } = this.#sumsOf(resource, window);
    if (left + hits > limit) {
      violated('Q1', `${left} to spend and ${hits} spent of ${limit} of ${resource}`);
    }
  }

  #checkSession(holder: Holder, machine: Machine): void {
    if (this.#truth.sessions.has(holder.session)) return;
    violated('Q1', `${machine.name} may spend for a session that is over`);
  }

  #checkRateShare(
    resource: string,
    holder: Holder,
    machine: Machine,
    size: { readonly rate: number; readonly burst: number },
  ): void {
    this.#checkSession(holder, machine);
    const book = this.#truth.books.get(resource);
    const own = book?.kind === 'rate' ? book.shares.get(holder.session) : undefined;
    const held = own?.held ?? { rate: 0, burst: 0 };
    if (size.rate > held.rate || size.burst > held.burst) {
      violated('Q6', `${machine.name} may spend ${size.rate} where ${held.rate} is its own`);
    }
    if (own === undefined || !isRevoking(own)) return;
    const since = this.#queue.now - (this.#revokedAt.get(own.generation) ?? this.#queue.now);
    const isLate = since > this.#options.ttlMs + this.#options.marginMs + APPLIED_MS_MAX;
    if (isLate && (size.rate > own.target.rate || size.burst > own.target.burst)) {
      violated('Q8', `${machine.name} has not taken a decrease for ${Math.round(since)} ms`);
    }
  }

  /** Q5: no more is counted than was spent, and no more let back than was left. */
  #checkReported(resource: string, session: SessionId): void {
    const book = this.#truth.books.get(resource);
    const share = book?.kind === 'count' ? book.shares.get(session) : undefined;
    if (share === undefined) return;
    const { window, granted, used, returned } = share;
    const spent = this.#windows.get(resource)?.get(window)?.bySession.get(session) ?? 0;
    if (used > spent) violated('Q5', `${used} counted of ${resource}, ${spent} spent`);
    if (granted - returned < spent) violated('Q5', `${returned} of ${resource} let back twice`);
  }

  #changed(resource: string): void {
    const book = this.#truth.books.get(resource);
    if (book?.kind === 'count') {
      const sums = this.#sumsOf(resource, book.window);
      sums.limit = Math.max(sums.limit, book.quota.limit);
    } else if (book?.kind === 'rate') {
      this.#levelOf(resource).allow(this.#queue.now, book.quota, book.held);
    }
    this.check(resource);
  }

  #sumsOf(resource: string, window: number): WindowSums {
    let windows = this.#windows.get(resource);
    if (windows === undefined) this.#windows.set(resource, (windows = new Map()));
    let sums = windows.get(window);
    if (sums === undefined) {
      windows.set(window, (sums = { hits: 0, limit: 0, bySession: new Map() }));
    }
    return sums;
  }

  #levelOf(resource: string): RateLevel {
    let level = this.#levels.get(resource);
    if (level === undefined) this.#levels.set(resource, (level = new RateLevel(resource)));
    return level;
  }
}
