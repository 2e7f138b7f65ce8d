import type { Metadata, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { type GrpcStatus, REQUEST_ID_HEADER, type UnaryCall } from '../rpc-server.ts';
import { statusText } from './status-text.ts';

/** A unary call of grpc-js as the port sees it. */
export class GrpcJsUnaryCall implements UnaryCall {
  readonly deadlineMs: number;
  readonly requestId: string;
  readonly arrivedMs = performance.now();
  #callback: sendUnaryData<Uint8Array> | null;

  constructor(call: ServerUnaryCall<Uint8Array, Uint8Array>, callback: sendUnaryData<Uint8Array>) {
    this.#callback = callback;
    this.deadlineMs = monotonicDeadline(Number(call.getDeadline()));
    this.requestId = requestIdOf(call.metadata);
  }

  reply(message: Uint8Array): void {
    const callback = this.#callback;
    if (callback === null) return;
    this.#callback = null;
    // The library encodes it later.
    callback(null, Buffer.from(message));
  }

  fail(status: GrpcStatus, message: string): void {
    const callback = this.#callback;
    if (callback === null) return;
    this.#callback = null;
    callback({ code: status, details: statusText(message) });
  }
}

/** The caller's id of its request; '' when it gave none. */
export function requestIdOf(metadata: Metadata): string {
  return String(metadata.get(REQUEST_ID_HEADER)[0] ?? '');
}

/**
 * grpc-js keeps deadlines on the wall clock, Infinity for none. The clocks are compared now, so
 * that a later step of the wall clock does not move the deadline.
 */
export function monotonicDeadline(wallDeadlineMs: number): number {
  if (!Number.isFinite(wallDeadlineMs)) return 0;
  return performance.now() + (wallDeadlineMs - Date.now());
}
