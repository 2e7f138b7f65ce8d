/**
 * What failure mode `local` admitted of leased counts, to be spent of the share once there is one: so that what
 * was admitted without a lease is not admitted again by others, as far as its window still lasts. Rates are
 * not: a second later nobody would know of it. What a request owes that is refused after all is owed no more.
 */

import { SHARES_PER_SESSION_MAX } from '../../core/quota/bounds.ts';
import type { HeldCount } from '../../core/quota/held-count.ts';
import type { HeldResource } from '../../core/quota/holder.ts';
import { SpendResult } from '../../core/quota/spend-result.ts';
import { msUntilReset, Unit } from '../../core/rules/unit.ts';
import type { WallMs } from '../../core/time.ts';
import type { Charge } from '../../limiter/counter-store.ts';
import type { LeasedShares } from './lease-port.ts';
import type { Moment } from './leased-decider.ts';

/** Each tracked limit one. */
const DEBTS_MAX = SHARES_PER_SESSION_MAX;

/** Of one counter in one window, of all charges together. */
interface Debt {
  readonly key: string;
  readonly windowEnd: WallMs;
  /** Hits that are to be paid. */
  hits: number;
  paid: Paid | null;
}

/** Hits that a share paid in one of its windows. */
interface Paid {
  readonly share: HeldCount;
  readonly window: WallMs;
  hits: number;
}

/** A part of a debt: what one charge owes. */
export interface OwedHits {
  readonly debt: Debt;
  readonly hits: number;
}

type Shares = Pick<LeasedShares, 'find' | 'retryOn'>;

export class LocalDebts {
  readonly #debts = new Map<string, Debt>();
  /** Hits that were spent of shares later. */
  paidHits = 0;
  /** Hits whose window ended first, or that there was no room for. */
  lostHits = 0;

  /** Notes a charge that a local share answered: only what it admitted. Gives what is owed, if anything is. */
  note(charge: Charge, { wall }: Moment): OwedHits | null {
    const { key, unit, hits, isRefund, before, after, limit } = charge;
    if (unit === Unit.SECOND || isRefund || after > limit || after === before) return null;
    const windowEnd = wall + msUntilReset(unit, wall);
    const known = this.#debts.get(key);
    if (known?.windowEnd === windowEnd) {
      known.hits += hits;
      return { debt: known, hits };
    }
    if (known === undefined && this.#debts.size >= DEBTS_MAX) {
      this.lostHits += hits;
      return null;
    }
    if (known !== undefined) this.#lose(known);
    const debt: Debt = { key, windowEnd, hits, paid: null };
    this.#debts.set(key, debt);
    return { debt, hits };
  }

  /** Shares may have come: to be called after an answer. */
  pay(shares: Shares, moment: Moment): void {
    for (const debt of this.#debts.values()) {
      const held = shares.find(debt.key);
      if (moment.wall >= debt.windowEnd || held === undefined) {
        this.#lose(debt);
        continue;
      }
      const hits = payOf(shares, held, debt.hits, moment);
      if (hits > 0) this.#notePaid(debt, held.share as HeldCount, hits);
      if (debt.hits === 0) this.#debts.delete(debt.key);
    }
  }

  /** Nobody will pay it: the counter is in the store from now on. */
  lose(key: string): void {
    const debt = this.#debts.get(key);
    if (debt !== undefined) this.#lose(debt);
  }

  /** The request was refused: it owes nothing, and what the share paid of that meanwhile is spent no more. */
  takeBack({ debt, hits }: OwedHits, { now }: Moment): void {
    const { paid } = debt;
    const unpaid = Math.min(hits, debt.hits);
    debt.hits -= unpaid;
    if (debt.hits === 0 && this.#debts.get(debt.key) === debt) this.#debts.delete(debt.key);
    if (paid === null || paid.window !== paid.share.window) return;
    const back = Math.min(hits - unpaid, paid.hits);
    paid.hits -= back;
    paid.share.unspend(back, now);
  }

  #notePaid(debt: Debt, share: HeldCount, hits: number): void {
    const { window } = share;
    this.paidHits += hits;
    debt.hits -= hits;
    if (debt.paid?.share === share && debt.paid.window === window) debt.paid.hits += hits;
    else debt.paid = { share, window, hits };
  }

  #lose(debt: Debt): void {
    this.lostHits += debt.hits;
    debt.hits = 0;
    this.#debts.delete(debt.key);
  }
}

/** All of it, or what there is: then the rest is asked for. */
function payOf(shares: Shares, held: HeldResource, hits: number, { now, wall }: Moment): number {
  const result = shares.retryOn(held, hits, now, wall);
  if (result === SpendResult.ADMITTED) return hits;
  const isSpendable = result !== SpendResult.LAPSED && held.share.kind === 'count';
  return isSpendable ? held.share.pay(hits, now) : 0;
}
