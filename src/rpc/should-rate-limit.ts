/**
 * ShouldRateLimit: bytes to request, checks, decision, answer to bytes.
 *
 * Its cost per call is one listener object; the rest is the codec's and the decider's. Whatever happens
 * the call is answered exactly once and its duration is reported.
 */
import type { RateLimitRequest } from '../core/rules/request.ts';
import type { Answer } from '../core/verdict/answer.ts';
import type { Decider, DecisionFailure, DecisionListener } from '../limiter/decide.ts';
import { decodeRateLimitRequest } from '../wire/rls/decode-request.ts';
import { encodeRateLimitResponse } from '../wire/rls/encode-response.ts';
import { MalformedMessage } from '../wire/rls/malformed-message.ts';
import type { UnaryCall, UnaryHandler } from '../wire/rpc-server.ts';
import { AnswerTimes } from './answer-times.ts';
import { messageCountFault } from './count-guard.ts';
import { DECISION_STATUS, type GrpcError, INTERNAL_ERROR, malformed } from './grpc-errors.ts';
import { messageFault, type RequestBounds, requestFault } from './request-bounds.ts';
import type { RpcObserver } from './rpc-observer.ts';

export const SHOULD_RATE_LIMIT = '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit';

export interface RateLimitParts {
  readonly decider: Decider;
  readonly bounds: RequestBounds;
  readonly observer: RpcObserver;
}

/** The handler of SHOULD_RATE_LIMIT. It never throws. */
export function shouldRateLimit(parts: RateLimitParts): UnaryHandler {
  const { decider, bounds, observer } = parts;
  const times = new AnswerTimes('ShouldRateLimit', observer);
  return (bytes, call) => {
    const pending = new PendingDecision(call, observer, times);
    try {
      const request = decodeWithin(bytes, bounds);
      if ('status' in request) pending.refuse(request);
      else decider.decide(request, pending);
    } catch (error) {
      pending.broke(error);
    }
  };
}

/** The request, or what it is refused for. Throws only what is no fault of the bytes. */
export function decodeWithin(
  bytes: Uint8Array,
  bounds: RequestBounds,
): RateLimitRequest | GrpcError {
  const tooLong = messageFault(bytes.length, bounds);
  if (tooLong !== null) return tooLong;
  try {
    const tooMany = messageCountFault(bytes, bounds);
    if (tooMany !== null) return tooMany;
    const request = decodeRateLimitRequest(bytes);
    return requestFault(request, bounds) ?? request;
  } catch (error) {
    if (error instanceof MalformedMessage) return malformed('RateLimitRequest', error.message);
    throw error;
  }
}

/** A call between its message and its answer. */
class PendingDecision implements DecisionListener {
  readonly #call: UnaryCall;
  readonly #observer: RpcObserver;
  readonly #times: AnswerTimes;

  constructor(call: UnaryCall, observer: RpcObserver, times: AnswerTimes) {
    this.#call = call;
    this.#observer = observer;
    this.#times = times;
  }

  get deadlineMs(): number {
    return this.#call.deadlineMs;
  }

  get requestId(): string {
    return this.#call.requestId;
  }

  decided(answer: Answer): void {
    let bytes: Uint8Array;
    try {
      bytes = encodeRateLimitResponse(answer);
    } catch (error) {
      this.broke(error);
      return;
    }
    this.#call.reply(bytes);
    this.#times.answered(this.#call.arrivedMs);
  }

  failed(failure: DecisionFailure): void {
    if (failure.kind === 'store') this.#observer.storeError();
    else this.#observer.serviceError();
    this.#call.fail(DECISION_STATUS[failure.kind], failure.text);
    this.#times.answered(this.#call.arrivedMs);
  }

  refuse(error: GrpcError): void {
    this.#observer.serviceError();
    this.#call.fail(error.status, error.text);
    this.#times.answered(this.#call.arrivedMs);
  }

  broke(error: unknown): void {
    this.#observer.internalError(error);
    this.refuse(INTERNAL_ERROR);
  }
}
