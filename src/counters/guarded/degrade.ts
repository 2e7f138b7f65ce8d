/** Answers in place of a store that cannot: a charge's reading, by its failure mode. */
import type { WallMs } from '../../core/time.ts';
import { type DegradedReason, writeForced } from '../../core/verdict/failure-mode.ts';
import { type Charge, type ChargeGroup, ChargePolicy } from '../../limiter/counter-store.ts';
import { ownGroup } from '../groups.ts';
import type { MemoryCounterStore } from '../memory/memory-counter-store.ts';

export interface LocalShare {
  /** Counters of this process alone. */
  readonly store: MemoryCounterStore;
  /** Replicas that share a limit meanwhile: each grants that part of it. 1.. */
  readonly replicas: number;
  readonly now: () => WallMs;
}

/**
 * Writes readings into the charges of a group that failed, but for those of mode `error`; true when
 * none of those is left. Charges that are made whole or not at all are so in the local share, too.
 * `open` reads as nothing counted, `closed` as over the limit, `local` as this process's own count
 * times the number of replicas.
 */
export function degrade(group: ChargeGroup, reason: DegradedReason, local: LocalShare): boolean {
  let isServed = true;
  const locals: Charge[] = [];
  for (const charge of group.charges) {
    const mode = charge.failureMode;
    if (mode === 'error') {
      isServed = false;
      continue;
    }
    charge.degraded = reason;
    if (mode === 'local') locals.push(charge);
    else writeForced(charge, mode, local.now());
  }
  const isRefused = group.policy === ChargePolicy.ALL_OR_NOTHING && group.charges.some(isClosed);
  if (locals.length > 0) answerLocally(group, locals, { local, isRefused });
  return isServed;
}

/** Answers a whole group by this process's own share, whatever its failure modes: an operator said so. */
export function answerByShare(group: ChargeGroup, local: LocalShare): void {
  group.failure = null;
  for (const charge of group.charges) charge.degraded = 'override';
  answerLocally(group, group.charges, { local, isRefused: false });
}

/** Its failure mode turns the request away. */
function isClosed({ failureMode, isBinding, isRefund }: Charge): boolean {
  return failureMode === 'closed' && isBinding && !isRefund;
}

/**
 * From this process's counters, at the limit over the replicas: a count here stands for as many in
 * every replica.
 */
function answerLocally(
  group: ChargeGroup,
  charges: readonly Charge[],
  { local, isRefused }: { readonly local: LocalShare; readonly isRefused: boolean },
): void {
  const { store, replicas } = local;
  const isWhole = group.policy === ChargePolicy.ALL_OR_NOTHING;
  const shares = isWhole
    ? charges.map((its) => ({
        ...its,
        hits: isRefused && !its.isRefund ? 0 : its.hits,
        limit: Math.floor(its.limit / replicas),
      }))
    : charges;
  const policy = isWhole ? ChargePolicy.ALL_OR_NOTHING : ChargePolicy.ALL;
  const own = { ...ownGroup(shares), policy, requestId: group.requestId, isRepeat: false };
  store.charge([own], { settled: () => {} });
  if (own.isRepeat) group.isRepeat = true;
  for (const [index, charge] of charges.entries()) {
    const { before, after, resetMs } = shares[index] as Charge;
    charge.before = before * replicas;
    charge.after = after * replicas;
    charge.resetMs = resetMs;
  }
}
