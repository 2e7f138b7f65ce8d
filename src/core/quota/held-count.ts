/**
 * A holder's share of a count quota: what was granted of the present window, what of it is spent and
 * what given back, as sums, so that a grant that is heard twice is no more than once. It ends with its
 * window: by the holder's clock a little early, never late.
 */
import type { DurationMs, MonotonicMs, WallMs } from '../time.ts';
import type { ReportItem } from './command.ts';
import type { Beyond, CountGrant } from './message.ts';
import { SpendResult } from './spend-result.ts';

/** Below this part of what it had after the last answer, a share runs low. */
const LOW_RATIO = 0.25;

export class HeldCount {
  readonly kind = 'count';
  #window: WallMs = -1;
  #endsAt: MonotonicMs = -Infinity;
  #granted = 0;
  #spent = 0;
  #givenBack = 0;
  /** Parts of the two above that are in reports already. */
  #spentTold = 0;
  #givenBackTold = 0;
  #isRevoked = false;
  #beyond: Beyond = 'ask';
  #free = 0;
  #lowMark = 0;

  /** Hits that may be spent now, if the lease holds and the window lasts. */
  get left(): number {
    return this.#granted - this.#spent - this.#givenBack;
  }

  /** Of `left`, what the ledger can take back: it believes to be spent what a report said once. */
  get returnable(): number {
    return this.#granted - Math.max(this.#spent, this.#spentTold) - this.#givenBack;
  }

  /** Hits of the window that nobody held when the last answer was made. */
  get free(): number {
    return this.#free;
  }

  get endsAt(): MonotonicMs {
    return this.#endsAt;
  }

  /** -1 before the first grant. */
  get window(): WallMs {
    return this.#window;
  }

  get isRevoked(): boolean {
    return this.#isRevoked;
  }

  /** It pays to ask before the next refresh. */
  isRunningLow(now: MonotonicMs): boolean {
    if (this.#beyond !== 'ask') return now >= this.#endsAt;
    return this.left <= this.#lowMark || now >= this.#endsAt;
  }

  spend(hits: number, now: MonotonicMs): SpendResult {
    if (now >= this.#endsAt) return SpendResult.SHORT;
    if (hits <= this.left && !this.#isRevoked) {
      this.#spent += hits;
      return SpendResult.ADMITTED;
    }
    if (this.#beyond === 'over') return SpendResult.OVER;
    return this.#beyond === 'leader' ? SpendResult.AT_LEADER : SpendResult.SHORT;
  }

  /**
   * Takes hits back that were spent of this window, which may be spent again; no more than were. Gives how
   * many. The ledger is told of it by nothing but a smaller use: what a report said stays said.
   */
  unspend(hits: number, now: MonotonicMs): number {
    if (now >= this.#endsAt) return 0;
    const back = Math.min(hits, this.#spent);
    this.#spent -= back;
    return back;
  }

  /** Spends as many of `hits` as there are; gives how many. */
  pay(hits: number, now: MonotonicMs): number {
    if (now >= this.#endsAt || this.#isRevoked) return 0;
    const paid = Math.min(hits, Math.max(0, this.left));
    this.#spent += paid;
    return paid;
  }

  /** What the ledger says now. `endsInMs` as the holder may use it, from `sentAt`. */
  adopt(grant: CountGrant, sentAt: MonotonicMs, endsInMs: DurationMs): void {
    if (grant.window < this.#window) return;
    if (grant.window > this.#window) this.#begin(grant);
    this.#granted = grant.granted;
    this.#endsAt = sentAt + endsInMs;
    this.#isRevoked = grant.isRevoked;
    this.#beyond = grant.beyond;
    this.#free = grant.free;
    this.#lowMark = Math.floor(this.left * LOW_RATIO);
  }

  /** Gives up what is left beyond `keep`: from now on it cannot be spent. */
  giveBack(keep: number): void {
    this.#givenBack += Math.max(0, Math.min(this.left - keep, this.returnable));
  }

  /** What no report has said yet; null when nothing. Once taken, it must be reported. */
  takeUntold(resource: string): ReportItem | null {
    const used = Math.max(0, this.#spent - this.#spentTold);
    const returned = this.#givenBack - this.#givenBackTold;
    if (used === 0 && returned === 0) return null;
    this.#spentTold += used;
    this.#givenBackTold = this.#givenBack;
    return { resource, window: this.#window, used, returned };
  }

  get hasUntold(): boolean {
    return this.#spent > this.#spentTold || this.#givenBack !== this.#givenBackTold;
  }

  /** A share that this object remembers nothing of: then the ledger's sums are all that was spent. */
  #begin({ window, used, returned }: CountGrant): void {
    this.#window = window;
    this.#spent = used;
    this.#spentTold = used;
    this.#givenBack = returned;
    this.#givenBackTold = returned;
  }
}
