/** The rules in force as the reference's /rlconfig shows them, one line for each rule. */
import type { RuleNode } from '../core/rules/rule-node.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import { UNIT_NAMES } from '../core/rules/unit.ts';

/** A generator, so that a hundred thousand rules can be written in slices. */
export function* ruleLines(set: RuleSet | null): Generator<string> {
  if (set === null) return;
  for (const { domain, root } of set.domains.values()) yield* linesBelow(root, domain);
}

function* linesBelow(node: RuleNode, domain: string): Generator<string> {
  if (node.rule !== null) {
    const { path, unit, requestsPerUnit, shadowMode, quotaMode } = node.rule;
    yield `${domain}.${path}: unit=${UNIT_NAMES[unit]} requests_per_unit=${requestsPerUnit}, ` +
      `shadow_mode: ${shadowMode}, quota_mode: ${quotaMode}`;
  }
  for (const child of node.children()) yield* linesBelow(child, domain);
}
