/**
 * What failure mode `local` admitted of leased counts, to be spent of the share once there is one: so that what
 * was admitted without a lease is not admitted again by others, as far as its window still lasts. Rates are
 * not: a second later nobody would know of it.
 */

import { SHARES_PER_SESSION_MAX } from '../../core/quota/bounds.ts';
import type { HeldResource } from '../../core/quota/holder.ts';
import { SpendResult } from '../../core/quota/spend-result.ts';
import { msUntilReset, Unit } from '../../core/rules/unit.ts';
import type { WallMs } from '../../core/time.ts';
import type { Charge } from '../../limiter/counter-store.ts';
import type { LeasedShares } from './lease-port.ts';
import type { Moment } from './leased-decider.ts';

/** Each tracked limit one. */
const DEBTS_MAX = SHARES_PER_SESSION_MAX;

interface Debt {
  hits: number;
  readonly windowEnd: WallMs;
}

export class LocalDebts {
  readonly #debts = new Map<string, Debt>();
  /** Hits that were spent of shares later. */
  paidHits = 0;
  /** Hits whose window ended first, or that there was no room for. */
  lostHits = 0;

  /** Notes a charge that a local share answered: only what it admitted. */
  note({ key, unit, hits, isRefund, before, after, limit }: Charge, { wall }: Moment): void {
    if (unit === Unit.SECOND || isRefund || after > limit || after === before) return;
    const windowEnd = wall + msUntilReset(unit, wall);
    const known = this.#debts.get(key);
    if (known?.windowEnd === windowEnd) known.hits += hits;
    else if (known === undefined && this.#debts.size >= DEBTS_MAX) this.lostHits += hits;
    else {
      this.lostHits += known?.hits ?? 0;
      this.#debts.set(key, { hits, windowEnd });
    }
  }

  /** Shares may have come: to be called after an answer. */
  pay(shares: Pick<LeasedShares, 'find' | 'retryOn'>, moment: Moment): void {
    for (const [key, debt] of this.#debts) {
      const held = shares.find(key);
      if (moment.wall >= debt.windowEnd || held === undefined) {
        this.lostHits += debt.hits;
        this.#debts.delete(key);
        continue;
      }
      const paid = payOf(shares, held, debt.hits, moment);
      this.paidHits += paid;
      debt.hits -= paid;
      if (debt.hits === 0) this.#debts.delete(key);
    }
  }
}

/** All of it, or what there is: then the rest is asked for. */
function payOf(
  shares: Pick<LeasedShares, 'retryOn'>,
  held: HeldResource,
  hits: number,
  { now, wall }: Moment,
): number {
  const result = shares.retryOn(held, hits, now, wall);
  if (result === SpendResult.ADMITTED) return hits;
  const isSpendable = result !== SpendResult.LAPSED && held.share.kind === 'count';
  return isSpendable ? held.share.pay(hits, now) : 0;
}
