/** The limiter's own interface, as `src/rpc` sees it. */
import type { RateLimitRequest } from '../core/rules/request.ts';
import type { MonotonicMs } from '../core/time.ts';
import type { Answer } from '../core/verdict/answer.ts';

/** Why a request got no answer. */
export interface DecisionFailure {
  /**
   * - `service`: the request or the service's state is at fault (the reference's service_error).
   * - `invalid`: the request breaks the API's own contract, e.g. an override with an unknown unit.
   * - `store`: the counters could not be reached (the reference's redis_error).
   */
  readonly kind: 'service' | 'invalid' | 'store';
  /** What the caller is told. */
  readonly text: string;
}

/** One of them is called once, during `decide` or later; `broke` may also follow a `decided` that threw. */
export interface DecisionListener {
  /** When the caller stops waiting; 0 when it named no time. */
  readonly deadlineMs: MonotonicMs;
  /** The caller's id of the request, by which a retry is not charged again; '' for none. */
  readonly requestId: string;
  decided(answer: Answer): void;
  failed(failure: DecisionFailure): void;
  /** The decision could not be made or told, by a defect of ours. Must not throw. */
  broke(error: unknown): void;
}

export interface Decider {
  /** Never throws. The request must not be changed afterwards. */
  decide(request: RateLimitRequest, listener: DecisionListener): void;
}
