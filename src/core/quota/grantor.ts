/**
 * The leader's side: what to propose, and what to answer. One grantor lives for one term of one leader, from
 * the moment when its ledger holds all that earlier leaders committed. It changes nothing itself: it
 * proposes commands, and speaks only of what the ledger has applied, so no holder ever hears of a grant
 * that could be lost. Proposals may be lost too; whatever is still needed is proposed again.
 *
 * What makes it safe:
 * - A session is ended only when its promise is over, and is promised nothing after that.
 * - A lowered share is settled when its holder has seen it, or when every promise that was made while
 *   it was larger is over. Answers carry the lower share together with the extension, so no holder can
 *   have the one without the other.
 */
import type { MonotonicMs, WallMs } from '../time.ts';
import { chunkOf, isDecidedAtLeader } from './chunk.ts';
import { Claims } from './claims.ts';
import type { Allocate, Command, SessionId } from './command.ts';
import type { CountBook } from './count-book.ts';
import { FreshRates } from './fresh-rates.ts';
import { grantOf } from './grants.ts';
import type { Moment } from './lease-clock.ts';
import { type Book, type Ledger, newBook } from './ledger.ts';
import type { Grant, LeaseAnswer, LeaseRefusal, LeaseRequest, Want } from './message.ts';
import type { QuotaOptions } from './options.ts';
import { Promises } from './promises.ts';
import { isSameQuota, isSameSort, quotaProblem } from './quota.ts';
import type { RateBook } from './rate-book.ts';
import { planRate } from './rate-plan.ts';
import { isRevoking, type Session } from './share.ts';

export interface Leadership {
  readonly term: number;
  readonly electedAt: MonotonicMs;
  /** When its grantor begins, which looks at both clocks from then on. */
  readonly since: Moment;
  /** The instance that is this very replica, as a holder. */
  readonly own: string;
}

/** The request that is being answered. */
interface Asked {
  readonly id: number;
  readonly at: MonotonicMs;
  readonly ts: WallMs;
}

/** What is proposed and not applied is proposed again after this: longer than a commit takes. */
const REPROPOSE_MS = 250;
/** Resources that one tick looks at: a hundred replicas take 0.2 ms each, and requests wait. */
const PLANNED_PER_TICK_MAX = 32;
/** Resources that one tick forgets: idle ones can wait, a burst of entries cannot be taken back. */
const FORGOTTEN_PER_TICK_MAX = 16;

export class Grantor {
  readonly #options: QuotaOptions;
  readonly #ledger: Ledger;
  readonly #leadership: Leadership;
  readonly #promises: Promises;
  readonly #claims = new Claims();
  /** Sessions that are being ended, and when that was last proposed. */
  readonly #ending = new Map<SessionId, MonotonicMs>();
  /** Generation of a revocation → when it has taken effect without its holder's word. */
  #settling = new Map<number, MonotonicMs>();
  readonly #fresh: FreshRates;
  /** Rates of which less is wanted than there is, as last planned. */
  readonly #spare = new Set<string>();
  /** Resources that are to be planned in this round, and when it was begun. */
  #unplanned: string[] = [];
  #roundAt: MonotonicMs = -Infinity;
  /** Wall minus monotonic clock when last looked at. */
  #offset: number;
  /** Heartbeat rounds begun until then say nothing: the monotonic clock may have stood still since. */
  #trustedFrom: MonotonicMs;

  /** `ledger` is shared with whoever applies entries to it. */
  constructor(options: QuotaOptions, ledger: Ledger, leadership: Leadership) {
    this.#options = options;
    this.#ledger = ledger;
    this.#leadership = leadership;
    const { at, wall } = leadership.since;
    this.#offset = wall - at;
    this.#trustedFrom = at;
    this.#fresh = new FreshRates(options);
    this.#promises = new Promises(options, ledger.sessions.keys(), leadership.electedAt);
  }

  /** Until when the session may be spending, by this leader's clock: for the admin API and metrics. */
  promisedUntil(session: SessionId, now: MonotonicMs): MonotonicMs {
    return this.#promises.untilOf(session, now);
  }

  /** Takes a request; the commands are to be proposed in this order, and then `answer` says the rest. */
  receive(request: LeaseRequest, moment: Moment): Command[] {
    this.#watch(moment);
    const { at, wall } = moment;
    const ts = Math.floor(wall);
    const session = this.#sessionOf(request);
    if (session === null) {
      if (request.session !== 0 || request.isLeaving) return [];
      const { instance, incarnation } = request;
      return [{ kind: 'open-session', ts, instance, incarnation }];
    }
    if (this.#ending.has(session.id)) return [];
    if (request.isLeaving) {
      this.#ending.set(session.id, at);
      this.#claims.drop(session.id);
      return [{ kind: 'close-session', ts, session: session.id }];
    }
    this.#claims.replace(session.id, request);
    return [
      ...this.#reportOf(session, request, ts),
      ...this.#acknowledged(session, request, ts),
      ...request.wants.flatMap((want) => this.#provide(session, want, { id: request.id, at, ts })),
    ];
  }

  /**
   * What the request's sender is told, by the ledger as it is now: best after the commands of `receive` were
   * applied, but right at any time. `confirmedAt`: when the latest heartbeat round was begun that a quorum
   * has answered; without peers, Infinity.
   */
  answer(
    request: LeaseRequest,
    moment: Moment,
    confirmedAt: MonotonicMs | null,
  ): LeaseAnswer | LeaseRefusal {
    this.#watch(moment);
    const { at, wall } = moment;
    const { generation } = this.#ledger;
    const head = { id: request.id, version: { term: this.#leadership.term, generation } };
    const session = this.#sessionOf(request);
    if (session === null) {
      const reason = request.session === 0 ? 'not-opened' : 'no-session';
      return { kind: 'refused', ...head, reason };
    }
    if (this.#ending.has(session.id)) return { kind: 'refused', ...head, reason: 'ending' };
    const isTrusted = confirmedAt !== null && confirmedAt > this.#trustedFrom;
    const grantedMs = this.#promises.grantableMs(at, isTrusted ? confirmedAt : null);
    this.#promises.promise(session.id, at, grantedMs);
    const grants = this.#grantsOf(session, request, Math.floor(wall));
    const { id, sequence } = session;
    return { kind: 'granted', ...head, session: id, grantedMs, sequence, grants };
  }

  /** What time alone brings about. Several times a second; each call may propose the same again. */
  tick(moment: Moment): Command[] {
    this.#watch(moment);
    const { at, wall } = moment;
    const ts = Math.floor(wall);
    const { sessions } = this.#ledger;
    this.#promises.keepOnly(sessions);
    this.#claims.keepOnly(sessions);
    for (const session of this.#ending.keys()) {
      if (!sessions.has(session)) this.#ending.delete(session);
    }
    const commands = [...this.#expired(at, ts), ...this.#settled(at, ts)];
    if (this.#unplanned.length === 0 && at - this.#roundAt >= REPROPOSE_MS) {
      this.#roundAt = at;
      this.#unplanned = [...this.#ledger.books.keys()];
      this.#fresh.look(this.#ledger.books, at);
      commands.push(...this.#forgettable(at, ts));
    }
    for (const resource of this.#unplanned.splice(0, PLANNED_PER_TICK_MAX)) {
      const book = this.#ledger.books.get(resource);
      if (book === undefined) continue;
      commands.push(...this.#changedQuota(resource, book, ts));
      if (book.kind === 'rate') commands.push(...this.#planRate(resource, book, ts));
    }
    return commands;
  }

  /**
   * A machine that slept may have been deposed meanwhile, while its monotonic clock says that a round was
   * confirmed just now. It may extend nothing until a round is confirmed that it began awake. That costs
   * a heartbeat, so the least suspicion is enough: rounds of before the first look count as slept through.
   */
  #watch({ at, wall }: Moment): void {
    const offset = wall - at;
    const jump = Math.abs(offset - this.#offset);
    this.#offset = offset;
    const isIgnored = this.#options.faults.has('ignore-clock-jump');
    if (jump > this.#options.marginMs && !isIgnored) this.#trustedFrom = at;
  }

  #sessionOf({ session, instance, incarnation }: LeaseRequest): Session | null {
    if (session === 0) return this.#ledger.sessionOf(instance, incarnation);
    return this.#ledger.sessions.get(session) ?? null;
  }

  #reportOf(session: Session, { report }: LeaseRequest, ts: WallMs): Command[] {
    if (report === null) return [];
    const isRepeated = report.sequence <= session.sequence;
    if (isRepeated && !this.#options.faults.has('report-twice')) return [];
    return [{ kind: 'report', ts, session: session.id, ...report }];
  }

  /** The holder has taken an answer that told of these revocations. */
  #acknowledged(session: Session, { seen }: LeaseRequest, ts: WallMs): Command[] {
    return [...this.#ledger.resourcesOf(session.id)].flatMap((resource): Command[] => {
      const book = this.#ledger.books.get(resource);
      const share = book?.kind === 'rate' ? book.shares.get(session.id) : undefined;
      if (share === undefined || !isRevoking(share)) return [];
      const { generation } = share;
      if (seen.generation < generation) return [];
      return [{ kind: 'ack', ts, resource, session: session.id, generation }];
    });
  }

  /** More of what the session wants, if there is. A decrease of it is left to `tick`. */
  #provide(session: Session, want: Want, asked: Asked): Command[] {
    const { resource, quota } = want;
    const known = this.#ledger.books.get(resource);
    if (known !== undefined) return this.#share(session, want, known, asked);
    if (quotaProblem(quota) !== null) return [];
    const book = newBook(quota, asked.ts, this.#options.faults);
    const shares = this.#share(session, want, book, asked);
    return [{ kind: 'set-quota', ts: asked.ts, resource, quota }, ...shares];
  }

  #share({ id: session }: Session, want: Want, book: Book, { id, at, ts }: Asked): Command[] {
    const { resource } = want;
    if (book.kind === 'count') return this.#topUp(session, want, book, ts);
    if (book.shares.has(session)) return [];
    const isKnown = this.#ledger.books.has(resource);
    this.#fresh.propose(resource, isKnown ? book : null, { session, id, at });
    return this.#planRate(resource, book, ts);
  }

  #topUp(id: SessionId, want: Want, book: CountBook, ts: WallMs): Allocate[] {
    const at = Math.max(ts, this.#ledger.smTime);
    const { resource, perSecond, left, need } = want;
    const { renewMs, headroom, chunkMin } = this.#options;
    const remaining = book.remainingAt(at);
    const holders = this.#claims.wantersOf(resource);
    const chunk = chunkOf({
      remaining,
      holders,
      wanted: perSecond * (renewMs / 1000) * headroom,
      min: chunkMin,
      isLeader: isDecidedAtLeader(remaining, holders) && id === this.#own,
    });
    const lacking = need - left;
    // What somebody waits for is spent at once, and lies nowhere.
    const needed = chunk > 0 && lacking <= remaining ? lacking : 0;
    // Half of a share lasts for most of a refresh; asking for less each time would only fill the log.
    const spare = !(perSecond > 0) || left * 2 > chunk ? 0 : chunk - left;
    const amount = Math.max(needed, spare);
    if (amount <= 0) return [];
    const generation = book.shares.get(id)?.generation ?? 0;
    return [{ kind: 'allocate', ts, resource, session: id, generation, amount, burst: 0 }];
  }

  /** False for a new leader: it does not know yet what everybody wants. */
  get #isAllKnown(): boolean {
    for (const session of this.#ledger.sessions.keys()) {
      if (!this.#claims.isKnown(session)) return false;
    }
    return true;
  }

  /** A new limits file is in force at most replicas. */
  #changedQuota(resource: string, book: Book, ts: WallMs): Command[] {
    const quota = this.#claims.quotaOf(resource);
    const isNew =
      quota !== null && isSameSort(quota, book.quota) && !isSameQuota(quota, book.quota);
    if (!isNew || quotaProblem(quota) !== null || !this.#isAllKnown) return [];
    return [{ kind: 'set-quota', ts, resource, quota }];
  }

  #planRate(resource: string, book: RateBook, ts: WallMs): Command[] {
    const claims = this.#claims.on(resource).filter(({ session }) => !this.#ending.has(session));
    const isKnown = (session: SessionId): boolean => this.#claims.isKnown(session);
    const isAlone = this.#ledger.sessions.size === 1;
    const planning = { book, claims, isKnown, own: this.#own, isAlone, options: this.#options };
    const { changes, hasSpare } = planRate(planning);
    if (hasSpare) this.#spare.add(resource);
    else this.#spare.delete(resource);
    return changes.map((change) => {
      const { kind, session, rate: amount, burst } = change;
      const generation = book.shares.get(session)?.generation ?? 0;
      return { kind, ts, resource, session, generation, amount, burst };
    });
  }

  #grantsOf({ id: session }: Session, { id, wants }: LeaseRequest, ts: WallMs): Grant[] {
    const resources = new Set(this.#ledger.resourcesOf(session));
    for (const { resource } of wants) resources.add(resource);
    const at = Math.max(ts, this.#ledger.smTime);
    const own = this.#own;
    const grants: Grant[] = [];
    for (const resource of resources) {
      const book = this.#ledger.books.get(resource);
      if (book === undefined) continue;
      const claimants =
        book.kind === 'count'
          ? this.#claims.wantersOf(resource)
          : this.#claims.claimantsOf(resource);
      const isFresh = book.kind === 'rate' && this.#fresh.take(resource, session, id);
      const hasSpare = this.#spare.has(resource);
      grants.push(grantOf(book, { resource, session, at, claimants, own, hasSpare, isFresh }));
    }
    return grants;
  }

  #expired(now: MonotonicMs, ts: WallMs): Command[] {
    const commands: Command[] = [];
    for (const session of this.#ledger.sessions.keys()) {
      const proposedAt = this.#ending.get(session);
      const isDue =
        proposedAt === undefined
          ? now >= this.#promises.untilOf(session, now)
          : now - proposedAt >= REPROPOSE_MS;
      if (!isDue) continue;
      this.#ending.set(session, now);
      this.#claims.drop(session);
      commands.push({ kind: 'expire-session', ts, session });
    }
    return commands;
  }

  /** Revocations whose holders have not answered, and whose every earlier promise is over. */
  #settled(now: MonotonicMs, ts: WallMs): Command[] {
    const settling = new Map<number, MonotonicMs>();
    const commands: Command[] = [];
    for (const [resource, book] of this.#ledger.books) {
      if (book.kind !== 'rate') continue;
      for (const [session, share] of book.shares) {
        if (!isRevoking(share)) continue;
        const { generation } = share;
        const until = this.#settling.get(generation) ?? this.#promises.untilOf(session, now);
        settling.set(generation, until);
        if (now >= until) commands.push({ kind: 'ack', ts, resource, session, generation });
      }
    }
    this.#settling = settling;
    return commands;
  }

  #forgettable(now: MonotonicMs, ts: WallMs): Command[] {
    if (!this.#isAllKnown) return [];
    const commands: Command[] = [];
    const at = Math.max(ts, this.#ledger.smTime);
    for (const [resource, book] of this.#ledger.books) {
      if (commands.length === FORGOTTEN_PER_TICK_MAX) break;
      if (this.#claims.claimantsOf(resource) > 0 || !book.isIdleAt(at)) continue;
      // What the ledger does not know is taken to be at rest.
      if (book.kind === 'rate' && !this.#fresh.isAtRest(resource, book, now)) continue;
      this.#spare.delete(resource);
      commands.push({ kind: 'set-quota', ts, resource, quota: null });
    }
    return commands;
  }

  /** The session of this replica's latest life. */
  get #own(): SessionId | null {
    let own: Session | null = null;
    for (const session of this.#ledger.sessions.values()) {
      if (session.instance !== this.#leadership.own) continue;
      if (own === null || session.incarnation > own.incarnation) own = session;
    }
    return own?.id ?? null;
  }
}
