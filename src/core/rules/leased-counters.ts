/**
 * The counters of leased limits that a limits file names in full: those can be asked for before anybody needs
 * them. A counter for each value is known when its first request comes.
 */
import { Check } from '../verdict/check.ts';
import type { DomainRules } from './domain-rules.ts';
import { type Descriptor, type Entry, HITS_UNSET } from './request.ts';
import { NodeKind, type RuleNode } from './rule-node.ts';

/** Checks that are matched and nothing else: `key`, `limit` and `unit` say which counter. At most `max`. */
export function leasedCounters(domains: Iterable<DomainRules>, max: number): Check[] {
  const counters: Check[] = [];
  for (const domain of domains) {
    for (const node of domain.leased) {
      const entries = entriesOf(node);
      if (entries === null) continue;
      if (counters.length === max) return counters;
      const check = new Check();
      domain.match(descriptorOf(entries), check);
      counters.push(check);
    }
  }
  return counters;
}

/** From the first level on; null when a level is not one value. */
function entriesOf(node: RuleNode): Entry[] | null {
  const entries: Entry[] = [];
  for (let at = node; at.parent !== null; at = at.parent) {
    const { kind, key, value } = at.spec;
    if (kind !== NodeKind.LITERAL) return null;
    entries.unshift({ key, value });
  }
  return entries;
}

function descriptorOf(entries: readonly Entry[]): Descriptor {
  return { entries, limit: null, hitsAddend: HITS_UNSET, isNegativeHits: false };
}
