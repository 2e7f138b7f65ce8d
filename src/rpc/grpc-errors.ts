/**
 * Every status that the service answers instead of a decision: one table, code and text.
 *
 * EMPTY_DOMAIN and EMPTY_DESCRIPTORS are the reference's own and callers may compare them. It gives
 * UNKNOWN to every error of its service, store errors included; only what it crashes on, or has no
 * bound for, is INVALID_ARGUMENT here.
 */
import type { DecisionFailure } from '../limiter/decide.ts';
import { GrpcStatus } from '../wire/rpc-server.ts';

export interface GrpcError {
  readonly status: GrpcStatus;
  readonly text: string;
}

export const EMPTY_DOMAIN: GrpcError = {
  status: GrpcStatus.UNKNOWN,
  text: 'rate limit domain must not be empty',
};

export const EMPTY_DESCRIPTORS: GrpcError = {
  status: GrpcStatus.UNKNOWN,
  text: 'rate limit descriptor list must not be empty',
};

/** Status of a failed decision, by its kind; its text is the decision's own. */
export const DECISION_STATUS: Readonly<Record<DecisionFailure['kind'], GrpcStatus>> = {
  service: GrpcStatus.UNKNOWN,
  store: GrpcStatus.UNAVAILABLE,
  invalid: GrpcStatus.INVALID_ARGUMENT,
};

/** Something of our own went wrong; the log has the details. */
export const INTERNAL_ERROR: GrpcError = { status: GrpcStatus.INTERNAL, text: 'internal error' };

/**
 * Bytes that are no such message, or hold a number beyond what is counted exactly. INVALID_ARGUMENT
 * because the sender's bytes are at fault; INTERNAL, which gRPC libraries answer here, would read as
 * a defect of this service. Envoy treats all errors alike.
 */
export function malformed(messageName: string, reason: string): GrpcError {
  return {
    status: GrpcStatus.INVALID_ARGUMENT,
    text: `malformed ${messageName}: ${reason}`,
  };
}

/** Something larger than its bound. `given` is how large, with its unit. */
export function beyondBound(
  subject: string,
  given: string,
  max: number,
  setting: string,
): GrpcError {
  return {
    status: GrpcStatus.INVALID_ARGUMENT,
    text: `${subject}: ${given} given, at most ${max} (${setting})`,
  };
}

export function unknownService(service: string): GrpcError {
  return { status: GrpcStatus.NOT_FOUND, text: `unknown service '${service.slice(0, 100)}'` };
}

export function tooManyWatches(max: number): GrpcError {
  return {
    status: GrpcStatus.RESOURCE_EXHAUSTED,
    text: `health watches: ${max} open, at most ${max}`,
  };
}
