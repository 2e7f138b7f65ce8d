/** Groups of charges that a store makes itself, and what groups have in common in every store. */
import type { Unit } from '../core/rules/unit.ts';
import {
  type Charge,
  type ChargeGroup,
  ChargePolicy,
  type CounterName,
} from '../limiter/counter-store.ts';
import { addHits, takeHits } from './count.ts';

/** A group of a store's own: nobody waits for it, and nobody repeats it. */
export function ownGroup(charges: readonly Charge[]): ChargeGroup {
  return { charges, policy: ChargePolicy.ALL, deadlineMs: 0, requestId: '', failure: null };
}

/** True when some charges of the group depend on what others read: it is charged as one step. */
export function isDependent({ policy, charges }: ChargeGroup): boolean {
  if (policy === ChargePolicy.ALL_OR_NOTHING) return true;
  return policy === ChargePolicy.STOP_WHEN_OVER && charges.length > 1;
}

/** Refunds and critical rules go before others when there is not room for all. */
export function isVital(groups: readonly ChargeGroup[]): boolean {
  return groups.some(({ charges }) => charges.some((its) => its.isRefund || its.isCritical));
}

/**
 * What names a request's charges, for a retry to be known by: the caller's id and the counters, as
 * text without two readings. A refund is no retry of the charge that it is for, whose id it may bear;
 * what is given back is known as the charge that was made.
 */
export function requestKey({ requestId, charges, policy }: ChargeGroup): string {
  const isRefund = policy !== ChargePolicy.GIVE_BACK && charges.every((its) => its.isRefund);
  let key = `${isRefund ? '-' : ''}${requestId.length}:${requestId}`;
  for (const charge of charges) key += `,${charge.unit}${charge.key.length}:${charge.key}`;
  return key;
}

/**
 * ALL_OR_NOTHING, on the counters as `before` says they are: for each charge the count after it were
 * all made, and whether it would pass its limit. Charges of one counter add up.
 */
export function tryOut(
  charges: readonly Charge[],
  before: readonly number[],
): { readonly after: number; readonly isOver: boolean }[] {
  const counts = new Map<string, number>();
  return charges.map(({ key, hits, isRefund, isBinding, limit }, index) => {
    const found = before[index] as number;
    const count = counts.get(key) ?? found;
    const after = isRefund ? takeHits(count, hits) : addHits(count, hits);
    counts.set(key, after);
    return { after, isOver: !isRefund && isBinding && after > limit };
  });
}

/** A charge of a store's own: it must not be shed, and nobody is answered in its place. */
export function ownCharge(name: CounterName, unit: Unit, hits: number): Charge {
  const { key, scope, rest } = name;
  return {
    key,
    scope,
    rest,
    unit,
    limit: 0,
    hits,
    isRefund: false,
    isBinding: false,
    failureMode: 'error',
    isCritical: true,
    isLeased: false,
    degraded: null,
    before: 0,
    after: 0,
    resetMs: 0,
  };
}
