import { NO_TRAILERS } from '../http2/frame-sender.ts';
import type { Http2Stream, StreamOwner } from '../http2/stream.ts';
import { plainHead } from './answer-blocks.ts';
import type { PlainPlan } from './call-plan.ts';

/** gRPC that cannot be served, answered at once: a caller may wait for that before it goes on. */
export class RefusedRequest implements StreamOwner {
  constructor(stream: Http2Stream, block: Uint8Array) {
    stream.sender.headOnly(stream, block);
  }

  onBody(): void {
    // The answer is out; nothing of the body matters.
  }

  onAbort(): boolean {
    return false;
  }
}

const NO_LEAD = new Uint8Array(0);
const utf8 = new TextEncoder();

/** No gRPC. Answered when the request is complete, as HTTP clients expect; its body is dropped. */
export class PlainRequest implements StreamOwner {
  readonly #stream: Http2Stream;
  readonly #plan: PlainPlan;

  constructor(stream: Http2Stream, plan: PlainPlan) {
    this.#stream = stream;
    this.#plan = plan;
  }

  onBody(_bytes: Uint8Array, _start: number, _end: number, isLast: boolean): void {
    if (!isLast) return;
    const { sender } = this.#stream;
    sender.head(this.#stream, plainHead(this.#plan.httpStatus));
    sender.body(this.#stream, NO_LEAD, utf8.encode(this.#plan.text));
    sender.end(this.#stream, NO_TRAILERS);
  }

  onAbort(): boolean {
    return false;
  }
}
