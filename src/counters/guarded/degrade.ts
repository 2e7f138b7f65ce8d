/** Answers in place of a store that cannot: a charge's reading, by its failure mode. */
import { msUntilReset, UNIT_SECONDS } from '../../core/rules/unit.ts';
import type { WallMs } from '../../core/time.ts';
import type { DegradedReason, FailureMode } from '../../core/verdict/failure-mode.ts';
import { type Charge, type ChargeGroup, ChargePolicy } from '../../limiter/counter-store.ts';
import type { MemoryCounterStore } from '../memory/memory-counter-store.ts';

export interface LocalShare {
  /** Counters of this process alone. */
  readonly store: MemoryCounterStore;
  /** Replicas that share a limit meanwhile: each grants that part of it. 1.. */
  readonly replicas: number;
  readonly now: () => WallMs;
}

/**
 * Writes readings into the charges that failed, but for those of mode `error`; true when none of those is
 * left. `open` reads as nothing counted, `closed` as over the limit, `local` as this process's own count
 * times the number of replicas.
 */
export function degrade(
  charges: readonly Charge[],
  reason: DegradedReason,
  local: LocalShare,
): boolean {
  let isServed = true;
  for (const charge of charges) {
    if (charge.failureMode === 'error') {
      isServed = false;
      continue;
    }
    charge.degraded = reason;
    answer(charge, charge.failureMode, local);
  }
  return isServed;
}

function answer(charge: Charge, mode: Exclude<FailureMode, 'error'>, local: LocalShare): void {
  if (mode === 'local') {
    answerLocally(charge, local);
    return;
  }
  charge.before = 0;
  charge.after = mode === 'open' || charge.isRefund ? 0 : charge.limit + Math.max(1, charge.hits);
  const isKnownUnit = (UNIT_SECONDS[charge.unit] ?? 0) > 0;
  charge.resetMs = isKnownUnit ? msUntilReset(charge.unit, local.now()) : 0;
}

function answerLocally(charge: Charge, { store, replicas }: LocalShare): void {
  const group: ChargeGroup = { charges: [charge], policy: ChargePolicy.ALL, failure: null };
  store.charge([group], { settled: () => {} });
  charge.before *= replicas;
  charge.after *= replicas;
}
