/**
 * A group whose counters live in several places (stores, nodes of a cluster) is charged in parts, one
 * for each place. The parts hold the charges of the group itself, so readings need no copying.
 */
import { isUnit } from '../../core/rules/unit.ts';
import type { MonotonicMs } from '../../core/time.ts';
import type {
  Charge,
  ChargeGroup,
  ChargePolicy,
  StoreFailure,
} from '../../limiter/counter-store.ts';
import { NO_UNIT } from '../count.ts';

export class PartGroup implements ChargeGroup {
  /** Number of the place that all its counters live in. */
  readonly place: number;
  readonly charges: readonly Charge[];
  readonly policy: ChargePolicy;
  readonly deadlineMs: MonotonicMs;
  readonly requestId: string;
  failure: StoreFailure | null = null;

  constructor(place: number, charges: readonly Charge[], of: PartOf) {
    this.place = place;
    this.charges = charges;
    this.policy = of.policy;
    this.deadlineMs = of.deadlineMs;
    this.requestId = of.requestId;
  }
}

/** What a part takes over from its group. */
export type PartOf = Pick<ChargeGroup, 'policy' | 'deadlineMs' | 'requestId'>;

export type PlaceOf = (charge: Charge) => number;

/**
 * The group's charges by place, in the order in which the places are first named; charges of one place
 * keep theirs. Nearly every group has one place: then its own array is all there is. None when there
 * is nothing to charge, and the group is settled already: it is empty, or one of several places cannot
 * but refuse its part.
 */
export function chargesByPlace(
  group: ChargeGroup,
  placeOf: PlaceOf,
): readonly (readonly [place: number, charges: readonly Charge[]])[] {
  const { charges } = group;
  group.failure = null;
  if (charges.length === 0) return [];
  const first = placeOf(charges[0] as Charge);
  let same = 1;
  while (same < charges.length && placeOf(charges[same] as Charge) === first) same += 1;
  if (same === charges.length) return [[first, charges]];
  if (!charges.every(({ unit }) => isUnit(unit))) {
    group.failure = NO_UNIT;
    return [];
  }
  const places = new Map<number, Charge[]>([[first, charges.slice(0, same)]]);
  for (let index = same; index < charges.length; index += 1) {
    const charge = charges[index] as Charge;
    const place = placeOf(charge);
    const its = places.get(place);
    if (its === undefined) places.set(place, [charge]);
    else its.push(charge);
  }
  return [...places];
}
