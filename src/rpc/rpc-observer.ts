/** What the service tells the outside about its calls. Implemented in `src/telemetry`. */

/** Unary methods whose calls are counted, by the last part of their full name. */
export type RpcMethodName = 'ShouldRateLimit' | 'Check';

export interface RpcObserver {
  /**
   * A request got no decision by its own fault or the service's:
   * `call.should_rate_limit.service_error`.
   */
  serviceError(): void;
  /** A request got no decision for want of the store: `call.should_rate_limit.redis_error`. */
  storeError(): void;
  /**
   * A call was answered, whatever the answer, `durationMs` after its message was handed over:
   * `ratelimit_service_total_requests` and `ratelimit_service_response_time`, label grpc_method.
   */
  requestFinished(method: RpcMethodName, durationMs: number): void;
  /** An answer could not be made: a defect of ours, for the log. */
  internalError(error: unknown): void;
}
