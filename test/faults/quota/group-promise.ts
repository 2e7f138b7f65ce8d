/** What a group promises whatever becomes of its replicas, from the callers' side and from its logs. */
import { expect } from 'vitest';
import { BURST_DIVISOR } from '../../../src/core/quota/leased-quota.ts';
import { isLong } from '../form.ts';
import { greatestExcess } from './admitted.ts';
import type { Fleet } from './fleet.ts';
import type { FleetAnswer } from './fleet-load.ts';
import { differing, leadersByTerm } from './group-log.ts';
import { isAdmitted, type LeasedRule } from './traffic.ts';

/**
 * Of calls that are far below their limit. A busy machine holds a process up for longer than its share's burst
 * lasts, and then some are turned away that came at once.
 */
const DENIED_SHARE_MAX = isLong ? 0 : 0.2;

/** Every call has a decision, degraded or not. */
export function expectAnswered(answers: Iterable<FleetAnswer>): void {
  const others: Record<string, number> = {};
  for (const { outcome } of answers) {
    if (outcome !== 'OK' && outcome !== 'OVER_LIMIT') others[outcome] = (others[outcome] ?? 0) + 1;
  }
  expect(others).toEqual({});
}

/** In any span of time at most its limit and its burst were admitted. Gives what the burst gave at most. */
export function expectWithinRate(answers: Iterable<FleetAnswer>, { limit }: LeasedRule): number {
  const excess = greatestExcess([...answers].filter(isAdmitted), limit / 1000);
  expect(excess, 'admitted beyond the rate in some span').toBeLessThanOrEqual(
    limit / BURST_DIVISOR,
  );
  return excess;
}

/** Nobody was turned away, or answered by a failure mode. Gives how many were. */
export function expectNoDenial(answers: Iterable<FleetAnswer>): number {
  const all = [...answers];
  const denied = all.filter((answer) => !isAdmitted(answer) || answer.degraded !== null);
  const text = `${denied.length} of ${all.length} denied, such as ${JSON.stringify(denied[0])}`;
  expect(all.length).toBeGreaterThan(0);
  expect(denied.length / all.length, text).toBeLessThanOrEqual(DENIED_SHARE_MAX);
  return denied.length;
}

/** What must hold of any group, whatever was done to it: by the voters' logs and numbers. */
export async function expectSound(fleet: Fleet): Promise<void> {
  const rivals = [...leadersByTerm(fleet.logs)].filter(([, leaders]) => leaders.size > 1);
  expect(rivals, 'terms with two leaders').toEqual([]);
  expect(differing(fleet.logs)).toEqual([]);
  expect(await fleet.sum('weir_quota_divergences_total')).toBe(0);
  expect(await fleet.sum('weir_quota_excess_hits_total')).toBe(0);
}
