/** Port of the limiter: where the compiled rules come from. `src/rules` reads them from files. */
import type { RuleSet } from '../core/rules/rule-set.ts';

export interface RuleSource {
  /** The rules in force; null while nothing valid was ever loaded. Replaced as a whole, never changed. */
  readonly current: RuleSet | null;
  /** Resolves after the first load, valid or not. */
  start(): Promise<void>;
  close(): Promise<void>;
}
