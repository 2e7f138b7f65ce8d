/**
 * A unary call: the stream's owner and the handler's call in one object, the only one made for it
 * beside the stream.
 *
 * An answer after the caller went away is dropped; until it comes, the call keeps its place on the
 * connection, so that no caller has more work going on than concurrentStreamsMax.
 */
import type { Http2Stream, StreamOwner } from '../http2/stream.ts';
import { GrpcStatus, type UnaryCall } from '../rpc-server.ts';
import { OK_BLOCKS, trailersOnly } from './answer-blocks.ts';
import type { UnaryPlan } from './call-plan.ts';
import type { GrpcConnection } from './grpc-service.ts';
import type { MessageReader, Outcome } from './message-reader.ts';
import {
  createReader,
  deadlineOf,
  HANDLER_THREW,
  messagePrefix,
  refuseFault,
} from './request-body.ts';
import { readWhole } from './whole-message.ts';

export class UnaryGrpcCall implements UnaryCall, StreamOwner {
  readonly deadlineMs: number;
  readonly #connection: GrpcConnection;
  readonly #stream: Http2Stream;
  readonly #plan: UnaryPlan;
  /** Made when the message is not one plain piece. */
  #reader: MessageReader | null = null;
  /** The handler has the call and has not answered. */
  #isWorking = false;

  constructor(connection: GrpcConnection, stream: Http2Stream, plan: UnaryPlan) {
    this.#connection = connection;
    this.#stream = stream;
    this.#plan = plan;
    this.deadlineMs = deadlineOf(stream, plan);
  }

  get arrivedMs(): number {
    return this.#stream.openedMs;
  }

  get requestId(): string {
    return this.#plan.requestId;
  }

  onBody(bytes: Uint8Array, start: number, end: number, isLast: boolean): void {
    const { receiveBytesMax } = this.#connection.service.options;
    const whole =
      isLast && this.#reader === null ? readWhole(bytes, start, end, receiveBytesMax) : null;
    if (whole !== null) {
      this.#handle(whole);
      return;
    }
    this.#reader ??= createReader(this.#connection, this.#plan);
    this.#take(this.#reader.read(bytes, start, end, isLast));
  }

  onAbort(): boolean {
    this.#reader?.clear();
    this.#reader = null;
    return this.#isWorking;
  }

  reply(message: Uint8Array): void {
    if (!this.#finish()) return;
    const { sendBytesMax } = this.#connection.service.options;
    const stream = this.#stream;
    if (message.length > sendBytesMax) {
      const text = `a reply of ${message.length} bytes is larger than the ${sendBytesMax} that are sent`;
      stream.sender.headOnly(stream, trailersOnly(GrpcStatus.RESOURCE_EXHAUSTED, text));
      return;
    }
    stream.sender.answer(stream, OK_BLOCKS, messagePrefix(message.length), message);
  }

  fail(status: GrpcStatus, message: string): void {
    if (this.#finish()) this.#stream.sender.headOnly(this.#stream, trailersOnly(status, message));
  }

  #take(outcome: Outcome): void {
    const message = refuseFault(this.#connection, this.#stream, outcome);
    if (message !== null) this.#handle(message);
    if (outcome === null) return;
    this.#reader?.clear();
    this.#reader = null;
  }

  #handle(message: Uint8Array): void {
    this.#isWorking = true;
    try {
      this.#plan.handler(message, this);
    } catch (error) {
      this.fail(...HANDLER_THREW);
      const { log } = this.#connection.service.options;
      log(`gRPC: the handler of ${this.#plan.path} threw`, error);
    }
  }

  /** False when the call is answered already, or nobody waits for the answer. */
  #finish(): boolean {
    if (!this.#isWorking) return false;
    this.#isWorking = false;
    if (!this.#stream.isClosed) return true;
    this.#stream.release();
    return false;
  }
}
