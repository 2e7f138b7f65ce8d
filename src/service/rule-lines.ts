/** The rules in force as the reference's /rlconfig shows them, one line for each rule. */
import type { RuleNode } from '../core/rules/rule-node.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import { UNIT_NAMES } from '../core/rules/unit.ts';

/** A generator, so that a hundred thousand rules can be written in slices. */
export function* ruleLines(set: RuleSet | null): Generator<string> {
  if (set === null) return;
  for (const rules of set.domains.values()) {
    yield* linesBelow(rules.root, rules.domain, rules.chargesWhole ? CHARGES_WHOLE : '');
  }
}

/** What the reference cannot say stands behind its own words. */
const CHARGES_WHOLE = ', charge: all_or_nothing';
const LEASED = ', quota: leased';

function* linesBelow(node: RuleNode, domain: string, end: string): Generator<string> {
  if (node.rule !== null) {
    const { path, unit, requestsPerUnit, shadowMode, quotaMode, isLeased } = node.rule;
    yield `${domain}.${path}: unit=${UNIT_NAMES[unit]} requests_per_unit=${requestsPerUnit}, ` +
      `shadow_mode: ${shadowMode}, quota_mode: ${quotaMode}${isLeased ? LEASED : ''}${end}`;
  }
  for (const child of node.children()) yield* linesBelow(child, domain, end);
}
