/** From readings to a verdict: the status of each descriptor and the code of the whole request. */
import {
  accountCharge,
  accountDegraded,
  accountKnownOver,
  accountRefused,
} from '../counting/account.ts';
import type { RuleStats } from '../counting/rule-stats.ts';
import type { Rule } from '../rules/rule.ts';
import { Code, REMAINING_UNLIMITED } from './answer.ts';
import type { Check } from './check.ts';

/**
 * Sets `code` and `remaining` of a check and counts it. A check is over when the counter has passed the
 * limit after its own hits, so a peek at exactly the limit is OK; a refund is always OK.
 */
export function settleCheck(check: Check): void {
  settle(check, false);
}

/**
 * Settles a request that is charged whole or not at all. When a check turns it away, that one counts all
 * its hits as over, and what was not charged because of it counts nothing.
 */
export function settleWhole(checks: readonly Check[]): void {
  const isRefused = checks.some(turnsAway);
  for (const check of checks) settle(check, isRefused);
}

function settle(check: Check, isRefused: boolean): void {
  const rule = check.rule;
  if (rule === null) return;
  if (rule.unlimited) {
    check.remaining = REMAINING_UNLIMITED;
    return;
  }
  if (check.isUnserved) return;
  const stats = check.stats as RuleStats;
  if (check.isKnownOver) {
    accountKnownOver(stats, rule, check.hits);
  } else if (isRefused) {
    if (turnsAway(check)) accountRefused(stats, check.hits);
  } else if (check.degraded !== null) {
    accountDegraded(stats, rule, check);
  } else if (!check.isRefund) {
    accountCharge(stats, rule, check.before, check.after);
  }
  if (isOver(check, rule)) check.code = rule.shadowMode ? Code.OK : Code.OVER_LIMIT;
  else if (check.left >= 0) check.remaining = check.left;
  else check.remaining = Math.max(0, rule.requestsPerUnit - check.after);
}

function turnsAway(check: Check): boolean {
  const { rule } = check;
  if (rule === null || rule.unlimited || check.isUnserved) return false;
  return check.isBinding && isOver(check, rule);
}

function isOver(check: Check, rule: Rule): boolean {
  if (check.isKnownOver) return true;
  return !check.isRefund && check.after > rule.requestsPerUnit;
}

/**
 * The overall code: over when any rule outside quota mode is over, or when there are quota rules and all
 * of them are over. With `isQuotaForAll` (QUOTA_MODE) every descriptor but an unlimited one is a quota
 * member, and one that matched nothing is a member that passes.
 */
export function overallCode(checks: readonly Check[], isQuotaForAll: boolean): Code {
  let quotas = 0;
  let quotasOver = 0;
  for (const { rule, code } of checks) {
    const isQuota = isQuotaForAll ? !rule?.unlimited : rule?.quotaMode === true && !rule.unlimited;
    const isOverLimit = code === Code.OVER_LIMIT;
    if (!isQuota) {
      if (isOverLimit) return Code.OVER_LIMIT;
      continue;
    }
    quotas++;
    if (isOverLimit) quotasOver++;
  }
  return quotas > 0 && quotasOver === quotas ? Code.OVER_LIMIT : Code.OK;
}
