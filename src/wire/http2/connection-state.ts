/**
 * What the parts of one connection share: its bounds, counters, streams and sender, and the ways in
 * which a stream or the connection fails.
 */
import type { Http2Counters } from './counters.ts';
import { type Flood, FloodGuard, Flood as Kind } from './flood-guard.ts';
import { FrameSender, type SenderListener } from './frame-sender.ts';
import type { Http2Limits } from './limits.ts';
import type { OutputBuffer } from './output-buffer.ts';
import { ErrorCode, INT31_MAX } from './protocol.ts';
import type { Http2Stream } from './stream.ts';
import { Ending, StreamTable } from './stream-table.ts';

export class ConnectionState implements SenderListener {
  readonly limits: Http2Limits;
  readonly counters: Http2Counters;
  readonly guard: FloodGuard;
  readonly streams = new StreamTable();
  readonly sender: FrameSender;
  /** No more is read or sent once the output has gone: the transport may be closed. */
  isFinished = false;
  /** New streams above it are ignored: the peer has been told to go elsewhere. */
  lastIdAccepted = INT31_MAX;

  constructor(limits: Http2Limits, counters: Http2Counters, output: OutputBuffer) {
    this.limits = limits;
    this.counters = counters;
    this.guard = new FloodGuard(limits, counters);
    this.sender = new FrameSender(output, limits, this);
  }

  get nowMs(): number {
    return this.sender.nowMs;
  }

  /** The connection cannot go on (RFC 9113, 5.4.1). `text` tells whoever debugs the peer. */
  fail(code: ErrorCode, text: string): void {
    if (this.isFinished) return;
    this.counters.connectionsFailed++;
    this.sender.goAway(this.streams.lastId, code, text);
    this.finish();
  }

  /** A connection whose peer has been told the last stream is over with that stream. */
  finishWhenLeft(): void {
    if (this.isFinished || this.lastIdAccepted === INT31_MAX) return;
    if (this.streams.openCount === 0) this.finish();
  }

  /** Ends all streams; what is in the output may still be sent. */
  finish(): void {
    this.isFinished = true;
    for (const stream of this.streams.open()) this.#abort(stream, Ending.RESET_BY_US);
  }

  /** The peer broke a rule or bound on one stream, open or not (5.4.2). */
  failStream(id: number, code: ErrorCode): void {
    this.counters.streamsFailed++;
    this.cutStream(id, code);
    this.countFlood(Kind.RESET);
  }

  /** Ends a stream by this side's own choice. */
  cutStream(id: number, code: ErrorCode): void {
    this.sender.reset(id, code);
    const stream = this.streams.get(id);
    if (stream === undefined) this.streams.remember(id, Ending.RESET_BY_US);
    else this.#abort(stream, Ending.RESET_BY_US);
  }

  peerReset(stream: Http2Stream): void {
    this.counters.streamsReset++;
    this.#abort(stream, Ending.RESET_BY_PEER);
  }

  /** Counts a frame that brings no work; too many end the connection. */
  countFlood(kind: Flood): void {
    if (this.guard.exceeds(kind))
      this.fail(ErrorCode.ENHANCE_YOUR_CALM, 'too many frames a second');
  }

  onAnswered(stream: Http2Stream): void {
    this.counters.streamsClosed++;
    if (stream.isRemoteDone) {
      this.streams.close(stream, Ending.COMPLETE);
    } else {
      // RFC 9113, 8.1: the rest of the request is not wanted.
      this.sender.reset(stream.id, ErrorCode.NO_ERROR);
      this.streams.close(stream, Ending.RESET_BY_US);
    }
    this.finishWhenLeft();
  }

  onOverfull(stream: Http2Stream): void {
    this.counters.overflows++;
    this.failStream(stream.id, ErrorCode.ENHANCE_YOUR_CALM);
  }

  #abort(stream: Http2Stream, ending: Ending): void {
    this.counters.streamsClosed++;
    this.sender.drop(stream);
    this.streams.abort(stream, ending);
  }
}
