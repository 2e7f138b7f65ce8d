/**
 * One descriptor of one request on its way through: what matched, what is charged, what the store read
 * and what is answered. One object for all of it, because it is made for every descriptor of every
 * request. It is the `Charge` of the limiter's store port and the `Status` of the answer.
 */
import type { RuleStats } from '../counting/rule-stats.ts';
import type { Rule } from '../rules/rule.ts';
import { Unit } from '../rules/unit.ts';
import { Code } from './answer.ts';
import type { DegradedReason, FailureMode } from './failure-mode.ts';

export class Check {
  /** Null when nothing matched, or another rule of the request replaces what did. */
  rule: Rule | null = null;
  /** Counter key, and its two parts (see KeyFormat); '' when nothing is charged. */
  key = '';
  scope = '';
  rest = '';
  unit: Unit = Unit.UNKNOWN;
  /** Requests per unit of the rule. */
  limit = 0;
  /** Where this request is counted; differs from `rule.stats` when the stats path depends on values. */
  stats: RuleStats | null = null;
  hits = 0;
  isRefund = false;
  /** False where passing the limit turns nobody away; only told where requests are charged whole. */
  isBinding = true;
  /** Answered from the over-limit cache: nothing is charged. */
  isKnownOver = false;
  /** What is answered while the store cannot serve. */
  failureMode: FailureMode = 'error';
  isCritical = false;
  /** Decided by shares that replicas lease. */
  isLeased = false;
  /** Why the reading is not the store's own; null when it is. */
  degraded: DegradedReason | null = null;
  /** The store could not serve it, and its failure mode is `error`. */
  isUnserved = false;
  before = 0;
  after = 0;
  /** Hits that are admitted still, where the store knows that better than by `after`; else -1. */
  left = -1;
  resetMs = 0;
  code: Code = Code.OK;
  remaining = 0;

  /** Whole seconds until the window ends: 1..unit once charged. */
  get resetSeconds(): number {
    return Math.ceil(this.resetMs / 1000);
  }

  /** Takes the match back: the descriptor is answered as if no rule had matched. */
  drop(): void {
    this.rule = null;
    this.stats = null;
  }
}
