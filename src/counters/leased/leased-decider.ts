/** One charge of a leased limit: by the share that this replica has of it, else by the leader. */
import type { HeldResource } from '../../core/quota/holder.ts';
import { leasedQuota } from '../../core/quota/leased-quota.ts';
import type { Quota } from '../../core/quota/quota.ts';
import { SpendResult } from '../../core/quota/spend-result.ts';
import { isUnit } from '../../core/rules/unit.ts';
import type { DurationMs, MonotonicMs, WallMs } from '../../core/time.ts';
import type { Charge } from '../../limiter/counter-store.ts';
import type { LocalShare } from '../guarded/degrade.ts';
import { LeaderQuestions } from './leader-questions.ts';
import type { LeasedShares } from './lease-port.ts';
import { LeasedCounts } from './leased-counts.ts';
import { LeasedRequests } from './leased-requests.ts';
import { LocalDebts } from './local-debts.ts';
import { readAdmitted, readOnly, readOver, readRefunded } from './reading.ts';
import { isGranted, Untracked } from './untracked.ts';

/** One moment by both clocks. */
export interface Moment {
  readonly now: MonotonicMs;
  readonly wall: WallMs;
}

export interface DeciderOptions {
  readonly shares: LeasedShares;
  /**
   * By which shares are spent. It may stand still within a turn of the loop, since all that is decided in one is
   * told at its end: a process that is stopped amid one tells it too late either way.
   */
  readonly moment: () => Moment;
  /** By which callers' deadlines are kept. */
  readonly monotonic: () => MonotonicMs;
  /** The longest that the leader is waited for; a caller's own deadline may be sooner. */
  readonly decideMs: DurationMs;
  /** For failure mode `local`. */
  readonly local: LocalShare;
}

export interface AskListener {
  readonly deadlineMs: MonotonicMs;
  /** By the share, after all. */
  spent(): void;
  said(result: SpendResult): void;
}

/** An answer must reach its caller before the deadline. */
const ANSWER_MS: DurationMs = 1;

export class LeasedDecider {
  readonly counts = new LeasedCounts();
  readonly questions: LeaderQuestions;
  readonly requests = new LeasedRequests();
  readonly debts = new LocalDebts();
  readonly untracked: Untracked;
  readonly moment: () => Moment;
  readonly #options: DeciderOptions;
  readonly #shares: LeasedShares;

  constructor(options: DeciderOptions) {
    const { shares, monotonic, moment } = options;
    this.#options = options;
    this.#shares = shares;
    this.moment = moment;
    const onCounted = (resource: string): void => this.debts.lose(resource);
    this.untracked = new Untracked({ shares, onCounted });
    // Before what waits for the answer is tried: it comes after what was admitted.
    shares.onAnswer((received) => {
      this.untracked.answered(received, moment().now);
      this.debts.pay(shares, moment());
    });
    const wall = (): WallMs => moment().wall;
    this.questions = new LeaderQuestions({ shares, monotonic, wall, counts: this.counts });
  }

  get local(): LocalShare {
    return this.#options.local;
  }

  /** What is held of the charge's limit; null: it cannot be leased. The same until the next answer. */
  heldOf({ key, limit, unit }: Charge, now: MonotonicMs): HeldResource | null {
    const known = this.#shares.find(key);
    if (known?.quota.limit === limit && isGranted(known.share)) return known;
    if (!isUnit(unit)) return null;
    const quota = leasedQuota(limit, unit);
    if (this.untracked.isCounted(key, quota, now)) return null;
    if (!this.#shares.track(key, quota, now)) return null;
    const held = this.#shares.find(key) ?? null;
    if (held !== null && !isGranted(held.share)) this.untracked.note(key, now);
    return held;
  }

  /** Writes the reading where the share knows the answer: ADMITTED or OVER. A refund and a peek are always that. */
  spend(charge: Charge, held: HeldResource, { now, wall }: Moment): SpendResult {
    const { hits } = charge;
    const { share, quota } = held;
    if (charge.isRefund) {
      readRefunded(charge, share, share.unspend(hits, now), wall);
      return SpendResult.ADMITTED;
    }
    const result =
      hits === 0 || hits > mostOf(quota)
        ? alwaysOf(hits)
        : this.#shares.spendOn(held, hits, now, wall);
    if (result === SpendResult.ADMITTED) {
      this.counts.results.share += 1;
      readAdmitted(charge, held.share, wall);
    } else if (result === SpendResult.OVER) this.over(charge, held, wall);
    return result;
  }

  over(charge: Charge, { share }: HeldResource, wall: WallMs): void {
    this.counts.results.over += 1;
    readOver(charge, share, wall);
  }

  /**
   * Asks the leader. The listener is told ADMITTED or OVER with the reading written, or LAPSED; unless the
   * share suffices all the same before the leader has answered.
   */
  ask(charge: Charge, held: HeldResource, listener: AskListener): void {
    const { deadlineMs } = listener;
    const latest = this.#options.monotonic() + this.#options.decideMs;
    this.questions.ask(charge.key, held.quota, {
      hits: charge.hits,
      giveUpAt: deadlineMs === 0 ? latest : Math.min(latest, deadlineMs - ANSWER_MS),
      retry: () => this.#retry(charge, held, listener),
      settle: (result) => listener.said(this.#settle(charge, held, result)),
    });
  }

  /** What is told of the leader's word: with a share that is used up, its silence is no failure. */
  #settle(charge: Charge, held: HeldResource, result: SpendResult): SpendResult {
    const { results } = this.counts;
    const { now, wall } = this.moment();
    if (result === SpendResult.ADMITTED) {
      results.leader += 1;
      readAdmitted(charge, held.share, wall);
    } else if (result === SpendResult.OVER) this.over(charge, held, wall);
    else if (this.#isUsedUp(charge.key, now, wall)) {
      results.withheld += 1;
      readOver(charge, held.share, wall);
      return SpendResult.OVER;
    }
    return result;
  }

  /** The lease holds, and the share has been given: it is this replica's to say that it is over. */
  #isUsedUp(key: string, now: MonotonicMs, wall: WallMs): boolean {
    const share = this.#shares.shareOf(key, now, wall);
    return share !== null && (share.kind === 'count' || !share.isAwaited);
  }

  /** Its refusals are nothing to count: the leader is being asked. */
  #retry(charge: Charge, held: HeldResource, listener: AskListener): SpendResult {
    const { now, wall } = this.moment();
    const result = this.#shares.retryOn(held, charge.hits, now, wall);
    if (result !== SpendResult.ADMITTED) return result;
    this.counts.results.share += 1;
    readAdmitted(charge, held.share, wall);
    listener.spent();
    return result;
  }

  /** What waits for the leader is answered by its failure mode, now and from now on. */
  close(): void {
    this.questions.close();
    this.requests.clear();
  }

  /** The charge is not made: it reads what there is. */
  readOnly(charge: Charge, { share }: HeldResource, wall: WallMs): void {
    readOnly(charge, share, wall);
  }
}

/** Hits that can be admitted at once, whatever happens. */
function mostOf(quota: Quota): number {
  return quota.kind === 'rate' ? Math.min(quota.burst, quota.limit) : quota.limit;
}

/** A peek passes, and more than the whole limit never does. */
function alwaysOf(hits: number): SpendResult {
  return hits === 0 ? SpendResult.ADMITTED : SpendResult.OVER;
}
