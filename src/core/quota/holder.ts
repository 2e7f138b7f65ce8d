/**
 * The replica's side: one per process. It spends its shares alone, in memory, while its lease holds; asks
 * the leader in time; reports what it spent. Cut off from the leader it goes on until its deadline, and
 * then says LAPSED for everything: what is answered then is the failure mode's affair.
 *
 * What makes it safe:
 * - The deadline is reckoned from the sending of the request that an answer belongs to, and is looked at
 *   at each use, with both clocks (LeaseClock).
 * - Answers are taken in the order of the ledger's (term, generation) only; the version that was seen
 *   goes with each request, and is the acknowledgement of all that was lowered up to it.
 * - What is given back cannot be spent from the moment when the report is made, sent or not.
 */
import type { MonotonicMs, WallMs } from '../time.ts';
import { isName, SHARES_PER_SESSION_MAX } from './bounds.ts';
import type { SessionId } from './command.ts';
import { Demand } from './demand.ts';
import { HeldCount } from './held-count.ts';
import { HeldRate } from './held-rate.ts';
import { LeaseClock, type Moment } from './lease-clock.ts';
import {
  type CountGrant,
  type Grant,
  isLowerVersion,
  type LeaseAnswer,
  type LeaseRefusal,
  type LeaseRequest,
  type LedgerVersion,
  type Want,
} from './message.ts';
import { assertQuotaOptions, type QuotaOptions, usableMsOf } from './options.ts';
import { isSameQuota, type Quota } from './quota.ts';
import { ReportQueue } from './report-queue.ts';
import { SpendResult } from './spend-result.ts';

/** Requests whose answers are still taken: more than go unanswered within a refresh. */
const UNANSWERED_MAX = 8;
/** A resource that nobody asked for in this long is not tracked any more. */
const IDLE_MS = 60_000;
/** The leader's own requests are so far apart at least while others wait for it: they take a commit and no call. */
const NEEDED_MS = 5;

/** A resource that a holder tracks, as others may look at it. */
export interface HeldResource {
  readonly quota: Quota;
  /** What it has of it; to be spent while the lease holds, which `spendOn` looks at. */
  readonly share: HeldCount | HeldRate;
}

interface Tracked extends HeldResource {
  quota: Quota;
  readonly demand: Demand;
  share: HeldCount | HeldRate;
  /** Per second, as the last request said. */
  wanted: number;
  /** The most hits that were asked for at once in vain since then, for all that is known. */
  need: number;
}

interface Sent extends Moment {
  readonly session: SessionId;
}

/** What became of an answer. `stale` ones were overtaken, repeated, or of another life. */
export type Received = 'taken' | 'stale' | 'session-lost' | 'refused';

export class Holder {
  readonly #options: QuotaOptions;
  readonly #instance: string;
  readonly #incarnation: number;
  readonly #lease: LeaseClock;
  readonly #reports = new ReportQueue();
  readonly #tracked = new Map<string, Tracked>();
  readonly #sent = new Map<number, Sent>();
  /** Its requests go to the leader in this very process, who decides for all others by its share. */
  isAtLeader = false;
  #session: SessionId = 0;
  #seen: LedgerVersion = { term: 0, generation: 0 };
  #lastId = 0;
  #sentAt: MonotonicMs = -Infinity;
  #isUrgent = false;
  /** Somebody waits for hits that there were too few of since the last request. */
  #isNeeded = false;
  #isLeaving = false;
  #hasLeft = false;

  /** `incarnation` must grow with each start of the process. Throws a RangeError for bad options. */
  constructor(options: QuotaOptions, instance: string, incarnation: number) {
    assertQuotaOptions(options);
    this.#options = options;
    this.#instance = instance;
    this.#incarnation = incarnation;
    this.#lease = new LeaseClock(options);
  }

  get session(): SessionId {
    return this.#session;
  }

  get seen(): LedgerVersion {
    return this.#seen;
  }

  /** By the monotonic clock; −Infinity when there is no lease. */
  get leasedUntil(): MonotonicMs {
    return this.#lease.until;
  }

  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /**
   * Begins to want shares of a resource, or notes that its limit has changed. False when there are too
   * many, or the name is none for the ledger; then it is not leased.
   */
  track(resource: string, quota: Quota, now: MonotonicMs): boolean {
    const tracked = this.#tracked.get(resource);
    if (tracked !== undefined) {
      if (!isSameQuota(tracked.quota, quota)) this.#isUrgent = true;
      tracked.quota = quota;
    } else if (this.#tracked.size >= SHARES_PER_SESSION_MAX || !isName(resource)) return false;
    else {
      const demand = new Demand(this.#options.demandMs, now);
      const share = this.#newShare(quota, now);
      this.#tracked.set(resource, { quota, demand, share, wanted: 0, need: 0 });
    }
    return true;
  }

  /** Asks for `hits` (whole, from 0), all or none. */
  spend(resource: string, hits: number, now: MonotonicMs, wall: WallMs): SpendResult {
    const held = this.#tracked.get(resource);
    return held === undefined ? SpendResult.UNKNOWN : this.spendOn(held, hits, now, wall);
  }

  /** What is tracked under that name: to be looked up once, and not kept. */
  find(resource: string): HeldResource | undefined {
    return this.#tracked.get(resource);
  }

  /** As `spend`, of what `find` gave. */
  spendOn(held: HeldResource, hits: number, now: MonotonicMs, wall: WallMs): SpendResult {
    (held as Tracked).demand.record(hits, now);
    return this.retryOn(held, hits, now, wall);
  }

  /** Once more, for somebody who waits: it is wanted no more often by that. */
  retryOn(held: HeldResource, hits: number, now: MonotonicMs, wall: WallMs): SpendResult {
    const tracked = held as Tracked;
    if (this.#isLeaving || !this.#lease.holds(now, wall)) {
      this.#note(tracked, hits);
      return SpendResult.LAPSED;
    }
    const result = tracked.share.spend(hits, now);
    if (result === SpendResult.SHORT) {
      this.#note(tracked, hits);
      this.#isUrgent = true;
    } else if (!this.#isUrgent && tracked.share.isRunningLow(now)) {
      this.#isUrgent = this.#doesPay(tracked, now);
    }
    return result;
  }

  /** Its share as it may be spent now; null when there is none or the lease is over. */
  shareOf(resource: string, now: MonotonicMs, wall: WallMs): HeldCount | HeldRate | null {
    const share = this.#tracked.get(resource)?.share;
    if (share === undefined || this.#isLeaving || !this.#lease.holds(now, wall)) return null;
    return share.kind === 'count' && now >= share.endsAt ? null : share;
  }

  /** It would rather ask than wait for the next refresh. */
  get isHurried(): boolean {
    return this.#isUrgent || this.#isNeeded;
  }

  /** When `request` should be called next; −Infinity is now. */
  get nextRequestAt(): MonotonicMs {
    if (this.#hasLeft) return Infinity;
    const { renewMs, retryMs, urgentMs } = this.#options;
    if (this.#sent.size > 0) return this.#sentAt + retryMs;
    if (this.isAtLeader && this.#isNeeded) return this.#sentAt + Math.min(NEEDED_MS, urgentMs);
    return this.#sentAt + (this.#isUrgent || this.#isLeaving ? urgentMs : renewMs);
  }

  /** What to send to the leader now; `health` is 0..1. */
  request(now: MonotonicMs, wall: WallMs, health: number): LeaseRequest {
    const wants = this.#isLeaving ? [] : this.#wants(now);
    this.#collect();
    const report = this.#session === 0 ? null : this.#reports.next();
    const id = ++this.#lastId;
    this.#sentAt = now;
    this.#isUrgent = false;
    this.#isNeeded = false;
    this.#sent.set(id, { at: now, wall, session: this.#session });
    if (this.#sent.size > UNANSWERED_MAX) this.#sent.delete(id - UNANSWERED_MAX);
    return {
      id,
      instance: this.#instance,
      incarnation: this.#incarnation,
      session: this.#session,
      seen: this.#seen,
      health,
      report,
      wants,
      isLeaving: this.#isLeaving && this.#reports.isEmpty,
    };
  }

  /** Takes an answer, whenever it comes and however often. */
  receive(answer: LeaseAnswer | LeaseRefusal, now: MonotonicMs, wall: WallMs): Received {
    const sent = this.#sent.get(answer.id);
    if (sent === undefined || this.#isStale(answer)) return 'stale';
    if (answer.kind === 'refused') return this.#refused(answer, sent, now);
    if (this.#session !== 0 && answer.session !== this.#session) return 'stale';
    this.#forgetSent(answer.id);
    this.#session = answer.session;
    this.#seen = answer.version;
    this.#reports.count(answer.sequence);
    const basis = this.#options.faults.has('deadline-from-receipt') ? { at: now, wall } : sent;
    const didHold = this.#lease.holds(now, wall);
    this.#lease.extend(basis, answer.grantedMs);
    if (!didHold) this.#restartRates(now);
    this.#adopt(answer.grants, basis.at, now);
    return 'taken';
  }

  /** Spends no more. Requests go on until all is reported and the session is closed. */
  leave(): void {
    this.#isLeaving = true;
    this.#isUrgent = true;
    if (this.#session === 0) this.#hasLeft = true;
  }

  #note(tracked: Tracked, hits: number): void {
    if (hits > tracked.need) tracked.need = hits;
    this.#isNeeded = true;
  }

  #isStale(answer: LeaseAnswer | LeaseRefusal): boolean {
    if (this.#options.faults.has('accept-lower-generation')) return false;
    if (isLowerVersion(answer.version, this.#seen)) return true;
    return answer.kind === 'granted' && answer.sequence < this.#reports.counted;
  }

  #refused({ id, reason }: LeaseRefusal, { session }: Sent, now: MonotonicMs): Received {
    if (session !== this.#session) return 'stale';
    this.#forgetSent(id);
    if (reason !== 'no-session') return 'refused';
    this.#loseSession(now);
    return 'session-lost';
  }

  /** All that it had is stranded in the ledger: begin anew, knowing nothing. */
  #loseSession(now: MonotonicMs): void {
    this.#session = 0;
    this.#lease.end();
    this.#sent.clear();
    this.#reports.restart();
    for (const tracked of this.#tracked.values())
      tracked.share = this.#newShare(tracked.quota, now);
    this.#hasLeft = this.#isLeaving;
    this.#isUrgent = true;
  }

  /** Answers to earlier requests could tell nothing that this one did not. */
  #forgetSent(id: number): void {
    for (const earlier of this.#sent.keys()) if (earlier <= id) this.#sent.delete(earlier);
  }

  #newShare(quota: Quota, now: MonotonicMs): HeldCount | HeldRate {
    return quota.kind === 'count' ? new HeldCount() : new HeldRate(this.#options, quota, now);
  }

  /** A rate that is used up is worth asking for only when more is wanted than the leader knows. */
  #doesPay({ share, demand, wanted }: Tracked, now: MonotonicMs): boolean {
    if (share.kind === 'count' || share.size.rate === 0) return true;
    return demand.perSecond(now) > wanted * (1 + this.#options.hysteresis);
  }

  #wants(now: MonotonicMs): Want[] {
    const wants: Want[] = [];
    for (const [resource, tracked] of this.#tracked) {
      const { quota, demand, share } = tracked;
      const isIdle = now - demand.lastAt > IDLE_MS;
      tracked.wanted = demand.perSecond(now);
      if (share.kind === 'count') this.#giveBack(share, isIdle ? 0 : tracked.wanted);
      if (isIdle && this.#isForgettable(resource, share)) {
        this.#tracked.delete(resource);
        continue;
      }
      const left = share.kind === 'count' && now < share.endsAt ? share.left : 0;
      const need = tracked.need > left ? tracked.need : 0;
      tracked.need = 0;
      wants.push({ resource, quota, perSecond: tracked.wanted, left, need });
    }
    return wants;
  }

  /** What it will hardly need before the next refresh; all of it when the share is revoked. */
  #giveBack(share: HeldCount, perSecond: number): void {
    const { renewMs, headroom, chunkMin } = this.#options;
    const wanted = Math.ceil(perSecond * (renewMs / 1000) * headroom);
    const keep = share.isRevoked || perSecond === 0 ? 0 : Math.max(chunkMin, wanted);
    // Twice as much is kept as is asked for, so that nothing goes to and fro.
    if (share.left > 2 * keep) share.giveBack(keep);
  }

  /** Only when the ledger knows all that this object does. */
  #isForgettable(resource: string, share: HeldCount | HeldRate): boolean {
    if (share.kind === 'rate') return true;
    return share.returnable === 0 && !share.hasUntold && this.#reports.isClear(resource);
  }

  #collect(): void {
    for (const [resource, { share }] of this.#tracked) {
      if (share.kind !== 'count') continue;
      if (this.#isLeaving) share.giveBack(0);
      const item = share.takeUntold(resource);
      if (item !== null) this.#reports.add(item);
    }
  }

  #restartRates(now: MonotonicMs): void {
    for (const { share } of this.#tracked.values()) if (share.kind === 'rate') share.restart(now);
  }

  /** What the answer does not name, it has no share of. */
  #adopt(grants: readonly Grant[], sentAt: MonotonicMs, now: MonotonicMs): void {
    const byResource = new Map(grants.map((grant) => [grant.resource, grant]));
    for (const [resource, { share }] of this.#tracked) {
      const grant = byResource.get(resource);
      if (share.kind === 'rate') {
        const isLower = share.adopt(grant?.kind === 'rate' ? grant : null, now);
        this.#isUrgent ||= isLower;
      } else if (grant?.kind === 'count') {
        this.#adoptCount(share, grant, sentAt);
      }
    }
  }

  #adoptCount(share: HeldCount, grant: CountGrant, sentAt: MonotonicMs): void {
    const item = share.takeUntold(grant.resource);
    if (item !== null) this.#reports.add(item);
    share.adopt(grant, sentAt, usableMsOf(grant.endsInMs, this.#options));
    this.#isUrgent ||= share.isRevoked && share.left > 0;
  }
}
