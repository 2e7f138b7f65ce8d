/**
 * How a descriptor was matched, level by level, for a person to read. It walks with the same `step` as
 * the request path, so it cannot tell another story.
 */
import { Check } from '../verdict/check.ts';
import type { DomainRules } from './domain-rules.ts';
import type { Descriptor } from './request.ts';
import type { Rule } from './rule.ts';
import { compositeKey, type RuleNode } from './rule-node.ts';

export interface ExplainedLevel {
  /** The request's entry, as `key=value`. */
  readonly entry: string;
  /** What was compared, in order, the last one being what matched unless `matched` is null. */
  readonly tried: readonly string[];
  /** The node's key in the limits file (`key` or `key_value`), or null when the walk ended here. */
  readonly matched: string | null;
}

export interface Explanation {
  readonly levels: readonly ExplainedLevel[];
  /** The rule that applies, or null. */
  readonly rule: Rule | null;
  /** '' when nothing is counted. */
  readonly counterKey: string;
  /** Why no rule applies; '' when one does. */
  readonly reason: string;
}

export function explain(domain: DomainRules, descriptor: Descriptor): Explanation {
  const levels: ExplainedLevel[] = [];
  let node: RuleNode | null = domain.root;
  if (descriptor.limit === null) {
    for (const entry of descriptor.entries) {
      if (node === null) break;
      const next: RuleNode | null = node.step(entry);
      levels.push(explainLevel(node, next, entry));
      node = next;
    }
  }
  const check = new Check();
  domain.match(descriptor, check);
  const { rule, key: counterKey } = check;
  return { levels, rule, counterKey, reason: rule === null ? whyNone(node, levels) : '' };
}

function explainLevel(
  node: RuleNode,
  next: RuleNode | null,
  entry: { readonly key: string; readonly value: string },
): ExplainedLevel {
  const candidates = [
    `${entry.key}_${entry.value}`,
    ...node.wildcardsFor(entry.key).map((child) => compositeKey(child.node.spec)),
    entry.key,
  ];
  const matched = next === null ? null : compositeKey(next.spec);
  const last = matched === null ? -1 : candidates.indexOf(matched);
  const tried = last < 0 ? candidates : candidates.slice(0, last + 1);
  return { entry: `${entry.key}=${entry.value}`, tried, matched };
}

function whyNone(node: RuleNode | null, levels: readonly ExplainedLevel[]): string {
  if (levels.length === 0) return 'the descriptor has no entries';
  if (node === null) {
    const last = levels[levels.length - 1] as ExplainedLevel;
    return `no descriptor of the limits file fits ${last.entry} at this level`;
  }
  return 'the descriptor that matched has no rate_limit of its own';
}
