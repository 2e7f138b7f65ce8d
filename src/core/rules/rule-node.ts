/**
 * A node of the compiled rule tree and the one step of the walk. Look-up cost is two map look-ups a
 * level, plus the wildcards of that one key: it grows with depth, not with the number of rules.
 *
 * Order at each level (behaviour of the reference): the exact value, then the first wildcard in file
 * order, then the key without a value. There is no backtracking: once a child matched, its siblings are
 * never tried, even when nothing deeper fits.
 */
import type { JsonObject } from './limits-file.ts';
import type { Entry } from './request.ts';
import type { Rule } from './rule.ts';
import { compileWildcard, isWildcard, matchesWildcard, type Wildcard } from './wildcard.ts';

/** How a node's own entry relates to the entry of a request that reached it. */
export const NodeKind = {
  /** The request's value is the node's value. */
  LITERAL: 0,
  /** The node's value holds `*`. */
  VALUE_WILDCARD: 1,
  /** The node's key holds `*`: the pattern covers `key_value` as one text. */
  KEY_WILDCARD: 2,
  /** The node has no value: any value that no sibling took. */
  DEFAULT: 3,
} as const;
export type NodeKind = (typeof NodeKind)[keyof typeof NodeKind];

/** What the limits file says about a node, kept for stats paths, counter keys and explanations. */
export interface NodeSpec {
  readonly kind: NodeKind;
  readonly key: string;
  readonly value: string;
  readonly valueToMetric: boolean;
  readonly shareThreshold: boolean;
  readonly metadata: JsonObject | null;
}

export interface WildcardChild {
  readonly wildcard: Wildcard;
  readonly node: RuleNode;
}

/** The children that share one key. */
export class KeyChildren {
  readonly literals = new Map<string, RuleNode>();
  readonly wildcards: WildcardChild[] = [];
  fallback: RuleNode | null = null;
}

const NO_PIECES: readonly string[] = [];
/** Shared by all literal nodes. */
const NO_ENTRIES: readonly number[] = [];

export class RuleNode {
  readonly spec: NodeSpec;
  readonly parent: RuleNode | null;
  /** Null for a leaf: most nodes are, and there may be a hundred thousand. */
  #byKey: Map<string, KeyChildren> | null = null;
  /** All wildcard children in file order; walked only when some child's key holds `*`. */
  #wildcards: WildcardChild[] | null = null;
  #hasKeyWildcards = false;
  /** Null when the file gives this node no rate_limit. */
  rule: Rule | null = null;
  /** Of the counter key, see KeyFormat. */
  keyScope = '';
  /** Constant pieces of its rest; the values of `dynamicEntries` go between them. */
  keyPieces: readonly string[] = NO_PIECES;
  dynamicEntries: readonly number[] = NO_ENTRIES;
  /** True when key or stats path depend on the request in a way that pieces can't express. */
  hasDynamicKey = false;
  /** Null when the stats path is constant; else one part per level, null where the request's own `key_value` goes. */
  statParts: readonly (string | null)[] | null = null;
  /** `detailed_metric` without a shared pattern: an empty value still leaves its `_`. */
  keepsEmptyValue = false;

  constructor(spec: NodeSpec, parent: RuleNode | null) {
    this.spec = spec;
    this.parent = parent;
  }

  addChild(child: RuleNode): void {
    const { key, value, kind } = child.spec;
    this.#byKey ??= new Map();
    const siblings = this.#byKey.get(key) ?? new KeyChildren();
    this.#byKey.set(key, siblings);
    if (value === '') siblings.fallback = child;
    else siblings.literals.set(value, child);
    if (kind === NodeKind.VALUE_WILDCARD) {
      siblings.wildcards.push({ wildcard: compileWildcard(value), node: child });
    }
    if (kind === NodeKind.VALUE_WILDCARD || kind === NodeKind.KEY_WILDCARD) {
      this.#wildcards ??= [];
      this.#wildcards.push({ wildcard: compileWildcard(compositeKey(child.spec)), node: child });
      this.#hasKeyWildcards ||= kind === NodeKind.KEY_WILDCARD;
    }
  }

  /** All children, by key and then literals before the default. */
  *children(): Generator<RuleNode> {
    for (const { literals, fallback } of this.#byKey?.values() ?? []) {
      yield* literals.values();
      if (fallback !== null) yield fallback;
    }
  }

  /** The wildcard children that `step` compares with an entry of this key, in its order. */
  wildcardsFor(key: string): readonly WildcardChild[] {
    if (this.#hasKeyWildcards) return this.#wildcards ?? [];
    return this.#byKey?.get(key)?.wildcards ?? [];
  }

  /** The child that `entry` leads to, or null. */
  step(entry: Entry): RuleNode | null {
    const siblings = this.#byKey?.get(entry.key);
    const exact = siblings?.literals.get(entry.value);
    if (exact !== undefined) return exact;
    const wild = this.#hasKeyWildcards
      ? firstMatch(this.#wildcards, `${entry.key}_${entry.value}`)
      : firstMatch(siblings?.wildcards, entry.value);
    return wild ?? siblings?.fallback ?? null;
  }
}

/** The text that the reference compares a request's `key_value` with. */
export function compositeKey(spec: { readonly key: string; readonly value: string }): string {
  return spec.value === '' ? spec.key : `${spec.key}_${spec.value}`;
}

export function nodeKind(key: string, value: string): NodeKind {
  if (isWildcard(key)) return NodeKind.KEY_WILDCARD;
  if (value === '') return NodeKind.DEFAULT;
  return isWildcard(value) ? NodeKind.VALUE_WILDCARD : NodeKind.LITERAL;
}

function firstMatch(
  children: readonly WildcardChild[] | null | undefined,
  text: string,
): RuleNode | null {
  if (children === undefined || children === null) return null;
  for (const child of children) {
    if (matchesWildcard(child.wildcard, text)) return child.node;
  }
  return null;
}
