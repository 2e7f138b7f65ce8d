/**
 * How well a replica is, 0..1, as it says itself with each lease request: its weight when a rate is shared out.
 * It is a product, so each trouble alone tells. Never quite 0: who gets nothing could not show that it is
 * well again. A replica that says nothing at all loses its session instead.
 */
import type { QuotaOptions } from '../../core/quota/options.ts';
import type { DurationMs } from '../../core/time.ts';

export interface HealthReadings {
  /** Since the leader last answered it; 0 before it ever asked. */
  readonly answerAgeMs: DurationMs;
  readonly loopLagMs: DurationMs;
  /** Of its decisions, the part that the store could not serve. 0..1. */
  readonly errorRatio: number;
  readonly isStoreHealthy: boolean;
}

const SCORE_MIN = 0.05;
/** A loop that is late by less is only busy. */
const LAG_MS_FINE = 20;
/** And by so much cannot keep anybody's deadline. */
const LAG_MS_BAD = 500;
/** Without the store it decides leased rules still, and nothing else. */
const STORELESS = 0.5;

export function healthScore(
  readings: HealthReadings,
  { renewMs, ttlMs }: Pick<QuotaOptions, 'renewMs' | 'ttlMs'>,
): number {
  const { answerAgeMs, loopLagMs, errorRatio, isStoreHealthy } = readings;
  const score =
    falling(answerAgeMs, 2 * renewMs, ttlMs) *
    falling(loopLagMs, LAG_MS_FINE, LAG_MS_BAD) *
    (1 - Math.min(1, Math.max(0, errorRatio))) *
    (isStoreHealthy ? 1 : STORELESS);
  return Math.max(SCORE_MIN, score);
}

/** 1 up to `fine`, then evenly down to 0 at `bad`. */
function falling(value: number, fine: number, bad: number): number {
  return Math.min(1, Math.max(0, (bad - value) / (bad - fine)));
}
