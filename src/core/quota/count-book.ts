/**
 * The ledger's page for a count quota. Invariants, whatever comes in which order:
 *
 * - `granted = used + returned + stranded + outstanding`, outstanding being the sum over all shares.
 * - `taken`, what of the present window is out or gone, never passes the limit by a grant (a limit that
 *   is lowered can leave it above).
 *
 * A window's end closes the page: the next opens with what is outstanding as granted. Shares of a former
 * window take nothing of the present one; each is stranded when its session gets one of a later window,
 * or ends. What an ended session had is stranded too: nobody knows how much of it was spent.
 */
import type { WallMs } from '../time.ts';
import {
  type Allocate,
  DONE,
  type Outcome,
  type ReportItem,
  refused,
  type SessionId,
} from './command.ts';
import { type CountQuota, windowOf } from './quota.ts';
import { type CountShare, outstandingOf } from './share.ts';

/** Sums of one window, and what was outstanding when it began. */
export interface CountTotals {
  readonly granted: number;
  readonly used: number;
  readonly returned: number;
  readonly stranded: number;
}

const NO_TOTALS: CountTotals = { granted: 0, used: 0, returned: 0, stranded: 0 };

export class CountBook {
  readonly kind = 'count';
  quota: CountQuota;
  readonly shares = new Map<SessionId, CountShare>();
  window: WallMs;
  taken = 0;
  totals = NO_TOTALS;

  constructor(quota: CountQuota, now: WallMs) {
    this.quota = quota;
    this.window = windowOf(quota, now);
  }

  get outstanding(): number {
    let sum = 0;
    for (const share of this.shares.values()) sum += outstandingOf(share);
    return sum;
  }

  /** What may be granted at `at`, which may be in a window that the page has not come to. */
  remainingAt(at: WallMs): number {
    if (windowOf(this.quota, at) > this.window) return this.quota.limit;
    return Math.max(0, this.quota.limit - this.taken);
  }

  /** Whether all that is outstanding has to come back, since the limit was lowered below it. */
  isOvertaken(at: WallMs): boolean {
    return windowOf(this.quota, at) <= this.window && this.taken > this.quota.limit;
  }

  /** Nobody holds a share, and no hit of the present window would be forgotten. */
  isIdleAt(at: WallMs): boolean {
    return this.shares.size === 0 && (this.taken === 0 || windowOf(this.quota, at) > this.window);
  }

  roll(now: WallMs): void {
    const window = windowOf(this.quota, now);
    if (window <= this.window) return;
    this.window = window;
    this.taken = 0;
    this.#open();
  }

  allocate({ session, amount }: Allocate, term: number, nextGeneration: number): Outcome {
    const given = Math.min(amount, this.remainingAt(this.window));
    const before = this.#presentShare(session);
    const granted = (before?.granted ?? 0) + given;
    if (given <= 0 || !Number.isSafeInteger(granted)) return refused('nothing-left');
    if (!Number.isSafeInteger(this.totals.granted + given)) this.#open();
    if (before === null) this.end(session);
    const { used, returned } = before ?? { used: 0, returned: 0 };
    const stamp = { term, generation: nextGeneration };
    this.shares.set(session, { ...stamp, window: this.window, granted, used, returned });
    this.taken += given;
    this.totals = { ...this.totals, granted: this.totals.granted + given };
    return { kind: 'shared', generation: nextGeneration, amount: given };
  }

  /** A decrease of a count share is made by its holder, when it is told that the limit is overtaken. */
  revoke(): Outcome {
    return refused('other-kind');
  }

  ack(): Outcome {
    return refused('other-kind');
  }

  /**
   * Counts what a holder says of its share of that window; of an earlier one nothing is left to count.
   * Gives the hits that it claims beyond what it had.
   */
  report(session: SessionId, { window, used, returned }: ReportItem): number {
    const share = this.shares.get(session);
    if (share?.window !== window) return 0;
    const left = outstandingOf(share);
    const spent = Math.min(used, left);
    const back = Math.min(returned, left - spent);
    this.shares.set(session, {
      ...share,
      used: share.used + spent,
      returned: share.returned + back,
    });
    if (window === this.window) this.taken -= back;
    const { totals } = this;
    this.totals = { ...totals, used: totals.used + spent, returned: totals.returned + back };
    return used + returned - spent - back;
  }

  /** Takes the session's share off the page. */
  end(session: SessionId): Outcome {
    const share = this.shares.get(session);
    if (share === undefined) return DONE;
    this.shares.delete(session);
    const stranded = this.totals.stranded + outstandingOf(share);
    this.totals = { ...this.totals, stranded };
    return DONE;
  }

  /** What is wrong with the page; null when nothing is. */
  problem(): string | null {
    const { granted, used, returned, stranded } = this.totals;
    const { outstanding } = this;
    if (granted !== used + returned + stranded + outstanding) {
      return `granted ${granted} is not ${used} + ${returned} + ${stranded} + ${outstanding}`;
    }
    let present = 0;
    for (const share of this.shares.values()) {
      if (outstandingOf(share) < 0 || share.window > this.window) return 'a share is out of bounds';
      if (share.window === this.window) present += share.granted - share.returned;
    }
    return this.taken < present ? `taken ${this.taken} is less than what is out, ${present}` : null;
  }

  #presentShare(session: SessionId): CountShare | null {
    const share = this.shares.get(session);
    return share?.window === this.window ? share : null;
  }

  #open(): void {
    this.totals = { ...NO_TOTALS, granted: this.outstanding };
  }
}
