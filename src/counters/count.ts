/** Arithmetic on counts, the same in every store: never below 0, never beyond COUNT_MAX. */
import { type Charge, COUNT_MAX, type StoreFailure } from '../limiter/counter-store.ts';

/**
 * A group is failed with it when one of its charges names no unit: such a counter has no window.
 */
export const NO_UNIT: StoreFailure = {
  code: 'refused',
  text: 'charge of a counter without a unit',
};

/**
 * `count` with `hits` added, kept at COUNT_MAX. Both 0..COUNT_MAX, so the sum cannot round below
 * it.
 */
export function addHits(count: number, hits: number): number {
  const sum = count + hits;
  return sum > COUNT_MAX ? COUNT_MAX : sum;
}

/** `count` with `hits` given back, kept at 0. */
export function takeHits(count: number, hits: number): number {
  return count > hits ? count - hits : 0;
}

/** `count` after a charge that is made. */
export function countAfter(count: number, charge: Charge): number {
  return charge.isRefund ? takeHits(count, charge.hits) : addHits(count, charge.hits);
}

/** True when the charge, made on `count`, would pass its limit. A refund never does. */
export function wouldPass(count: number, charge: Charge): boolean {
  return !charge.isRefund && addHits(count, charge.hits) > charge.limit;
}
