/**
 * This replica as a holder of leases: the holder of core/quota with its clocks, its timer and the way to the
 * leader. The store asks it for hits; everything else it does by itself. It says nothing to anybody before it is
 * told to begin, or the first resource is tracked.
 */

import type { HeldCount } from '../../core/quota/held-count.ts';
import type { HeldRate } from '../../core/quota/held-rate.ts';
import { type HeldResource, Holder, type Received } from '../../core/quota/holder.ts';
import type { LeaseRequest } from '../../core/quota/message.ts';
import type { QuotaOptions } from '../../core/quota/options.ts';
import type { Quota } from '../../core/quota/quota.ts';
import { SpendResult } from '../../core/quota/spend-result.ts';
import type { NodeId } from '../../core/raft/log-entry.ts';
import type { DurationMs, MonotonicMs, WallMs } from '../../core/time.ts';
import { type Clocks, momentOf } from '../clocks.ts';
import type { LeaseReply, NotLeader } from '../messages/lease-messages.ts';
import { LeaderRoute } from './leader-route.ts';
import type { PeerCounts } from './peer-counts.ts';

/** Requests under way at once; each has its bounds, so a next one waits a little. */
const UNDER_WAY_MAX = 4;
/** Voters that are asked for one decision: the one that led, and whom it names. */
const DECISION_TRIES = 2;

/** What a voter is asked. Resolves to null when the call fails. */
export interface VoterPort {
  lease(voter: NodeId, request: LeaseRequest, timeoutMs: DurationMs): Promise<LeaseReply | null>;
  spend(voter: NodeId, asked: Decision, timeoutMs: DurationMs): Promise<Decided | NotLeader | null>;
}

/** Who waits for an answer at once; beyond, nobody does. */
const LISTENING_MAX = 1024;

export interface Decision {
  readonly resource: string;
  readonly quota: Quota;
  /** At most so many, in one piece or not. 1.. */
  readonly hits: number;
  /** At least so many, or none. 1..hits. */
  readonly least: number;
}

export interface Decided {
  readonly kind: 'decided';
  /** ADMITTED, OVER, or SHORT where the leader cannot say. */
  readonly result: SpendResult;
  /** least..hits when it is ADMITTED, else 0. */
  readonly admitted: number;
}

export interface LesseeParts {
  readonly options: QuotaOptions;
  readonly instance: string;
  readonly voters: readonly NodeId[];
  readonly clocks: Clocks;
  readonly counts: PeerCounts;
  readonly port: VoterPort;
  /** 0..1, see healthScore. */
  readonly health: () => number;
}

export class Lessee {
  readonly #parts: LesseeParts;
  readonly #holder: Holder;
  readonly #route: LeaderRoute;
  readonly #listeners = new Set<(received: Received) => void>();
  #timer: NodeJS.Timeout | undefined;
  /** The holder's wish that the timer was set for; Infinity: it is not set. */
  #armedFor: MonotonicMs = Infinity;
  #underWay = 0;
  #isRunning = false;
  #hasBegun = false;
  #answeredAt: MonotonicMs | null = null;
  #isFenced = false;
  #onLeft: (() => void) | null = null;

  /** Throws a RangeError for bad options. */
  constructor(parts: LesseeParts) {
    const { options, instance, voters, clocks } = parts;
    this.#parts = parts;
    this.#holder = new Holder(options, instance, Math.floor(clocks.wall()));
    // Beside a voter one asks it first: it is near, and knows who leads.
    const own = voters.indexOf(instance);
    this.#route = new LeaderRoute(
      voters,
      own >= 0 ? own : Math.floor(clocks.random() * voters.length),
    );
  }

  get instance(): string {
    return this.#parts.instance;
  }

  /** Whom it last had an answer from; null before the first, and when that one failed it. */
  get leader(): NodeId | null {
    return this.#route.leader;
  }

  /** By the monotonic clock; −Infinity without a lease. */
  get leasedUntil(): MonotonicMs {
    return this.#holder.leasedUntil;
  }

  /** 0 without one. */
  get session(): number {
    return this.#holder.session;
  }

  /** Since an answer was taken; 0 before the first request. */
  get answerAgeMs(): DurationMs {
    return this.#answeredAt === null ? 0 : this.#parts.clocks.monotonic() - this.#answeredAt;
  }

  /** Leased limits are in force: a session is opened before the first of them is asked for. */
  begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#answeredAt = this.#parts.clocks.monotonic();
    this.#arm();
  }

  /** As Holder.track: false when there are too many; then the resource is not leased. */
  track(resource: string, quota: Quota, now: MonotonicMs): boolean {
    const isTracked = this.#holder.track(resource, quota, now);
    if (isTracked) this.begin();
    return isTracked;
  }

  /** As Holder.spend. LAPSED for everything while the clock of this host is too far off. */
  spend(resource: string, hits: number, now: MonotonicMs, wall: WallMs): SpendResult {
    const held = this.#holder.find(resource);
    return held === undefined ? SpendResult.UNKNOWN : this.spendOn(held, hits, now, wall);
  }

  /** As Holder.find. */
  find(resource: string): HeldResource | undefined {
    return this.#holder.find(resource);
  }

  /** As `spend`, of what `find` gave. */
  spendOn(held: HeldResource, hits: number, now: MonotonicMs, wall: WallMs): SpendResult {
    if (this.#isFenced) return SpendResult.LAPSED;
    const result = this.#holder.spendOn(held, hits, now, wall);
    if (this.#holder.isHurried) this.#hurry();
    return result;
  }

  /** As Holder.retryOn. */
  retryOn(held: HeldResource, hits: number, now: MonotonicMs, wall: WallMs): SpendResult {
    if (this.#isFenced) return SpendResult.LAPSED;
    const result = this.#holder.retryOn(held, hits, now, wall);
    if (this.#holder.isHurried) this.#hurry();
    return result;
  }

  /** As Holder.shareOf: null when nothing can be spent of it now. */
  shareOf(resource: string, now: MonotonicMs, wall: WallMs): HeldCount | HeldRate | null {
    return this.#isFenced ? null : this.#holder.shareOf(resource, now, wall);
  }

  /** Whether hits of the resource are decided here now. */
  isLeased(resource: string, now: MonotonicMs, wall: WallMs): boolean {
    return this.shareOf(resource, now, wall) !== null;
  }

  /**
   * Called after each answer that changed something: shares may have grown, shrunk or gone
   * (`session-lost`). Not amid a `spend`. Returns what ends it.
   */
  onAnswer(listener: (received: Received) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves to true with the next answer of that kind, to false when none comes in that time. */
  answered(withinMs: DurationMs): Promise<boolean> {
    if (withinMs <= 0 || this.#listeners.size >= LISTENING_MAX) return Promise.resolve(false);
    return new Promise((resolve) => {
      const end = (isAnswered: boolean): void => {
        clearTimeout(timer);
        forget();
        resolve(isAnswered);
      };
      const timer = setTimeout(() => end(false), withinMs).unref();
      const forget = this.onAnswer(() => end(true));
    });
  }

  /**
   * What the leader says of hits that the share does not suffice for. null when nobody could say in time; then
   * hits may be lost, never gained.
   */
  async decide(asked: Decision, timeoutMs: DurationMs): Promise<Decided | null> {
    const { clocks, port } = this.#parts;
    const giveUpAt = clocks.monotonic() + timeoutMs;
    const attempt = (voter: NodeId): Promise<Decided | NotLeader | null> => {
      const left = giveUpAt - clocks.monotonic();
      return left <= 0 ? Promise.resolve(null) : port.spend(voter, asked, left);
    };
    return await this.#route.ask(attempt, DECISION_TRIES);
  }

  /** Requests go out from now on. */
  start(): void {
    this.#isRunning = true;
    this.#arm();
  }

  fence(isFenced: boolean): void {
    this.#isFenced = isFenced;
  }

  /** Spends no more, reports all, closes its session. Resolves when that is done, or time is up. */
  leave(withinMs: DurationMs): Promise<void> {
    this.#holder.leave();
    if (!this.#isRunning || this.#holder.hasLeft) return Promise.resolve();
    this.#arm();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#onLeft = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  stop(): void {
    this.#isRunning = false;
    clearTimeout(this.#timer);
    this.#onLeft?.();
  }

  /** A share that runs low is asked for at once, not when the timer comes. */
  #hurry(): void {
    if (this.#holder.nextRequestAt < this.#armedFor) this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    this.#armedFor = Infinity;
    if (!this.#isRunning || !this.#hasBegun || this.#holder.hasLeft) return;
    const { clocks, options } = this.#parts;
    const now = clocks.monotonic();
    // With all places taken the next answer, or this, comes to it.
    const soonest = this.#underWay < UNDER_WAY_MAX ? now : now + options.urgentMs;
    this.#armedFor = this.#holder.nextRequestAt;
    const ms = Math.ceil(Math.max(soonest, this.#armedFor) - now);
    this.#timer = setTimeout(() => this.#onTimer(), ms).unref();
  }

  #onTimer(): void {
    const { clocks, health } = this.#parts;
    const { at, wall } = momentOf(clocks);
    if (at >= this.#holder.nextRequestAt && this.#underWay < UNDER_WAY_MAX) {
      void this.#ask(this.#holder.request(at, wall, health()));
    }
    this.#arm();
  }

  async #ask(request: LeaseRequest): Promise<void> {
    const { port, options, voters } = this.#parts;
    this.#underWay += 1;
    const attempt = (voter: NodeId): Promise<LeaseReply | null> =>
      port.lease(voter, request, options.retryMs * 2);
    const reply = await this.#route.ask(attempt, voters.length);
    this.#underWay -= 1;
    if (reply !== null) this.#take(reply);
    else this.#parts.counts.leases.no_leader += 1;
    this.#arm();
  }

  #take(reply: LeaseReply): void {
    if (reply.kind === 'not-leader') return;
    const { clocks, counts } = this.#parts;
    const { at, wall } = momentOf(clocks);
    counts.leases[reply.kind] += 1;
    const received = this.#holder.receive(reply, at, wall);
    if (received === 'taken') this.#answeredAt = at;
    this.#holder.isAtLeader = this.#route.leader === this.instance;
    if (received !== 'stale') for (const listener of this.#listeners) listener(received);
    if (this.#holder.hasLeft) this.#onLeft?.();
  }
}
