/**
 * One request between question and answer. It is the group of charges that the store sees and the
 * answer that rpc encodes: nothing is copied from one to the other.
 */
import type { JsonObject } from '../core/rules/limits-file.ts';
import type { RateLimitRequest } from '../core/rules/request.ts';
import type { MonotonicMs } from '../core/time.ts';
import { type Answer, Code, type Header } from '../core/verdict/answer.ts';
import type { Check } from '../core/verdict/check.ts';
import type { ChargeGroup, ChargePolicy, StoreFailure } from './counter-store.ts';
import type { DecisionListener } from './decide.ts';

const NO_CHECKS: readonly Check[] = [];

export class Decision implements ChargeGroup, Answer {
  readonly request: RateLimitRequest;
  readonly listener: DecisionListener;
  /** One for each descriptor, in its order. */
  statuses: readonly Check[] = NO_CHECKS;
  /** Those of `statuses` that the store is asked for. */
  charges: readonly Check[] = NO_CHECKS;
  readonly policy: ChargePolicy;
  /** When the store was asked; only kept for the over-limit cache. */
  askedAt: MonotonicMs = 0;
  readonly deadlineMs: MonotonicMs;
  readonly requestId: string;
  isLocal = false;
  failure: StoreFailure | null = null;
  overallCode: Code = Code.OK;
  responseHeaders: readonly Header[] | null = null;
  dynamicMetadata: JsonObject | null = null;

  constructor(request: RateLimitRequest, listener: DecisionListener, policy: ChargePolicy) {
    this.request = request;
    this.listener = listener;
    this.policy = policy;
    this.deadlineMs = listener.deadlineMs;
    this.requestId = listener.requestId;
  }

  addStatus(check: Check): void {
    this.statuses = append(this.statuses, check);
  }

  addCharge(check: Check): void {
    this.charges = append(this.charges, check);
  }
}

/** A literal of one holds one; growing an empty array would make room for seventeen. */
function append(list: readonly Check[], check: Check): readonly Check[] {
  if (list.length === 0) return [check];
  (list as Check[]).push(check);
  return list;
}
