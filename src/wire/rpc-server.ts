/**
 * Port of the wire: a gRPC server that hands over message bytes and takes message bytes back.
 * Adapters: `native/` (our own HTTP/2, the default) and `grpc-js/` (the library).
 */

/** gRPC status codes that Weir answers with. */
export const GrpcStatus = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;
export type GrpcStatus = (typeof GrpcStatus)[keyof typeof GrpcStatus];

/** Names a request, so that a retry of it is not charged again. */
export const REQUEST_ID_HEADER = 'idempotency-key';
/** Longer ones are refused: they would be kept in the store for each request. */
export const REQUEST_ID_BYTES_MAX = 128;
export const REQUEST_ID_TOO_LONG = `${REQUEST_ID_HEADER} is longer than ${REQUEST_ID_BYTES_MAX} bytes`;

/** One unary call. Exactly one of `reply` and `fail` is called, once; later calls are ignored. */
export interface UnaryCall {
  /** Milliseconds on the monotonic clock by which the caller wants its answer; 0 when it named none. */
  readonly deadlineMs: number;
  /** Of the metadata `idempotency-key`, at most REQUEST_ID_BYTES_MAX bytes; '' when there is none. */
  readonly requestId: string;
  /** When its request began to arrive, on the monotonic clock. */
  readonly arrivedMs: number;
  /** The message's bytes are the caller's again when this returns. */
  reply(message: Uint8Array): void;
  fail(status: GrpcStatus, message: string): void;
}

/** `request` is valid only until the handler returns. */
export type UnaryHandler = (request: Uint8Array, call: UnaryCall) => void;

/** One server-streaming call. */
export interface StreamCall {
  send(message: Uint8Array): void;
  end(status: GrpcStatus, message: string): void;
  /** Called once when the caller went away or the stream ended. */
  onClose(listener: () => void): void;
}
export type StreamHandler = (request: Uint8Array, call: StreamCall) => void;

/** Full method name, `/package.Service/Method`, to its handler. */
export interface RpcMethods {
  readonly unary: ReadonlyMap<string, UnaryHandler>;
  readonly serverStreaming: ReadonlyMap<string, StreamHandler>;
}

export interface RpcServer {
  /** Resolves with the port bound (0 for a unix socket); rejects with a message for the operator. */
  listen(): Promise<number>;
  /** Stops accepting, lets calls in flight finish for at most `graceMs`, then cuts what is left. */
  drain(graceMs: number): Promise<void>;
}
