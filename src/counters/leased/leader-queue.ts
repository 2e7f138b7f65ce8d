/**
 * Charges of one resource that its share does not suffice for, on their way to the leader. One question
 * is under way at a time; what comes meanwhile goes with the next, so that a limit that is used up and
 * asked for by everybody costs the leader one question per round trip and replica. What it said is remembered
 * for a moment. An answer to this replica as a lessee may have changed its share: then that is tried anew,
 * and nothing is remembered.
 *
 * A question may take longer than those wait who asked it. What the leader then admits of a count is for whoever
 * comes next in that window: else a leader that is slow would lose what it gives.
 */
import type { Quota } from '../../core/quota/quota.ts';
import { SpendResult } from '../../core/quota/spend-result.ts';
import { msUntilReset } from '../../core/rules/unit.ts';
import type { DurationMs, MonotonicMs, WallMs } from '../../core/time.ts';
import type { LeaderWord, LeasedShares } from './lease-port.ts';
import type { LeasedCounts } from './leased-counts.ts';

/** That there is no more of a window, until it ends: others may give hits back, and are found so much later. */
const COUNT_OVER_MS: DurationMs = 100;
/** That the leader's bucket is empty: a token for each replica of a small rate comes sooner. */
const RATE_OVER_MS: DurationMs = 50;
/** A question is given up after this, if nobody waits for longer: what is answered later is lost. */
const QUESTION_MS: DurationMs = 250;
/** What nobody had is given up after this, though its window lasts: a queue must end for who comes no more. */
const CREDIT_MS: DurationMs = 10_000;
/** That nobody could say: so often a leader is looked for while there is none. */
const SILENT_MS: DurationMs = 200;

/** A charge that waits. */
export interface Waiting {
  readonly hits: number;
  readonly giveUpAt: MonotonicMs;
  /** Tries the share once more, and is settled with ADMITTED when that suffices now. */
  readonly retry: () => SpendResult;
  /** With the leader's ADMITTED or OVER, or LAPSED when nobody could say in time. */
  readonly settle: (result: SpendResult) => void;
}

interface Window {
  readonly window: WallMs;
  readonly until: MonotonicMs;
}

export interface LeaderQueueParts {
  readonly shares: LeasedShares;
  readonly monotonic: () => MonotonicMs;
  readonly wall: () => WallMs;
  readonly counts: LeasedCounts;
}

export class LeaderQueue {
  readonly #parts: LeaderQueueParts;
  readonly #resource: string;
  #quota: Quota;
  #waiting: Waiting[] = [];
  #isAsking = false;
  /** The leader has refused `#overFrom` hits; the next answer is waited for. */
  #isHeld = false;
  /** A share may have come since it was tried. */
  #isChanged = false;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer comes; Infinity: it is not set. */
  #timerAt: MonotonicMs = Infinity;
  #overUntil: MonotonicMs = -Infinity;
  /** So many hits at once and more are known to be over. */
  #overFrom = 0;
  #silentUntil: MonotonicMs = -Infinity;
  /** Hits that the leader admitted and nobody has had yet, and until when they may be had. */
  #credit = 0;
  #creditUntil: MonotonicMs = -Infinity;

  constructor(resource: string, quota: Quota, parts: LeaderQueueParts) {
    this.#resource = resource;
    this.#quota = quota;
    this.#parts = parts;
  }

  /** Forgets what is too old; true when it remembers nothing then, and nobody waits. */
  forget(now: MonotonicMs): boolean {
    this.#dropCredit(now);
    if (this.#isAsking || this.#waiting.length > 0) return false;
    return now >= this.#overUntil && now >= this.#silentUntil && this.#credit === 0;
  }

  /** What is known already, or was admitted and is left; null: it is to be asked. */
  answer(hits: number, now: MonotonicMs): SpendResult | null {
    if (this.#takeCredit(hits, now)) return SpendResult.ADMITTED;
    if (now < this.#overUntil && hits >= this.#overFrom) return SpendResult.OVER;
    return now < this.#silentUntil ? SpendResult.LAPSED : null;
  }

  add(waiting: Waiting, quota: Quota): void {
    this.#quota = quota;
    this.#waiting.push(waiting);
    this.#arm(waiting.giveUpAt);
    if (!this.#isHeld) this.#askSoon();
  }

  /** There was a new answer: what was known may have changed. */
  changed(): void {
    this.#overUntil = -Infinity;
    this.#silentUntil = -Infinity;
    this.#isChanged = true;
    this.#isHeld = false;
    if (this.#waiting.length > 0) this.#askSoon();
  }

  /** Nobody is to wait any more. */
  close(): void {
    this.#settleAll(SpendResult.LAPSED);
    clearTimeout(this.#timer);
  }

  #askSoon(): void {
    if (this.#isAsking) return;
    this.#isAsking = true;
    // What else comes in this turn goes along.
    queueMicrotask(() => void this.#run());
  }

  /** Each round settles at least the first of those that wait, or leaves all to the next answer. */
  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      if (this.#isChanged) this.#retry();
      this.#giveUp();
      const [first] = this.#waiting;
      if (first === undefined || !(await this.#ask(first))) break;
    }
    this.#isAsking = false;
  }

  #retry(): void {
    this.#isChanged = false;
    const tried = this.#waiting;
    // Who is answered may ask again at once.
    this.#waiting = [];
    const kept = tried.filter((its) => its.retry() !== SpendResult.ADMITTED);
    this.#waiting = [...kept, ...this.#waiting];
  }

  /** False when there is nothing to ask until the next answer. */
  async #ask(first: Waiting): Promise<boolean> {
    const { shares, monotonic, counts } = this.#parts;
    const now = monotonic();
    const hits = this.#waiting.reduce((sum, its) => sum + its.hits, 0);
    const waitedFor = this.#waiting.reduce((latest, its) => Math.max(latest, its.giveUpAt), now);
    const question = { resource: this.#resource, quota: this.#quota, hits, least: first.hits };
    counts.questions += 1;
    const window = this.#window(now);
    const word = await shares.decide(question, Math.max(QUESTION_MS, waitedFor - now));
    return this.#take(word, first, window);
  }

  #take(word: LeaderWord | null, { hits: least }: Waiting, asked: Window | null): boolean {
    if (word?.result === SpendResult.ADMITTED) this.#deal(word.admitted, asked);
    else if (word?.result === SpendResult.OVER) return this.#refuse(least);
    else {
      this.#silentUntil = this.#parts.monotonic() + SILENT_MS;
      this.#settleAll(SpendResult.LAPSED);
    }
    return true;
  }

  /**
   * The leader has no more. Where this replica has no share of a rate yet, one is on its way: that is waited
   * for, since it is what the leader has just given, and can spare no more.
   */
  #refuse(least: number): boolean {
    if (this.#isChanged) this.#retry();
    this.#overFrom = least;
    const share = this.#parts.shares.find(this.#resource)?.share;
    this.#isHeld = share?.kind === 'rate' && share.isAwaited;
    if (!this.#isHeld) this.#settleOver(() => true);
    return !this.#isHeld;
  }

  /** Those that were refused, and such as them from now on. */
  #settleOver(isMeant: (waiting: Waiting) => boolean): void {
    this.#overUntil = this.#parts.monotonic() + this.#overMs();
    this.#settle((its) => its.hits >= this.#overFrom && isMeant(its), SpendResult.OVER);
  }

  #overMs(): DurationMs {
    const { kind, unit } = this.#quota;
    if (kind === 'rate') return RATE_OVER_MS;
    return Math.min(COUNT_OVER_MS, msUntilReset(unit, this.#parts.wall()));
  }

  /** In their order, to those that it suffices for; the rest is for who comes next. */
  #deal(admitted: number, asked: Window | null): void {
    let left = admitted;
    const isDealt = ({ hits }: Waiting): boolean => {
      if (hits > left) return false;
      left -= hits;
      return true;
    };
    this.#settle(isDealt, SpendResult.ADMITTED);
    const now = this.#parts.monotonic();
    const window = this.#window(now);
    // Admitted between the question and now, which are of one window.
    if (asked === null || window === null || asked.window !== window.window) {
      this.#parts.counts.wastedHits += left;
      return;
    }
    this.#dropCredit(now);
    this.#credit += left;
    this.#creditUntil = Math.min(window.until, now + CREDIT_MS);
  }

  #takeCredit(hits: number, now: MonotonicMs): boolean {
    this.#dropCredit(now);
    if (hits > this.#credit) return false;
    this.#credit -= hits;
    return true;
  }

  #dropCredit(now: MonotonicMs): void {
    if (this.#credit === 0 || now < this.#creditUntil) return;
    this.#parts.counts.wastedHits += this.#credit;
    this.#credit = 0;
  }

  /** The present window of a count, as far as the share knows it. */
  #window(now: MonotonicMs): Window | null {
    const share = this.#parts.shares.find(this.#resource)?.share;
    if (share?.kind !== 'count' || now >= share.endsAt) return null;
    return { window: share.window, until: share.endsAt };
  }

  #settle(isMeant: (waiting: Waiting) => boolean, result: SpendResult): void {
    const settled: Waiting[] = [];
    const kept: Waiting[] = [];
    for (const waiting of this.#waiting) (isMeant(waiting) ? settled : kept).push(waiting);
    this.#waiting = kept;
    for (const { settle } of settled) settle(result);
  }

  #settleAll(result: SpendResult): void {
    this.#settle(() => true, result);
  }

  #arm(at: MonotonicMs): void {
    if (at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    const ms = Math.max(0, Math.ceil(at - this.#parts.monotonic()));
    this.#timer = setTimeout(() => this.#giveUp(), ms).unref();
  }

  #giveUp(): void {
    this.#timerAt = Infinity;
    const now = this.#parts.monotonic();
    const isDue = ({ giveUpAt }: Waiting): boolean => giveUpAt <= now;
    if (this.#isHeld) this.#settleOver(isDue);
    this.#settle(isDue, SpendResult.LAPSED);
    if (this.#waiting.length > 0) this.#arm(earliest(this.#waiting));
  }
}

/** Infinity when nobody waits. */
function earliest(waiting: readonly Waiting[]): MonotonicMs {
  return waiting.reduce((least, { giveUpAt }) => Math.min(least, giveUpAt), Infinity);
}
