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

export class Decision implements ChargeGroup, Answer {
  readonly request: RateLimitRequest;
  readonly listener: DecisionListener;
  /** One for each descriptor, in its order. */
  readonly statuses: Check[] = [];
  /** Those of `statuses` that the store is asked for. */
  readonly charges: Check[] = [];
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
}
