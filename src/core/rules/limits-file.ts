/**
 * What a limits file says, after its text was checked and before it is compiled: plain data, one
 * `DomainConfig` per file. It crosses from the parsing thread to the main one by structured clone.
 */
import type { FailureMode } from '../verdict/failure-mode.ts';
import type { Unit } from './unit.ts';

/** JSON as metadata may hold it. */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue;
}

/** `rate_limit:` of a descriptor. */
export interface LimitConfig {
  /** 0..2^32-1; 0 (also when the file leaves it out) means always over. */
  readonly requestsPerUnit: number;
  /** UNKNOWN only when `unlimited`. */
  readonly unit: Unit;
  readonly unlimited: boolean;
  /** '' when the file gives none. */
  readonly name: string;
  /** Names of the limits that this one replaces; none is empty or its own. */
  readonly replaces: readonly string[];
  /** `quota: leased`: present only where the file says so, and never when `unlimited`. */
  readonly isLeased?: true;
}

/**
 * One entry of a `descriptors:` list. The tree is kept as its pre-order list with depths, so that a
 * large file can be handed over and compiled in slices.
 */
export interface DescriptorConfig {
  /** 0 for the domain's own descriptors, 1 for their children, … Never more than one deeper than the one before. */
  readonly depth: number;
  /** Never empty. */
  readonly key: string;
  /** '' means any value that no sibling names. `*` in it (or in the key) is a wildcard. */
  readonly value: string;
  readonly limit: LimitConfig | null;
  readonly shadowMode: boolean;
  readonly quotaMode: boolean;
  readonly detailedMetric: boolean;
  readonly valueToMetric: boolean;
  readonly shareThreshold: boolean;
  readonly metadata: JsonObject | null;
  /** `on_store_failure`, its own or inherited; absent when neither is set. */
  readonly failureMode?: FailureMode;
  /** `critical`, its own or inherited. */
  readonly isCritical?: boolean;
  /** `charge: all_or_nothing` of its domain: on every descriptor of it, or on none. */
  readonly chargesWhole?: true;
}

/** One limits file, or with MERGE_DOMAIN_CONFIG several of the same domain in file order. */
export interface DomainConfig {
  /** Never empty. */
  readonly domain: string;
  /** Pre-order. */
  readonly descriptors: readonly DescriptorConfig[];
}
