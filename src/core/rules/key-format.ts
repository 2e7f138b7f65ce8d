/**
 * How counter keys are spelled. A key is a scope, which all counters of a rule have in common, and a rest:
 * head, then for each entry its key part and its value part. The compiler joins what is constant, so
 * that a literal rule's key is one constant string, and the rest of a rule of one free value is that value.
 * Which part of a key is its scope depends on the descriptor and the unit alone, not on the rule.
 */
import type { Rule } from './rule.ts';
import { UNIT_LETTERS, type Unit } from './unit.ts';

export interface KeyFormat {
  readonly name: 'exact' | 'reference';
  /** For leased counters: the exact format, always. They are not the reference's, and need their unit. */
  readonly forLeased: KeyFormat;
  scope(domain: string, unit: Unit, keys: readonly string[]): string;
  head(domain: string): string;
  keyPart(key: string): string;
  valuePart(value: string, isLast: boolean): string;
}

/**
 * Unambiguous: each part but the last carries its length in UTF-16 units, so no two different descriptors
 * share a key. Examples: `h4:shop,4:path=/checkout`, an hour's counter of domain `shop`; with two entries
 * `h4:shop,4:user,4:path=5:alice,/checkout`.
 */
export function exactKeyFormat(prefix: string): KeyFormat {
  const format: KeyFormat = {
    name: 'exact',
    get forLeased() {
      return format;
    },
    scope: (domain, unit, keys) => {
      const parts = [domain, ...keys].map((part) => `${part.length}:${part}`);
      return `${prefix}${UNIT_LETTERS[unit]}${parts.join()}=`;
    },
    head: () => '',
    keyPart: () => '',
    valuePart: (value, isLast) => (isLast ? value : `${value.length}:${value},`),
  };
  return format;
}

/**
 * The reference's own keys, so that both can count together on one Redis: `domain_key_value_`, to which
 * the store appends the start of the window in seconds. Ambiguous where parts contain `_`, so no part of
 * them is a scope of its own.
 */
export function referenceKeyFormat(prefix: string): KeyFormat {
  return {
    name: 'reference',
    forLeased: exactKeyFormat(prefix),
    scope: () => '',
    head: (domain) => `${prefix}${domain}_`,
    keyPart: (key) => `${key}_`,
    valuePart: (value) => `${value}_`,
  };
}

/** How the counter of a rule is spelled. */
export function formatFor({ isLeased }: Pick<Rule, 'isLeased'>, format: KeyFormat): KeyFormat {
  return isLeased ? format.forLeased : format;
}
