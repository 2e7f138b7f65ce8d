/**
 * Thresholds of the breakers, one variable each, for every class of command or class by class:
 * `0.5`, or `0.5,refund=0.8,peek=0.3`. What is not named has the first value.
 */
import type { BreakerOptions } from '../core/breaker/options.ts';
import { formatDuration, parseGoDuration } from './go-duration.ts';
import { quotable } from './parse-value.ts';
import type { BREAKER_ROWS } from './rows-breaker.ts';
import type { Values } from './table.ts';

export const BREAKER_CLASSES = ['check', 'refund', 'peek'] as const;
type BreakerClass = (typeof BREAKER_CLASSES)[number];
export type BreakerThresholds = Readonly<Record<BreakerClass, Partial<BreakerOptions>>>;

type BreakerVariable = (typeof BREAKER_ROWS)[number]['name'];

interface Threshold {
  readonly option: keyof BreakerOptions;
  readonly kind: 'whole' | 'ratio' | 'duration';
  /** Both included; of a duration in ms. */
  readonly min: number;
  readonly max: number;
}

const THRESHOLDS: Readonly<Record<BreakerVariable, Threshold>> = {
  REDIS_BREAKER_WINDOW: { option: 'windowMs', kind: 'duration', min: 100, max: 600_000 },
  REDIS_BREAKER_CALLS_MIN: { option: 'callsMin', kind: 'whole', min: 1, max: 1_000_000 },
  REDIS_BREAKER_FAILURE_RATIO: { option: 'failureRatio', kind: 'ratio', min: 0.001, max: 1 },
  REDIS_BREAKER_FAILURES_IN_ROW: { option: 'failuresInRow', kind: 'whole', min: 1, max: 1_000_000 },
  REDIS_BREAKER_SLOW: { option: 'slowMs', kind: 'duration', min: 0.1, max: 60_000 },
  REDIS_BREAKER_SLOW_RATIO: { option: 'slowRatio', kind: 'ratio', min: 0.001, max: 1 },
  REDIS_BREAKER_PROBES: { option: 'probeCount', kind: 'whole', min: 1, max: 1000 },
  REDIS_BREAKER_PROBE_TIMEOUT: { option: 'probeTimeoutMs', kind: 'duration', min: 1, max: 60_000 },
  REDIS_BREAKER_BACKOFF_MIN: { option: 'backoffBaseMs', kind: 'duration', min: 10, max: 600_000 },
  REDIS_BREAKER_BACKOFF_MAX: { option: 'backoffMaxMs', kind: 'duration', min: 10, max: 600_000 },
  REDIS_BREAKER_RAMP: { option: 'rampMs', kind: 'duration', min: 0, max: 600_000 },
};

/** What is set, by class; problems go to `problems`. */
export function breakerThresholds(values: Values, problems: string[]): BreakerThresholds {
  const breakers = { check: {}, refund: {}, peek: {} };
  for (const [name, threshold] of Object.entries(THRESHOLDS)) {
    const text = values[name as BreakerVariable];
    if (text === '') continue;
    const parsed = parseByClass(text, threshold);
    if (parsed === null) problems.push(problemText(name, text, threshold));
    else
      for (const its of BREAKER_CLASSES)
        Object.assign(breakers[its], { [threshold.option]: parsed[its] });
  }
  const { REDIS_BREAKER_BACKOFF_MIN: least, REDIS_BREAKER_BACKOFF_MAX: most } = values;
  for (const its of BREAKER_CLASSES) {
    const { backoffBaseMs, backoffMaxMs } = breakers[its] as Partial<BreakerOptions>;
    if (backoffBaseMs === undefined || backoffMaxMs === undefined) continue;
    if (backoffBaseMs <= backoffMaxMs) continue;
    problems.push(
      `REDIS_BREAKER_BACKOFF_MIN=${least} must not be above REDIS_BREAKER_BACKOFF_MAX=${most}`,
    );
    break;
  }
  return breakers;
}

function parseByClass(
  text: string,
  threshold: Threshold,
): Readonly<Record<BreakerClass, number>> | null {
  const [forAll = '', ...rest] = text.split(',');
  const first = parseOne(forAll, threshold);
  if (first === null) return null;
  const byClass = { check: first, refund: first, peek: first };
  for (const part of rest) {
    const [name = '', value = ''] = part.trim().split('=');
    const its = BREAKER_CLASSES.find((known) => known === name);
    const number = parseOne(value, threshold);
    if (its === undefined || number === null) return null;
    byClass[its] = number;
  }
  return byClass;
}

function parseOne(text: string, { kind, min, max }: Threshold): number | null {
  const trimmed = text.trim();
  const isPlain = kind === 'whole' ? /^\d{1,9}$/ : /^(?:\d{1,9}(?:\.\d{1,9})?|\.\d{1,9})$/;
  const number = kind === 'duration' ? parseGoDuration(trimmed) : numberOf(trimmed, isPlain);
  return number !== null && number >= min && number <= max ? number : null;
}

function numberOf(text: string, form: RegExp): number | null {
  return form.test(text) ? Number(text) : null;
}

function problemText(name: string, text: string, { kind, min, max }: Threshold): string {
  const [from, to] =
    kind === 'duration' ? [formatDuration(min), formatDuration(max)] : [String(min), String(max)];
  const noun = { whole: 'a whole number', ratio: 'a number', duration: 'a duration' }[kind];
  const example = { whole: '20,peek=50', ratio: '0.5,refund=0.8', duration: '500ms,peek=1s' }[kind];
  return (
    `${name}=${quotable(text)} must be ${noun} from ${from} to ${to}, which may be followed by ` +
    `others for single classes (${BREAKER_CLASSES.join(', ')}); for example ${name}=${example}`
  );
}
