/**
 * Charges that were made and must not be, since another part of their group is over or failed: they
 * read as not made at once, and are given back behind the answer, at most once. One that fails is lost:
 * its counter stays too high until its window ends, and admits that much too little.
 */
import type { MonotonicMs } from '../../core/time.ts';
import {
  type Charge,
  type ChargeGroup,
  ChargePolicy,
  type CounterStore,
} from '../../limiter/counter-store.ts';
import { takeHits } from '../count.ts';
import { ownCharge, ownGroup } from '../groups.ts';

/** Clocks tell whole milliseconds, of which two take part. */
const CLOCKS_MS = 2;

export class GiveBack<Part extends ChargeGroup> {
  readonly part: Part;
  /** For each charge of the part a refund of exactly what it made; of 0 where it made nothing. */
  readonly #refunds: readonly Charge[];

  /** Makes the part's charges read as not made. */
  constructor(part: Part) {
    this.part = part;
    this.#refunds = part.charges.map(refundOf);
    readAsNotMade(part.charges);
  }

  get hits(): number {
    return hitsOf(this.#refunds);
  }

  /**
   * What to charge for it now, of a part that was sent at `startedAt` or later. A refund must not hit
   * the next window: the counter was charged between the two times, so its window lasts until
   * `startedAt + resetMs` at least, and a store knows its server's clock to within the time between
   * them. Where there is an id, the store itself knows the window.
   */
  groups(startedAt: MonotonicMs, now: MonotonicMs): ChargeGroup[] {
    const { requestId } = this.part;
    if (requestId !== '') {
      return [{ ...ownGroup(this.#refunds), policy: ChargePolicy.GIVE_BACK, requestId }];
    }
    const margin = now - startedAt + CLOCKS_MS;
    return this.#refunds
      .filter(({ hits }) => hits > 0)
      .map((its) => ({ ...ownGroup([its]), deadlineMs: startedAt + its.resetMs - margin }))
      .filter(({ deadlineMs }) => deadlineMs > now);
  }
}

/** When what is given back was made, at the earliest, and what the time is. */
export interface GiveBackTimes {
  readonly startedAt: MonotonicMs;
  readonly now: MonotonicMs;
}

/** Makes them, and counts what became of them. */
export class GiveBackCounts {
  givenBackHits = 0;
  /** Given up: too late for the window, refused, or of unknown outcome. */
  lostHits = 0;

  /** Each where its part was made. To be called behind the answer, before its caller acts upon that. */
  make<Part extends ChargeGroup>(
    backs: readonly GiveBack<Part>[],
    { startedAt, now }: GiveBackTimes,
    storeOf: (part: Part) => Pick<CounterStore, 'charge'> | undefined,
  ): void {
    for (const back of backs) {
      const groups = back.groups(startedAt, now);
      this.begun(back.hits, groups);
      if (groups.length > 0) storeOf(back.part)?.charge(groups, this);
    }
  }

  /** `sent` of so many hits; the others were too late already. */
  begun(hits: number, sent: readonly ChargeGroup[]): void {
    this.lostHits += hits - groupHits(sent);
  }

  readonly settled = (groups: readonly ChargeGroup[]): void => {
    for (const group of groups) {
      if (group.failure === null) this.givenBackHits += hitsOf(group.charges);
      else this.lostHits += hitsOf(group.charges);
    }
  };
}

/** Each counter as the first of its charges found it. */
export function countsBefore(charges: readonly Charge[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { key, before } of charges) if (!counts.has(key)) counts.set(key, before);
  return counts;
}

function groupHits(groups: readonly ChargeGroup[]): number {
  return groups.reduce((sum, { charges }) => sum + hitsOf(charges), 0);
}

function hitsOf(charges: readonly Charge[]): number {
  return charges.reduce((sum, { hits }) => sum + hits, 0);
}

function refundOf(charge: Charge): Charge {
  const { unit, isRefund, before, after, resetMs } = charge;
  return { ...ownCharge(charge, unit, isRefund ? 0 : after - before), isRefund: true, resetMs };
}

/** Refunds are made, whatever becomes of the others. */
function readAsNotMade(charges: readonly Charge[]): void {
  const counts = countsBefore(charges);
  for (const charge of charges) {
    const before = counts.get(charge.key) as number;
    charge.before = before;
    charge.after = charge.isRefund ? takeHits(before, charge.hits) : before;
    counts.set(charge.key, charge.after);
  }
}
