/** How much of a limit is used while a load runs, and when all of it is. */
import { until } from '../../support/child.ts';
import { isLong } from '../form.ts';
import { perSecond } from './admitted.ts';
import type { FleetLoad } from './fleet-load.ts';
import { isAdmitted, type LeasedRule, type Traffic } from './traffic.ts';

/**
 * Of what is there, when more is wanted. Shares of a rate hold what comes in a tenth of a second: a machine that does
 * other things keeps a process waiting for longer now and then, and what does not fit is gone.
 */
export const USED_MIN = isLong ? 0.95 : 0.6;
/** Looked at so long: a second more or less is chance. */
const SPAN_MS = 2_000;
/** A session and the promises behind it last ten seconds, an election one or two. */
const FULL_MS_MAX = 25_000;

/** Admitted in each second of a span, by the callers' clock. */
export function admittedPerSecond(
  { load, traffic, rule }: Watched,
  fromMs: number,
  toMs: number,
): number[] {
  const admitted = [...traffic.answersOf(load, rule)].filter(isAdmitted);
  return perSecond(admitted, fromMs, toMs);
}

export interface Watched {
  readonly load: FleetLoad;
  readonly traffic: Traffic;
  readonly rule: LeasedRule;
}

/** Resolves, with the time, when the limit of the rule is in use, seen over some seconds from now on. */
export async function inFullUse(watched: Watched): Promise<number> {
  const fromMs = performance.now() + SPAN_MS;
  await until(
    () => (performance.now() < fromMs ? 0 : sharePerLimit(watched)),
    (share) => share >= USED_MIN,
    FULL_MS_MAX,
  );
  return performance.now();
}

/** Of calls due lately, admitted ones by what the limit allows in that time. */
function sharePerLimit({ load, traffic, rule }: Watched): number {
  const nowMs = performance.now();
  let admitted = 0;
  for (const answer of load.answersDue(nowMs - SPAN_MS, nowMs)) {
    if (traffic.ruleOf(answer.call) === rule && isAdmitted(answer)) admitted += 1;
  }
  return admitted / ((rule.limit * SPAN_MS) / 1000);
}

/** What one replica admits per second, lately. */
export function admittedBy(watched: Watched, target: number): number {
  const { load, traffic, rule } = watched;
  const nowMs = performance.now();
  let admitted = 0;
  for (const answer of load.answersDue(nowMs - SPAN_MS, nowMs)) {
    if (answer.target !== target || traffic.ruleOf(answer.call) !== rule) continue;
    if (isAdmitted(answer)) admitted += 1;
  }
  return admitted / (SPAN_MS / 1000);
}
