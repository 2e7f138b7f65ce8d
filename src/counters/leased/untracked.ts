/**
 * Counters that came when the ledger was full: this replica has a lease, and answer after answer the leader
 * has nothing of them to give. They are counted in the store, like those that a replica has no room to track,
 * and asked for again now and then, a few at a time: hits in the store are not known to the ledger, so what
 * can be leased should be.
 *
 * What is counted where changes with answers alone, so that one batch sees one state. The evidence:
 * - A count that the ledger knows is in each answer to a request that wants it, even when nothing is left of it.
 * - A rate that it knows may look like one that it does not while others hold all of it, until the lease of one
 *   that died is over. So that is waited for; a share that comes meanwhile ends the wait.
 */
import { RESOURCES_MAX, SHARES_PER_SESSION_MAX } from '../../core/quota/bounds.ts';
import type { Received } from '../../core/quota/holder.ts';
import type { Quota } from '../../core/quota/quota.ts';
import type { DurationMs, MonotonicMs } from '../../core/time.ts';
import type { LeasedShares } from './lease-port.ts';
import type { Share } from './reading.ts';

/** The first may answer a request of before. */
const ANSWERS_MIN = 2;
/** Just less than a refresh: a commit may take longer than the leader waits for it. */
const COUNT_MS: DurationMs = 2_000;
/** A lease of ten seconds, an election, a refresh, and some more. */
const RATE_MS: DurationMs = 20_000;
/** Answers so far apart say nothing of the time between: a lease may have ended, or a leader died. */
const GAP_MS: DurationMs = 5_000;
/** After it was asked for in vain: a full ledger has room when others were idle for a minute. */
const AGAIN_MS: DurationMs = 60_000;
/** Asked for again at once: each costs the leader entries of its log with every request. */
const AGAIN_MAX = 4;
/** Without answers nothing is judged, while the holder tracks others meanwhile: the first are forgotten. */
const WAITS_MAX = SHARES_PER_SESSION_MAX;
/** Beyond as many as a ledger holds the one that was asked for longest ago is forgotten. */
const REMEMBERED_MAX = RESOURCES_MAX;

interface Wait {
  /** With a lease all the time, and answers. */
  since: MonotonicMs;
  answers: number;
}

export interface UntrackedParts {
  readonly shares: Pick<LeasedShares, 'find' | 'track' | 'leasedUntil'>;
  /** The resource is counted in the store from now on. */
  readonly onCounted: (resource: string) => void;
}

export class Untracked {
  readonly #parts: UntrackedParts;
  /** Tracked, charged, and nothing granted yet. */
  readonly #waits = new Map<string, Wait>();
  /** Counted in the store, and asked for as long as the holder tracks them. */
  readonly #asked = new Set<string>();
  /** Counted in the store and not asked for, until then at least; the earliest first. */
  readonly #resting = new Map<string, MonotonicMs>();
  #answeredAt: MonotonicMs = -Infinity;

  constructor(parts: UntrackedParts) {
    this.#parts = parts;
  }

  /** Resources that are counted in the store. */
  get size(): number {
    return this.#asked.size + this.#resting.size;
  }

  /** Whether charges of it are for the store. A charge is what has it asked for again. */
  isCounted(resource: string, quota: Quota, now: MonotonicMs): boolean {
    if (this.#asked.has(resource)) return true;
    const again = this.#resting.get(resource);
    if (again === undefined) return false;
    if (now >= again && this.#asked.size < AGAIN_MAX) this.#askAgain(resource, quota, now);
    return true;
  }

  /** A charge of a resource that nothing was granted of yet. */
  note(resource: string, now: MonotonicMs): void {
    if (this.#waits.has(resource)) return;
    const [first] = this.#waits.keys();
    if (first !== undefined && this.#waits.size >= WAITS_MAX) this.#waits.delete(first);
    this.#waits.set(resource, { since: now, answers: 0 });
  }

  /** To be called with each answer, before anybody looks at what it brought. */
  answered(received: Received, now: MonotonicMs): void {
    if (received === 'refused') return;
    const isLeased = received === 'taken' && now < this.#parts.shares.leasedUntil;
    const isAnew = !isLeased || now - this.#answeredAt > GAP_MS;
    this.#answeredAt = now;
    for (const [resource, wait] of this.#waits) {
      if (isAnew) restart(wait, now);
      this.#judge(resource, wait, now);
    }
    if (!isLeased) return;
    for (const resource of this.#asked) this.#look(resource, now);
  }

  #judge(resource: string, wait: Wait, now: MonotonicMs): void {
    const share = this.#parts.shares.find(resource)?.share;
    wait.answers += 1;
    if (share === undefined || isGranted(share)) this.#waits.delete(resource);
    else if (wait.answers >= ANSWERS_MIN && now - wait.since >= msFor(share)) {
      this.#waits.delete(resource);
      this.#asked.add(resource);
      this.#forget();
      this.#parts.onCounted(resource);
    }
  }

  #look(resource: string, now: MonotonicMs): void {
    const share = this.#parts.shares.find(resource)?.share;
    if (share !== undefined && !isGranted(share)) return;
    this.#asked.delete(resource);
    if (share === undefined) this.#resting.set(resource, now + AGAIN_MS);
  }

  #askAgain(resource: string, quota: Quota, now: MonotonicMs): void {
    this.#resting.delete(resource);
    if (this.#parts.shares.track(resource, quota, now)) this.#asked.add(resource);
    else this.#resting.set(resource, now + AGAIN_MS);
  }

  /** Those that rest alone: what is asked for is no more than a replica tracks. */
  #forget(): void {
    const [oldest] = this.#resting.keys();
    if (oldest !== undefined && this.size > REMEMBERED_MAX) this.#resting.delete(oldest);
  }
}

function restart(wait: Wait, now: MonotonicMs): void {
  wait.since = now;
  wait.answers = 0;
}

/** Something was granted of it, or the ledger said that there is nothing left. */
export function isGranted(share: Share): boolean {
  return share.kind === 'count' ? share.window >= 0 : !share.isAwaited;
}

function msFor({ kind }: Share): DurationMs {
  return kind === 'count' ? COUNT_MS : RATE_MS;
}
