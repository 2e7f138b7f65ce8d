/**
 * How counter keys are spelled. A key is head, then for each entry its key part and its value part,
 * then tail; the compiler joins what is constant, so that a literal rule's key is one constant string.
 */
import type { Rule } from './rule.ts';
import { UNIT_LETTERS, type Unit } from './unit.ts';

export interface KeyFormat {
  readonly name: 'exact' | 'reference';
  /** For leased counters: the exact format, always. They are not the reference's, and need their unit. */
  readonly forLeased: KeyFormat;
  head(domain: string, unit: Unit): string;
  keyPart(key: string): string;
  valuePart(value: string): string;
}

/**
 * Unambiguous: each part carries its length in UTF-16 units, so no two different descriptors share a key.
 * Example: `h4:shop,4:path=9:/checkout`, an hour's counter of domain `shop`.
 */
export function exactKeyFormat(prefix: string): KeyFormat {
  const format: KeyFormat = {
    name: 'exact',
    get forLeased() {
      return format;
    },
    head: (domain, unit) => `${prefix}${UNIT_LETTERS[unit]}${domain.length}:${domain}`,
    keyPart: (key) => `,${key.length}:${key}=`,
    valuePart: (value) => `${value.length}:${value}`,
  };
  return format;
}

/**
 * The reference's own keys, so that both can count together on one Redis: `domain_key_value_`, to which
 * the store appends the start of the window in seconds. Ambiguous where parts contain `_`.
 */
export function referenceKeyFormat(prefix: string): KeyFormat {
  return {
    name: 'reference',
    forLeased: exactKeyFormat(prefix),
    head: (domain) => `${prefix}${domain}_`,
    keyPart: (key) => `${key}_`,
    valuePart: (value) => `${value}_`,
  };
}

/** How the counter of a rule is spelled. */
export function formatFor({ isLeased }: Pick<Rule, 'isLeased'>, format: KeyFormat): KeyFormat {
  return isLeased ? format.forLeased : format;
}
