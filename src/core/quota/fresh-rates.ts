/**
 * Which rate shares may begin with a full bucket. A share begins empty, since what it holds may have been
 * spent by another a moment ago; but a rate that nobody held for as long as its burst takes to fill is at
 * rest, and its first share may begin as a bucket at rest does. Else the first requests of every rate
 * would be turned away.
 *
 * Known to one leader alone: a new one finds everything in use and sees what rests from then on. It is told
 * in one answer to one request; when that is lost, the share begins empty.
 */
import type { MonotonicMs } from '../time.ts';
import type { SessionId } from './command.ts';
import type { Book } from './ledger.ts';
import { type QuotaOptions, waitMsFor } from './options.ts';
import { unitMsOf } from './quota.ts';
import type { RateBook } from './rate-book.ts';

/** The request whose answer says so. */
interface FreshShare {
  readonly session: SessionId;
  readonly id: number;
  readonly at: MonotonicMs;
}

export class FreshRates {
  readonly #options: QuotaOptions;
  readonly #restingSince = new Map<string, MonotonicMs>();
  readonly #fresh = new Map<string, FreshShare>();

  constructor(options: QuotaOptions) {
    this.#options = options;
  }

  /** Nobody has spent of it for longer than its burst takes to fill. */
  isAtRest(resource: string, { quota }: RateBook, now: MonotonicMs): boolean {
    const since = this.#restingSince.get(resource);
    if (since === undefined || quota.limit === 0) return since !== undefined;
    const fillMs = (quota.burst * unitMsOf(quota)) / quota.limit;
    return now - since >= waitMsFor(fillMs, this.#options);
  }

  /** A share of it is proposed for this request: `book` is null where the ledger knows nothing of it. */
  propose(resource: string, book: RateBook | null, { session, id, at }: FreshShare): void {
    const isFresh = book === null || this.isAtRest(resource, book, at);
    this.#restingSince.delete(resource);
    if (isFresh && !this.#fresh.has(resource)) this.#fresh.set(resource, { session, id, at });
  }

  /** Whether the answer to this request may say so: once. */
  take(resource: string, session: SessionId, id: number): boolean {
    const fresh = this.#fresh.get(resource);
    if (fresh?.session !== session || fresh.id !== id) return false;
    this.#fresh.delete(resource);
    return true;
  }

  /** Now and then. */
  look(books: ReadonlyMap<string, Book>, now: MonotonicMs): void {
    for (const [resource, { at }] of this.#fresh) {
      if (now - at > this.#options.ttlMs) this.#fresh.delete(resource);
    }
    for (const resource of this.#restingSince.keys()) {
      if ((books.get(resource)?.shares.size ?? 1) > 0) this.#restingSince.delete(resource);
    }
    for (const [resource, book] of books) {
      const isHeld = book.kind === 'count' || book.shares.size > 0;
      if (!isHeld && !this.#restingSince.has(resource)) this.#restingSince.set(resource, now);
    }
  }
}
