/** Kinds of charges, and what a store's failures say of the store. */
import type { CallOutcome } from '../../core/breaker/breaker.ts';
import type { ChargeGroup } from '../../limiter/counter-store.ts';

/** Classes of command with a breaker each: a fault may hit writes and leave reads. */
export const COMMAND_CLASSES = ['check', 'refund', 'peek'] as const;
export type CommandClass = (typeof COMMAND_CLASSES)[number];

export function classOf(groups: readonly ChargeGroup[]): CommandClass {
  let isPeek = true;
  for (const { charges } of groups) {
    for (const { isRefund, hits } of charges) {
      if (isRefund) return 'refund';
      if (hits > 0) isPeek = false;
    }
  }
  return isPeek ? 'peek' : 'check';
}

/**
 * A refusal of single counters is no fault of the store; being overloaded is ours, too little time is
 * its caller's, and a breaker further in speaks for itself.
 */
export function outcomeOf(groups: readonly ChargeGroup[]): CallOutcome {
  let outcome: CallOutcome = 'success';
  for (const { failure } of groups) {
    if (failure === null || failure.code === 'refused') continue;
    const { code, isCallers } = failure;
    if (code === 'unavailable' || (code === 'timeout' && isCallers !== true)) return 'failure';
    outcome = 'ignored';
  }
  return outcome;
}

/** Of a store over several servers: it has failed when nothing was served, for whatever reason. */
export function wholeOutcomeOf(groups: readonly ChargeGroup[]): CallOutcome {
  let outcome: CallOutcome = 'ignored';
  for (const { charges, failure } of groups) {
    const failed = failure?.parts?.reduce((sum, part) => sum + part.charges.length, 0);
    if (failure === null || failure.code === 'refused') return 'success';
    if (failed !== undefined && failed < charges.length) return 'success';
    if (failure.code !== 'overloaded' && failure.isCallers !== true) outcome = 'failure';
  }
  return outcome;
}
