/**
 * What one charge adds to a rule's counts. A request of several hits may lie partly within, partly near
 * and partly over its limit: each hit is counted where it fell (the reference's base limiter).
 */
import type { Rule } from '../rules/rule.ts';
import type { RuleStats } from './rule-stats.ts';

/** Counts a charge that took the counter from `before` to `after`. */
export function accountCharge(stats: RuleStats, rule: Rule, before: number, after: number): void {
  const { requestsPerUnit: limit, nearThreshold: near } = rule;
  const hits = after - before;
  if (after <= limit) {
    stats.withinLimit += hits;
    if (after > near) stats.nearLimit += before >= near ? hits : after - near;
    return;
  }
  let over = hits;
  if (before < limit) {
    over = after - limit;
    stats.nearLimit += limit - Math.max(near, before);
  }
  stats.overLimit += over;
  if (rule.shadowMode) stats.shadowMode += over;
}

/** Counts hits that the over-limit cache answered without a charge. */
export function accountKnownOver(stats: RuleStats, rule: Rule, hits: number): void {
  stats.overLimit += hits;
  stats.overLimitWithLocalCache += hits;
  if (rule.shadowMode) stats.shadowMode += hits;
}

/** Counts hits of a request that was turned away whole: whatever was left, none of them got in. */
export function accountRefused(stats: RuleStats, hits: number): void {
  stats.overLimit += hits;
}

/** Counts hits that were answered without the store: what they did to its counter is not known. */
export function accountDegraded(
  stats: RuleStats,
  rule: Rule,
  check: { readonly hits: number; readonly after: number; readonly isRefund: boolean },
): void {
  if (check.isRefund) return;
  if (check.after <= rule.requestsPerUnit) {
    stats.withinLimit += check.hits;
    return;
  }
  stats.overLimit += check.hits;
  if (rule.shadowMode) stats.shadowMode += check.hits;
}
