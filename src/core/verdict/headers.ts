/** The RateLimit-* response headers (draft-polli-ratelimit-headers-00 form: one number each). */
import type { Rule } from '../rules/rule.ts';
import { Code, type Header } from './answer.ts';
import type { Check } from './check.ts';

export interface HeaderNames {
  readonly limit: string;
  readonly remaining: string;
  readonly reset: string;
}

/**
 * The descriptor that speaks in the headers: the one with the least remaining, the first on ties; but
 * each descriptor that is over outside quota mode takes over, the last of them for good. Null when no
 * descriptor has a limit.
 */
export function speakingCheck(checks: readonly Check[], isQuotaForAll: boolean): Check | null {
  let least: Check | null = null;
  let over: Check | null = null;
  for (const check of checks) {
    const { rule } = check;
    if (rule === null || rule.unlimited) continue;
    if (check.code === Code.OVER_LIMIT && !(isQuotaForAll || rule.quotaMode)) over = check;
    if (least === null || check.remaining < least.remaining) least = check;
  }
  return over ?? least;
}

/** The three headers of the speaking descriptor, or null when none has a limit. */
export function limitHeaders(
  checks: readonly Check[],
  names: HeaderNames,
  isQuotaForAll: boolean,
): Header[] | null {
  const check = speakingCheck(checks, isQuotaForAll);
  if (check === null) return null;
  return [
    { key: names.limit, value: String((check.rule as Rule).requestsPerUnit) },
    { key: names.remaining, value: String(check.remaining) },
    { key: names.reset, value: String(check.resetSeconds) },
  ];
}
