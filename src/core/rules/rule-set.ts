/**
 * Everything in force at one moment: limits files compiled. Replaced as a whole, never changed; the one
 * exception is nested metadata (see verdict/dynamic-metadata.ts).
 */
import type { DomainRules } from './domain-rules.ts';

export interface RuleSet {
  /** Counts up by one with each set that came into force, from 1. */
  readonly version: number;
  readonly domains: ReadonlyMap<string, DomainRules>;
  /**
   * Domains that a limits file names but whose file was never valid: requests for them are answered as
   * if nothing was loaded, rather than let through as an unknown domain.
   */
  readonly brokenDomains: ReadonlySet<string>;
}
