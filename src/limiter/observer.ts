/** Port of the limiter: what it tells the outside about its work. Implemented in `src/telemetry`. */
import type { RuleStats } from '../core/counting/rule-stats.ts';
import type { StoreFailureCode } from './counter-store.ts';

export interface Observer {
  /** The counts of a path that limits files name: the same object ever after, bounded by the files. */
  ruleStats(domain: string, path: string): RuleStats;
  /**
   * The counts of a path that holds values of a request (detailed metrics, overrides), made on first
   * use. Bounded: beyond it every new path shares the domain's `other` counts.
   */
  callerStats(domain: string, path: string): RuleStats;
  /** A descriptor named a domain that no limits file has. */
  domainNotFound(domain: string): void;
  /** The store could not serve a request. */
  storeFailed(code: StoreFailureCode): void;
  /** SHADOW_MODE let a request through that was over. */
  globalShadow(): void;
}
