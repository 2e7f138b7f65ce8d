/**
 * Works out, once per rule at load, everything about its counter key and stats path that does not
 * depend on the request. A literal rule ends with one constant key; a default or wildcard rule with
 * pieces between which the request's values go.
 */
import { nearThreshold } from '../counting/near-limit.ts';
import type { FailureMode } from '../verdict/failure-mode.ts';
import type { CompileOptions } from './domain-rules.ts';
import { formatFor, type KeyFormat } from './key-format.ts';
import type { LimitConfig } from './limits-file.ts';
import type { Rule } from './rule.ts';
import { compositeKey, NodeKind, type RuleNode } from './rule-node.ts';
import { Unit } from './unit.ts';

export interface RuleModes {
  readonly shadowMode: boolean;
  readonly quotaMode: boolean;
  readonly detailedMetric: boolean;
  readonly failureMode?: FailureMode;
  readonly isCritical?: boolean;
}

/** Attaches a rule to `node`, whose ancestors must be in place. */
export function attachRule(
  node: RuleNode,
  domain: string,
  parts: { readonly limit: LimitConfig; readonly modes: RuleModes },
  options: CompileOptions,
): void {
  const levels = pathTo(node);
  const path = levels.map(({ spec }) => compositeKey(spec)).join('.');
  const { limit, modes } = parts;
  const rule: Rule = {
    requestsPerUnit: limit.requestsPerUnit,
    unit: limit.unlimited ? Unit.UNKNOWN : limit.unit,
    name: limit.name,
    unlimited: limit.unlimited,
    shadowMode: modes.shadowMode,
    quotaMode: modes.quotaMode,
    replaces: limit.replaces,
    metadata: node.spec.metadata,
    failureMode: modes.failureMode ?? options.failureMode,
    isCritical: modes.isCritical ?? false,
    isLeased: limit.isLeased ?? false,
    nearThreshold: nearThreshold(limit.requestsPerUnit, options.nearLimitRatio),
    path,
    stats: options.bindStats(domain, path),
  };
  node.rule = Object.freeze(rule);
  if (!limit.unlimited)
    compileKey(node, levels, rule, { domain, format: formatFor(rule, options.keyFormat) });
  compileStats(node, levels, modes.detailedMetric);
}

/** The nodes from the domain's first level down to `node`. */
function pathTo(node: RuleNode): RuleNode[] {
  const levels: RuleNode[] = [];
  for (let at: RuleNode = node; at.parent !== null; at = at.parent) levels.unshift(at);
  return levels;
}

/** The value that replaces the request's own in the counter key, or null. */
export function sharedValue(node: RuleNode): string | null {
  const { kind, key, value, shareThreshold } = node.spec;
  if (!shareThreshold || kind === NodeKind.LITERAL || kind === NodeKind.DEFAULT) return null;
  return kind === NodeKind.VALUE_WILDCARD ? value : compositeKey({ key, value });
}

function compileKey(
  node: RuleNode,
  levels: readonly RuleNode[],
  rule: Rule,
  { domain, format }: { readonly domain: string; readonly format: KeyFormat },
): void {
  const pieces: string[] = [];
  const dynamicEntries: number[] = [];
  let piece = format.head(domain);
  for (const [index, level] of levels.entries()) {
    const { kind, key, value } = level.spec;
    if (kind === NodeKind.KEY_WILDCARD) node.hasDynamicKey = true;
    piece += format.keyPart(key);
    const constant = kind === NodeKind.LITERAL ? value : sharedValue(level);
    if (constant !== null) {
      piece += format.valuePart(constant, index === levels.length - 1);
    } else {
      pieces.push(piece);
      dynamicEntries.push(index);
      piece = '';
    }
  }
  pieces.push(piece);
  const keys = levels.map(({ spec }) => spec.key);
  node.keyScope = format.scope(domain, rule.unit, keys);
  node.keyPieces = pieces;
  if (dynamicEntries.length > 0) node.dynamicEntries = dynamicEntries;
}

/**
 * Stats path, most telling first: a shared pattern, else the request's value where `detailed_metric`
 * (the whole path) or `value_to_metric` (one level) asks for it, else what the file says.
 */
function compileStats(node: RuleNode, levels: readonly RuleNode[], isDetailed: boolean): void {
  const shared = levels.map((level) => {
    const value = sharedValue(level);
    return value === null ? null : `${level.spec.key}_${value}`;
  });
  const isDynamic = levels.some(
    ({ spec }, index) =>
      shared[index] === null &&
      spec.kind !== NodeKind.LITERAL &&
      (isDetailed || spec.valueToMetric),
  );
  if (!isDynamic) return;
  node.keepsEmptyValue = isDetailed && shared.every((part) => part === null);
  node.statParts = levels.map(({ spec }, index) => {
    if (isDetailed) return shared[index] ?? null;
    if (shared[index] !== null) return shared[index] as string;
    return spec.valueToMetric ? null : compositeKey(spec);
  });
}
