/**
 * A server-streaming call. Its messages wait in the stream's outbox while the reader is slow.
 */
import type { Http2Stream, StreamOwner } from '../http2/stream.ts';
import { GrpcStatus, type StreamCall } from '../rpc-server.ts';
import { OK_BLOCKS, statusTrailers, trailersOnly } from './answer-blocks.ts';
import type { StreamPlan } from './call-plan.ts';
import type { GrpcConnection } from './grpc-service.ts';
import type { MessageReader, Outcome } from './message-reader.ts';
import {
  createReader,
  deadlineOf,
  HANDLER_THREW,
  messagePrefix,
  refuseFault,
} from './request-body.ts';

/**
 * Messages that may wait for one slow reader. Streams here report states that change rarely, so a
 * reader this far behind has stopped reading.
 */
export const STREAM_BACKLOG_MAX = 64;

export class StreamGrpcCall implements StreamCall, StreamOwner {
  /** On the monotonic clock; 0 when the caller named none. */
  readonly deadlineMs: number;
  readonly #connection: GrpcConnection;
  readonly #stream: Http2Stream;
  readonly #plan: StreamPlan;
  readonly #reader: MessageReader;
  readonly #closeListeners: (() => void)[] = [];
  #hasHead = false;
  #hasEnded = false;
  #hasClosed = false;

  constructor(connection: GrpcConnection, stream: Http2Stream, plan: StreamPlan) {
    this.#connection = connection;
    this.#stream = stream;
    this.#plan = plan;
    this.#reader = createReader(connection, plan);
    this.deadlineMs = deadlineOf(stream, plan);
  }

  onBody(bytes: Uint8Array, start: number, end: number, isLast: boolean): void {
    this.#take(this.#reader.read(bytes, start, end, isLast));
  }

  onAbort(): boolean {
    this.#reader.clear();
    this.#close();
    return false;
  }

  send(message: Uint8Array): void {
    if (this.#hasEnded || this.#hasClosed) return;
    if ((this.#stream.outbox?.parts.length ?? 0) >= STREAM_BACKLOG_MAX) {
      this.end(GrpcStatus.RESOURCE_EXHAUSTED, `stream: ${STREAM_BACKLOG_MAX} messages not read`);
      return;
    }
    const { sender } = this.#stream;
    if (!this.#hasHead) sender.head(this.#stream, OK_BLOCKS.head);
    this.#hasHead = true;
    sender.body(this.#stream, messagePrefix(message.length), message);
  }

  end(status: GrpcStatus, message: string): void {
    if (this.#hasEnded || this.#hasClosed) return;
    this.#hasEnded = true;
    const { sender } = this.#stream;
    if (this.#hasHead) sender.end(this.#stream, statusTrailers(status, message));
    else sender.headOnly(this.#stream, trailersOnly(status, message));
    this.#close();
  }

  onClose(listener: () => void): void {
    if (this.#hasClosed) listener();
    else this.#closeListeners.push(listener);
  }

  #take(outcome: Outcome): void {
    const message = refuseFault(this.#connection, this.#stream, outcome);
    if (message !== null) this.#handle(message);
    if (outcome !== null) this.#reader.clear();
  }

  #handle(message: Uint8Array): void {
    const { service } = this.#connection;
    service.watch(this);
    try {
      this.#plan.handler(message, this);
    } catch (error) {
      this.end(...HANDLER_THREW);
      service.options.log(`gRPC: the handler of ${this.#plan.path} threw`, error);
    }
  }

  #close(): void {
    if (this.#hasClosed) return;
    this.#hasClosed = true;
    for (const listener of this.#closeListeners) listener();
  }
}
