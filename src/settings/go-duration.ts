/**
 * Durations as Go's `time.ParseDuration` writes them, since the reference's variables are so
 * written: decimal numbers each with a unit, `24h`, `1m30s`, `1.5ms`, and `0` alone.
 */
import type { DurationMs } from '../core/time.ts';

/** Milliseconds of each unit. `µ` comes in two code points, as in Go. */
const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  '\u00b5s': 1e-3,
  '\u03bcs': 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go keeps durations as int64 nanoseconds; what does not fit is no duration. */
const LARGEST_MS = 9_223_372_036_854.775;
/** Longer texts are refused before they are matched. */
const TEXT_LENGTH_MAX = 64;

const WHOLE = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+$/;
const PART = /(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/g;

/** Milliseconds (a fraction for units below), or null when the text is no duration. */
export function parseGoDuration(text: string): DurationMs | null {
  if (text.length > TEXT_LENGTH_MAX) return null;
  if (/^[+-]?0$/.test(text)) return 0;
  if (!WHOLE.test(text)) return null;
  let sum = 0;
  for (const [, number, unit] of text.matchAll(PART)) {
    sum += Number(number) * (UNIT_MS[unit as string] as number);
  }
  if (sum > LARGEST_MS) return null;
  return text.startsWith('-') ? -sum : sum;
}

/** Milliseconds as a person would write them: `90000` is `1m30s`, `0` is `0s`. */
export function formatDuration(ms: DurationMs): string {
  if (ms < 1000) return ms === 0 ? '0s' : `${ms}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor((ms % 3_600_000) / 60_000);
  const seconds = (ms % 60_000) / 1000;
  return `${hours > 0 ? `${hours}h` : ''}${minutes > 0 ? `${minutes}m` : ''}${
    seconds > 0 ? `${seconds}s` : ''
  }`;
}
