/** `replaces`: a rule that matched switches off the rules of the same request that it names. */
import type { Check } from './check.ts';

/**
 * Drops every check whose rule is named by another's `replaces`. Names are collected first, so two
 * rules that replace each other are both dropped. An unlimited rule replaces others but is never dropped:
 * there is nothing about it to switch off.
 */
export function applyReplaces(checks: readonly Check[]): void {
  let replaced: Set<string> | null = null;
  for (const { rule } of checks) {
    if (rule === null || rule.replaces.length === 0) continue;
    replaced ??= new Set();
    for (const name of rule.replaces) replaced.add(name);
  }
  if (replaced === null) return;
  for (const check of checks) {
    const { rule } = check;
    if (rule !== null && !rule.unlimited && replaced.has(rule.name)) check.drop();
  }
}
