/**
 * The grantor's book of leases: a deterministic state machine. Voters that applied the same commands hold
 * the same ledger, byte for byte (`encodeLedger`), whoever led meanwhile; so a new leader knows all that was
 * ever granted, and re-grants none of it by mistake.
 *
 * The ledger alone keeps sums within limits: it gives of what is left and never more, however wrong
 * the proposer's reckoning was. What it cannot know is the time at a holder. That a session is over, or
 * that a decrease has taken effect, it is told by ExpireSession and Ack, and when those may be proposed
 * is the grantor's affair.
 */
import type { WallMs } from '../time.ts';
import {
  isName,
  REPORT_ITEMS_MAX,
  RESOURCES_MAX,
  SESSIONS_MAX,
  SHARES_MAX,
  SHARES_PER_SESSION_MAX,
} from './bounds.ts';
import {
  type Ack,
  type Allocate,
  type Command,
  DONE,
  type OpenSession,
  type Outcome,
  type Report,
  type Revoke,
  refused,
  type SessionId,
  type SetQuota,
} from './command.ts';
import { CountBook } from './count-book.ts';
import type { QuotaFault } from './options.ts';
import { isSameSort, type Quota, quotaProblem } from './quota.ts';
import { RateBook } from './rate-book.ts';
import type { Session } from './share.ts';

export type Book = CountBook | RateBook;

const NO_FAULTS: ReadonlySet<QuotaFault> = new Set();
const NO_NAMES: ReadonlySet<string> = new Set();

/** A page on which nothing is written yet. */
export function newBook(quota: Quota, now: WallMs, faults: ReadonlySet<QuotaFault>): Book {
  return quota.kind === 'count' ? new CountBook(quota, now) : new RateBook(quota, faults);
}

export class Ledger {
  readonly #faults: ReadonlySet<QuotaFault>;
  readonly #sessions = new Map<SessionId, Session>();
  readonly #books = new Map<string, Book>();
  /** Names of the books that hold a share of the session: found again from the books. */
  readonly #bySession = new Map<SessionId, Set<string>>();
  #smTime: WallMs = 0;
  #generation = 0;
  #shareCount = 0;

  /** `faults`: TEST ONLY. */
  constructor(faults: ReadonlySet<QuotaFault> = NO_FAULTS) {
    this.#faults = faults;
  }

  /** Latest time that a command brought. */
  get smTime(): WallMs {
    return this.#smTime;
  }

  /** Grows with each grant, revocation and session. */
  get generation(): number {
    return this.#generation;
  }

  get sessions(): ReadonlyMap<SessionId, Session> {
    return this.#sessions;
  }

  get books(): ReadonlyMap<string, Book> {
    return this.#books;
  }

  /** Names of the resources that the session has a share of. */
  resourcesOf(session: SessionId): ReadonlySet<string> {
    return this.#bySession.get(session) ?? NO_NAMES;
  }

  /** The session that this incarnation has, if it has one. */
  sessionOf(instance: string, incarnation: number): Session | null {
    for (const session of this.#sessions.values()) {
      if (session.instance === instance && session.incarnation === incarnation) return session;
    }
    return null;
  }

  /** Carries out a committed command of a leader of `term`. Never throws for what a command says. */
  apply(command: Command, term: number): Outcome {
    this.#smTime = Math.max(this.#smTime, command.ts);
    switch (command.kind) {
      case 'noop':
        return DONE;
      case 'open-session':
        return this.#openSession(command);
      case 'close-session':
      case 'expire-session':
        return this.#endSession(command.session);
      case 'allocate':
      case 'revoke':
      case 'ack':
        return this.#changeShare(command, term);
      case 'report':
        return this.#report(command);
      case 'set-quota':
        return this.#setQuota(command);
    }
  }

  /** What is wrong with the ledger; null always, but for bytes that no ledger wrote. */
  problem(): string | null {
    for (const [name, book] of this.#books) {
      const problem = book.problem();
      if (problem !== null) return `${name}: ${problem}`;
    }
    return null;
  }

  /** For the codec: a ledger that is what another was. */
  static of(state: LedgerState, faults: ReadonlySet<QuotaFault>): Ledger {
    const ledger = new Ledger(faults);
    ledger.#smTime = state.smTime;
    ledger.#generation = state.generation;
    for (const session of state.sessions) ledger.#sessions.set(session.id, session);
    for (const [name, book] of state.books) {
      ledger.#books.set(name, book);
      for (const session of book.shares.keys()) ledger.#noteShare(session, name);
    }
    return ledger;
  }

  #openSession({ instance, incarnation }: OpenSession): Outcome {
    if (!isName(instance)) return refused('bad-name');
    for (const session of this.#sessions.values()) {
      if (session.instance !== instance || session.incarnation < incarnation) continue;
      if (session.incarnation > incarnation) return refused('old-incarnation');
      return { kind: 'opened', session: session.id };
    }
    if (this.#sessions.size >= SESSIONS_MAX) return refused('sessions-full');
    const id = ++this.#generation;
    this.#sessions.set(id, { id, instance, incarnation, sequence: 0 });
    return { kind: 'opened', session: id };
  }

  #endSession(session: SessionId): Outcome {
    if (!this.#sessions.delete(session)) return refused('no-session');
    for (const name of this.resourcesOf(session)) {
      const book = this.#books.get(name) as Book;
      book.roll(this.#smTime);
      book.end(session);
      this.#shareCount -= 1;
    }
    this.#bySession.delete(session);
    return DONE;
  }

  #changeShare(command: Allocate | Revoke | Ack, term: number): Outcome {
    const { resource, session } = command;
    if (!this.#sessions.has(session)) return refused('no-session');
    const book = this.#books.get(resource);
    if (book === undefined) return refused('no-resource');
    book.roll(this.#smTime);
    const share = book.shares.get(session);
    if ((share?.generation ?? 0) !== command.generation) return refused('stale-generation');
    if (command.kind === 'ack') return this.#ack(book, command);
    const isNew = share === undefined;
    if (isNew && !this.#hasRoomFor(session)) return refused('shares-full');
    const next = this.#generation + 1;
    const outcome =
      command.kind === 'allocate'
        ? book.allocate(command, term, next)
        : book.revoke(command, term, next);
    if (outcome.kind !== 'shared') return outcome;
    this.#generation = outcome.generation;
    if (isNew) this.#noteShare(session, resource);
    return outcome;
  }

  #ack(book: Book, command: Ack): Outcome {
    const outcome = book.ack(command);
    const { session, resource } = command;
    if (outcome.kind === 'done' && !book.shares.has(session)) this.#dropShare(session, resource);
    return outcome;
  }

  #report({ session: id, sequence, items }: Report): Outcome {
    const session = this.#sessions.get(id);
    if (session === undefined) return refused('no-session');
    const isRepeated = sequence <= session.sequence;
    if (isRepeated && !this.#faults.has('report-twice')) return refused('duplicate');
    if (sequence > session.sequence + 1) return refused('gap');
    this.#sessions.set(id, { ...session, sequence });
    let excess = 0;
    for (const item of items.slice(0, REPORT_ITEMS_MAX)) {
      const book = this.#books.get(item.resource);
      book?.roll(this.#smTime);
      excess += book?.report(id, item) ?? 0;
    }
    return { kind: 'reported', excess };
  }

  #setQuota({ resource, quota }: SetQuota): Outcome {
    const book = this.#books.get(resource);
    book?.roll(this.#smTime);
    if (quota === null) {
      if (book === undefined) return refused('no-resource');
      if (!book.isIdleAt(this.#smTime)) return refused('in-use');
      this.#books.delete(resource);
      return DONE;
    }
    if (quotaProblem(quota) !== null) return refused('bad-quota');
    if (book !== undefined) {
      if (!isSameSort(book.quota, quota)) return refused('other-kind');
      book.quota = quota;
      return DONE;
    }
    if (!isName(resource)) return refused('bad-name');
    if (this.#books.size >= RESOURCES_MAX) return refused('resources-full');
    this.#books.set(resource, newBook(quota, this.#smTime, this.#faults));
    return DONE;
  }

  #hasRoomFor(session: SessionId): boolean {
    return this.#shareCount < SHARES_MAX && this.resourcesOf(session).size < SHARES_PER_SESSION_MAX;
  }

  #noteShare(session: SessionId, resource: string): void {
    const names = this.#bySession.get(session) ?? new Set();
    this.#bySession.set(session, names.add(resource));
    this.#shareCount += 1;
  }

  #dropShare(session: SessionId, resource: string): void {
    this.#bySession.get(session)?.delete(resource);
    this.#shareCount -= 1;
  }
}

/** All that a ledger is: what the rest can be found from. */
export interface LedgerState {
  readonly smTime: WallMs;
  readonly generation: number;
  readonly sessions: Iterable<Session>;
  readonly books: Iterable<readonly [string, Book]>;
}
