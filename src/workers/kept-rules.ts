/**
 * The descriptors of the rules in force, as the supervisor keeps them: each worker is sent those that
 * it does not have, also one that starts hours later, while a limits file is broken, say. So all
 * workers answer by the same rules.
 */
import type { DomainRules } from '../core/rules/domain-rules.ts';
import type { DescriptorConfig } from '../core/rules/limits-file.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import { type DescriptorSlice, encodeSlice } from '../rules/descriptor-slice.ts';
import type { DomainRevision } from './protocol.ts';

export interface KeptDomain extends DomainRevision {
  readonly rules: DomainRules;
  readonly slices: readonly DescriptorSlice[];
}

export interface KeptSet {
  /** 0: no limits file was ever valid. */
  readonly version: number;
  readonly domains: readonly KeptDomain[];
  readonly broken: readonly string[];
}

export const NO_RULES: KeptSet = { version: 0, domains: [], broken: [] };

export class KeptRules {
  /** Of the load under way. */
  readonly #seen = new Map<string, DescriptorSlice[]>();
  #domains: ReadonlyMap<string, KeptDomain> = new Map();
  #revision = 0;

  /** Descriptors pass on their way to the compiler; what is compiled is in `take`'s set. */
  async *tap(
    domain: string,
    slices: AsyncIterable<Iterable<DescriptorConfig>>,
  ): AsyncGenerator<Iterable<DescriptorConfig>> {
    const seen: DescriptorSlice[] = [];
    this.#seen.set(domain, seen);
    for await (const slice of slices) {
      const descriptors = [...slice];
      seen.push(encodeSlice(descriptors));
      yield descriptors;
    }
  }

  /** A set that came into force, with the descriptors of each domain. */
  take({ version, domains, brokenDomains }: RuleSet): KeptSet {
    const kept = [...domains].map(([domain, rules]) => this.#keep(domain, rules));
    this.#seen.clear();
    this.#domains = new Map(kept.map((each) => [each.domain, each]));
    return { version, domains: kept, broken: [...brokenDomains] };
  }

  #keep(domain: string, rules: DomainRules): KeptDomain {
    const known = this.#domains.get(domain);
    if (known?.rules === rules) return known;
    this.#revision += 1;
    return { domain, rules, revision: this.#revision, slices: this.#seen.get(domain) ?? [] };
  }
}
