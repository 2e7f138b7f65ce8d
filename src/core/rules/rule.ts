/** A compiled rule: what a limits file (or an override in the request) says about a descriptor. */
import type { RuleStats } from '../counting/rule-stats.ts';
import type { FailureMode } from '../verdict/failure-mode.ts';
import type { JsonObject } from './limits-file.ts';
import type { Unit } from './unit.ts';

export interface Rule {
  /** 0..2^32-1. */
  readonly requestsPerUnit: number;
  /** UNKNOWN only when `unlimited`. */
  readonly unit: Unit;
  /** '' when it has none. */
  readonly name: string;
  readonly unlimited: boolean;
  /** Counted as usual, answered OK. */
  readonly shadowMode: boolean;
  /** The request is over only when all its quota rules are. */
  readonly quotaMode: boolean;
  readonly replaces: readonly string[];
  readonly metadata: JsonObject | null;
  /** What is answered while the store cannot serve. */
  readonly failureMode: FailureMode;
  /** Never shed while the store is taken back into use. */
  readonly isCritical: boolean;
  /** `quota: leased`: counted by shares that replicas lease, not in the store. Never when unlimited. */
  readonly isLeased: boolean;
  /** Hits from which a request counts as near the limit: floor(limit × NEAR_LIMIT_RATIO) in float32. */
  readonly nearThreshold: number;
  /** Stats path within the domain, by the reference's rules, e.g. `key_value.subkey`. */
  readonly path: string;
  /** Bound when the rule was compiled. */
  readonly stats: RuleStats;
}
