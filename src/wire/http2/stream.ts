/**
 * One request and its answer.
 *
 * States, by RFC 9113's names: open; half-closed (remote) once `isRemoteDone`; closed once
 * `isClosed`. There is no lasting half-closed (local): when the answer is complete before the
 * request, the rest of the request is refused and the stream is closed.
 */
import type { FrameSender } from './frame-sender.ts';

/** What takes a request's body and learns of its end. */
export interface StreamOwner {
  /** The next part of the body, bytes[start, end), valid only during the call. May be empty. */
  onBody(bytes: Uint8Array, start: number, end: number, isLast: boolean): void;
  /**
   * The peer or the connection went away; what is sent from now on is ignored. Returns true when
   * work for the call goes on: it then holds its place on the connection until `stream.release()`.
   */
  onAbort(): boolean;
}

/** What waits for the peer's flow-control windows. */
export interface Outbox {
  readonly parts: Uint8Array[];
  /** Bytes of the first part that have been sent. */
  offset: number;
  bytes: number;
  /** The trailers' block that ends the stream after the parts; null while more may follow. */
  trailers: Uint8Array | null;
  /** Since when nothing of it could be sent. */
  sinceMs: number;
}

export class Http2Stream {
  readonly id: number;
  readonly sender: FrameSender;
  readonly openedMs: number;
  owner: StreamOwner | null = null;
  isRemoteDone = false;
  isClosed = false;
  /** Bytes that the peer still takes on this stream; negative after it lowered its window. */
  sendWindow: number;
  /** Bytes that the peer may still send on this stream. */
  receiveWindow: number;
  /** Bytes of the body still due by content-length; -1 when unknown. */
  bodyBytesDue = -1;
  outbox: Outbox | null = null;
  #onRelease: (() => void) | null = null;

  constructor(id: number, sender: FrameSender, receiveWindow: number) {
    this.id = id;
    this.sender = sender;
    this.sendWindow = sender.initialWindow;
    this.receiveWindow = receiveWindow;
    this.openedMs = sender.nowMs;
  }

  /** The stream keeps its place after its end, until `release`. */
  keepPlace(onRelease: () => void): void {
    this.#onRelease = onRelease;
  }

  /** The work that outlived the stream is done. */
  release(): void {
    const release = this.#onRelease;
    this.#onRelease = null;
    release?.();
  }
}
