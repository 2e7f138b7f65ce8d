/**
 * The compiled rules of one domain, and the compiler that builds them from the pre-order list of
 * descriptors. A domain is never changed after `finish`: a reload builds a new one beside it.
 */
import { nearThreshold } from '../counting/near-limit.ts';
import type { RuleStats } from '../counting/rule-stats.ts';
import type { Check } from '../verdict/check.ts';
import type { FailureMode } from '../verdict/failure-mode.ts';
import { formatFor, type KeyFormat } from './key-format.ts';
import type { DescriptorConfig } from './limits-file.ts';
import { attachRule, sharedValue } from './node-compiler.ts';
import type { Descriptor, Entry, LimitOverride } from './request.ts';
import type { Rule } from './rule.ts';
import { NodeKind, nodeKind, RuleNode } from './rule-node.ts';
import type { Unit } from './unit.ts';

export interface CompileOptions {
  readonly keyFormat: KeyFormat;
  /** NEAR_LIMIT_RATIO, 0..1. */
  readonly nearLimitRatio: number;
  /** STORE_FAILURE_MODE: of rules whose file says nothing, and of overrides. */
  readonly failureMode: FailureMode;
  /** For paths that limits files name. */
  readonly bindStats: (domain: string, path: string) => RuleStats;
  /** For paths that hold values of a request. */
  readonly bindCallerStats: (domain: string, path: string) => RuleStats;
}

/** What was compiled. */
interface CompiledTree {
  readonly root: RuleNode;
  readonly ruleCount: number;
  readonly leased: readonly RuleNode[];
  readonly chargesWhole: boolean;
}

export class DomainRules {
  readonly domain: string;
  /** The domain itself: its children are the first level. */
  readonly root: RuleNode;
  /** Number of rules, i.e. of descriptors with a rate_limit. */
  readonly ruleCount: number;
  /** Nodes of those with `quota: leased`. */
  readonly leased: readonly RuleNode[];
  /** `charge: all_or_nothing`: the charges of one request are made whole or not at all. */
  readonly chargesWhole: boolean;
  readonly #options: CompileOptions;

  constructor(domain: string, tree: CompiledTree, options: CompileOptions) {
    this.domain = domain;
    this.root = tree.root;
    this.ruleCount = tree.ruleCount;
    this.leased = tree.leased;
    this.chargesWhole = tree.chargesWhole;
    this.#options = options;
  }

  /**
   * Fills `check` with the rule for `descriptor`, its counter key and where it is counted; leaves it as
   * it is when no rule applies. An override must have a known unit (see `isUnit`): check it before.
   */
  match(descriptor: Descriptor, check: Check): void {
    const { entries, limit } = descriptor;
    if (limit !== null) {
      this.#matchOverride(entries, limit, check);
      return;
    }
    const node = this.#walk(entries);
    if (node === null || node.rule === null) return;
    const rule = node.rule;
    check.rule = rule;
    check.stats = node.statParts === null ? rule.stats : this.#dynamicStats(node, entries);
    if (rule.unlimited) return;
    check.unit = rule.unit;
    check.limit = rule.requestsPerUnit;
    check.failureMode = rule.failureMode;
    check.isCritical = rule.isCritical;
    check.isLeased = rule.isLeased;
    if (node.hasDynamicKey) this.#spellKey(check, entries, node);
    else joinKey(check, entries, { node, format: formatFor(rule, this.#options.keyFormat) });
  }

  /** The node of the last entry, or null when the walk ends before it. */
  #walk(entries: readonly Entry[]): RuleNode | null {
    let node: RuleNode | null = this.root;
    for (let i = 0; i < entries.length; i++) {
      node = node.step(entries[i] as Entry);
      if (node === null) return null;
    }
    return node;
  }

  /** An override in the request skips the tree: shadow, quota, replaces and name are off. */
  #matchOverride(entries: readonly Entry[], limit: LimitOverride, check: Check): void {
    const path = entries
      .map(({ key, value }) => (value === '' ? key : `${key}_${value}`))
      .join('.');
    const unit = limit.unit as Unit;
    const rule: Rule = {
      requestsPerUnit: limit.requestsPerUnit,
      unit,
      name: '',
      unlimited: false,
      shadowMode: false,
      quotaMode: false,
      replaces: [],
      metadata: null,
      failureMode: this.#options.failureMode,
      isCritical: false,
      isLeased: false,
      nearThreshold: nearThreshold(limit.requestsPerUnit, this.#options.nearLimitRatio),
      path,
      stats: this.#options.bindCallerStats(this.domain, path),
    };
    check.rule = rule;
    check.stats = rule.stats;
    check.unit = unit;
    check.limit = limit.requestsPerUnit;
    check.failureMode = rule.failureMode;
    this.#spellKey(check, entries, null);
  }

  /** The counter key from the request's own entries; `node` gives the shared patterns of its path. */
  #spellKey(check: Check, entries: readonly Entry[], node: RuleNode | null): void {
    const rule = check.rule as Rule;
    const format = formatFor(rule, this.#options.keyFormat);
    const values = entries.map(({ value }) => value);
    let level = entries.length - 1;
    for (let at = node; at !== null && at.parent !== null; at = at.parent) {
      values[level] = sharedValue(at) ?? (values[level] as string);
      level -= 1;
    }
    const keys = entries.map(({ key }) => key);
    let rest = format.head(this.domain);
    for (const [index, value] of values.entries()) {
      rest += format.keyPart(keys[index] as string);
      rest += format.valuePart(value, index === values.length - 1);
    }
    nameCounter(check, format.scope(this.domain, rule.unit, keys), rest);
  }

  #dynamicStats(node: RuleNode, entries: readonly Entry[]): RuleStats {
    const parts = node.statParts as readonly (string | null)[];
    let path = '';
    for (const [index, part] of parts.entries()) {
      if (index > 0) path += '.';
      const { key, value } = entries[index] as Entry;
      path += part ?? (value === '' && !node.keepsEmptyValue ? key : `${key}_${value}`);
    }
    return this.#options.bindCallerStats(this.domain, path);
  }
}

function joinKey(
  check: Check,
  entries: readonly Entry[],
  { node, format }: { readonly node: RuleNode; readonly format: KeyFormat },
): void {
  const { keyScope, keyPieces, dynamicEntries } = node;
  let rest = keyPieces[0] as string;
  for (let i = 0; i < dynamicEntries.length; i++) {
    const at = dynamicEntries[i] as number;
    const { value } = entries[at] as Entry;
    rest += format.valuePart(value, at === entries.length - 1) + (keyPieces[i + 1] as string);
  }
  nameCounter(check, keyScope, rest);
}

function nameCounter(check: Check, scope: string, rest: string): void {
  check.scope = scope;
  check.rest = rest;
  check.key = scope + rest;
}

/** Builds one domain, descriptor by descriptor, so that the caller can pause between any two. */
export class DomainCompiler {
  readonly #domain: string;
  readonly #options: CompileOptions;
  readonly #root: RuleNode;
  /** Open nodes by depth: the node that a descriptor of depth d hangs under is #open[d]. */
  readonly #open: RuleNode[];
  #ruleCount = 0;
  readonly #leased: RuleNode[] = [];
  #chargesWhole = false;

  constructor(domain: string, options: CompileOptions) {
    this.#domain = domain;
    this.#options = options;
    this.#root = new RuleNode(
      {
        kind: NodeKind.DEFAULT,
        key: '',
        value: '',
        valueToMetric: false,
        shareThreshold: false,
        metadata: null,
      },
      null,
    );
    this.#open = [this.#root];
  }

  /** Takes the next descriptor in pre-order. Duplicates must have been refused: the later one wins. */
  add(config: DescriptorConfig): void {
    const parent = this.#open[config.depth];
    if (parent === undefined)
      throw new RangeError(`descriptor of depth ${config.depth} has no parent`);
    const { key, value, valueToMetric, shareThreshold, metadata } = config;
    const kind = nodeKind(key, value);
    const node = new RuleNode(
      { kind, key, value, valueToMetric, shareThreshold, metadata },
      parent,
    );
    if (config.limit !== null) {
      attachRule(node, this.#domain, { limit: config.limit, modes: config }, this.#options);
      this.#ruleCount++;
      if (config.limit.isLeased === true) this.#leased.push(node);
    }
    if (config.chargesWhole === true) this.#chargesWhole = true;
    parent.addChild(node);
    this.#open.length = config.depth + 1;
    this.#open.push(node);
  }

  finish(): DomainRules {
    const tree = {
      root: this.#root,
      ruleCount: this.#ruleCount,
      leased: this.#leased,
      chargesWhole: this.#chargesWhole,
    };
    return new DomainRules(this.#domain, tree, this.#options);
  }
}
