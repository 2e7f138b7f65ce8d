/** What Weir promises whatever Redis does, as the callers see it. */
import { expect } from 'vitest';
import { FORM, isLong } from './form.ts';
import { lateShares } from './late-shares.ts';
import { recordRow } from './record.ts';
import { answersByUser, answersOf, type Scene, sum } from './scene.ts';

export interface PromiseOptions {
  /** For the table of a long run. */
  readonly row: string;
  /** Outcomes that are right; OK alone when absent. */
  readonly outcomes?: readonly string[];
  /** The callers' own deadline where it is nearer than REDIS_TIMEOUT. */
  readonly deadlineMs?: number;
  readonly recoveryMs?: number;
}

/** Every call answered, in time, as it should be; memory bounded. */
export function expectKept(scene: Scene, options: PromiseOptions): void {
  const { report, watch } = scene;
  const { outcomes = ['OK'], deadlineMs = FORM.deadlineMs, recoveryMs } = options;
  if (isLong) recordRow(scene, { row: options.row, deadlineMs, recoveryMs: recoveryMs ?? null });
  const summary = report.summary();
  const wrong = Object.keys(summary.outcomes).filter((outcome) => !outcomes.includes(outcome));
  expect(wrong, JSON.stringify(summary.outcomes)).toEqual([]);
  for (const { overMs, shareMax } of FORM.late) {
    const late = lateShares(report, deadlineMs, overMs);
    expect(
      late.calls,
      `share of calls later than ${deadlineMs} + ${overMs} ms`,
    ).toBeLessThanOrEqual(shareMax + 2 * late.controls);
  }
  expect(watch.growthBytes).toBeLessThan(FORM.growthBytesMax);
  if (recoveryMs !== undefined) expect(recoveryMs).toBeLessThan(FORM.recoveryMsMax);
}

/**
 * What local shares admitted is either in Redis or said to be lost: by the service's numbers, each hit
 * once. `unknownMax` where the documentation allows hits whose fate is not found out.
 */
export function expectAccountedFor({ report, watch }: Scene): void {
  const admitted = [...answersOf(report)].filter(
    ({ degraded, outcome }) => degraded !== null && outcome === 'OK',
  ).length;
  const { replayed, confirmed, lost, unknown } = watch.last.local;
  expect({ lost, unknown, found: replayed + confirmed }).toEqual({
    lost: 0,
    unknown: 0,
    found: admitted,
  });
}

/** Each user's count in Redis is what was asked for: no hit lost, none charged twice. */
export function expectAllCounted({ report }: Scene, counted: readonly number[]): void {
  const asked = answersByUser(report, () => true);
  expectCounts(counted, asked);
}

/** Names the users whose counts differ, and no others. */
export function expectCounts(counted: readonly number[], wanted: readonly number[]): void {
  const wrong = wanted.flatMap((count, user) =>
    counted[user] === count ? [] : [`user-${user}: ${counted[user]} counted, ${count} wanted`],
  );
  expect(wrong).toEqual([]);
}

/** What replication may lack when a primary is gone at once: it runs some milliseconds behind. */
const LAG_MS_MAX = 200;

export interface Followed {
  /** By user, at the primaries that are there afterwards. */
  readonly counted: readonly number[];
  readonly causedMs: number;
  /** When the primary that is there afterwards was promoted; Infinity when it was not the first. */
  readonly untilMs: number;
}

/**
 * After a failover: nothing is counted twice, what is missing is what the service says that Redis lost, to
 * the hit, and it was answered by the old primary in the time that replication had no more for, or just
 * before it was left.
 */
export function expectFollowed({ report, watch }: Scene, followed: Followed): void {
  const { counted, causedMs, untilMs } = followed;
  const asked = answersByUser(report, () => true);
  const doubled = counted.flatMap((count, user) =>
    count > (asked[user] as number) ? [`user-${user}: ${count} counted, ${asked[user]} asked`] : [],
  );
  expect(doubled).toEqual([]);
  const mayBeMissing = answersByUser(
    report,
    ({ answeredMs, degraded }) =>
      degraded === null && answeredMs > causedMs - LAG_MS_MAX && answeredMs < untilMs + LAG_MS_MAX,
  );
  const missing = sum(asked) - sum(counted);
  expect(missing).toBeLessThanOrEqual(sum(mayBeMissing));
  const saidLost = watch.last.sum('weir_redis_lost_hits_total');
  // What the first of two new primaries lacked, and is lost there, the second may have after all.
  if (untilMs === Infinity) expect(saidLost).toBeGreaterThanOrEqual(missing);
  else expect(saidLost).toBe(missing);
  const { lost, unknown } = watch.last.local;
  expect({ lost, unknown }).toEqual({ lost: 0, unknown: 0 });
}
