/**
 * HEADERS, CONTINUATION, DATA and RST_STREAM: what becomes a request.
 */
import type { ConnectionState } from './connection-state.ts';
import { Flood } from './flood-guard.ts';
import type { Frame } from './frame-reader.ts';
import { BlockFault, HeaderBlocks } from './header-blocks.ts';
import { ErrorCode, Flag, INITIAL_WINDOW_BYTES, readUint31 } from './protocol.ts';
import { areTrailersValid, type RequestHead } from './request-head.ts';
import { Http2Stream, type StreamOwner } from './stream.ts';
import { Ending } from './stream-table.ts';

export interface RequestListener {
  /** A well-formed request; what is returned takes its body, whose last part may follow at once. */
  onRequest(stream: Http2Stream, head: RequestHead): StreamOwner;
}

/** The stream a priority field depends on, and a weight. */
const PRIORITY_BYTES = 5;
/** A window is topped up when half of it is used. */
const TOP_UP_SHARE = 2;

export class RequestFrames {
  readonly blocks: HeaderBlocks;
  readonly #state: ConnectionState;
  readonly #listener: RequestListener;
  #receiveWindow: number = INITIAL_WINDOW_BYTES;

  constructor(state: ConnectionState, listener: RequestListener) {
    this.#state = state;
    this.#listener = listener;
    this.blocks = new HeaderBlocks(state);
  }

  /** Opens the connection's window as far as its bound. */
  openWindow(): void {
    const more = this.#state.limits.connectionWindowBytes - this.#receiveWindow;
    if (more <= 0) return;
    this.#receiveWindow += more;
    this.#state.sender.windowUpdate(0, more);
  }

  onHeaders(frame: Frame): void {
    const id = frame.streamId;
    if (id % 2 === 0) {
      this.#state.fail(ErrorCode.PROTOCOL_ERROR, 'HEADERS on a stream that clients cannot open');
      return;
    }
    if (!this.#strip(frame)) return;
    if ((frame.flags & Flag.END_HEADERS) === 0) {
      this.blocks.begin(frame);
      return;
    }
    this.#onBlock(id, frame.bytes, frame, (frame.flags & Flag.END_STREAM) !== 0);
  }

  onContinuation(frame: Frame): void {
    this.blocks.proceed(frame);
    if (this.#state.isFinished || (frame.flags & Flag.END_HEADERS) === 0) return;
    const { endsStream } = this.blocks;
    const block = this.blocks.take();
    this.#onBlock(frame.streamId, block, { start: 0, end: block.length }, endsStream);
  }

  onData(frame: Frame): void {
    const state = this.#state;
    const id = frame.streamId;
    if (id === 0) {
      state.fail(ErrorCode.PROTOCOL_ERROR, 'DATA on stream 0');
      return;
    }
    const length = frame.end - frame.start;
    if (!this.#takeFromWindow(length) || !this.#stripPadding(frame)) return;
    if (frame.start === frame.end && (frame.flags & Flag.END_STREAM) === 0) {
      state.countFlood(Flood.EMPTY_DATA);
      if (state.isFinished) return;
    }
    const stream = state.streams.get(id);
    if (stream === undefined) this.#onLateFrame(id);
    else if (stream.isRemoteDone) state.failStream(id, ErrorCode.STREAM_CLOSED);
    else this.#onBody(stream, frame, length);
  }

  onReset(frame: Frame): void {
    const state = this.#state;
    const id = frame.streamId;
    if (frame.end - frame.start !== 4) {
      state.fail(ErrorCode.FRAME_SIZE_ERROR, 'RST_STREAM of a wrong size');
    } else if (id === 0 || (id > state.streams.lastId && id <= state.lastIdAccepted)) {
      state.fail(ErrorCode.PROTOCOL_ERROR, 'RST_STREAM on an idle stream');
    } else {
      const stream = state.streams.get(id);
      if (stream !== undefined) state.peerReset(stream);
      state.countFlood(Flood.RESET);
    }
  }

  #onBlock(id: number, bytes: Uint8Array, range: Range, endsStream: boolean): void {
    const { streams } = this.#state;
    if (id > streams.lastId) this.#onRequest(id, bytes, range, endsStream);
    else this.#onTrailers(id, bytes, range, endsStream);
  }

  #onRequest(id: number, bytes: Uint8Array, range: Range, endsStream: boolean): void {
    const state = this.#state;
    const { streams, limits } = state;
    const head = this.blocks.readHead(bytes, range.start, range.end);
    if (head === null || id > state.lastIdAccepted) return;
    streams.lastId = id;
    if (head === BlockFault.MALFORMED) state.failStream(id, ErrorCode.PROTOCOL_ERROR);
    else if (head === BlockFault.TOO_LARGE) state.failStream(id, ErrorCode.ENHANCE_YOUR_CALM);
    else if (endsStream && head.contentLength > 0) {
      state.failStream(id, ErrorCode.PROTOCOL_ERROR);
    } else if (streams.workCount >= limits.concurrentStreamsMax) {
      state.counters.streamsRefused++;
      state.cutStream(id, ErrorCode.REFUSED_STREAM);
      state.countFlood(Flood.RESET);
    } else this.#open(id, head, endsStream);
  }

  #open(id: number, head: RequestHead, endsStream: boolean): void {
    const { streams, limits, sender, counters, guard } = this.#state;
    const stream = new Http2Stream(id, sender, limits.streamWindowBytes);
    stream.bodyBytesDue = head.contentLength;
    stream.isRemoteDone = endsStream;
    streams.add(stream);
    counters.streamsOpened++;
    guard.countRequest();
    const owner = this.#listener.onRequest(stream, head);
    stream.owner = owner;
    if (endsStream && !stream.isClosed) owner.onBody(NO_BYTES, 0, 0, true);
  }

  #onTrailers(id: number, bytes: Uint8Array, range: Range, endsStream: boolean): void {
    const state = this.#state;
    const fields = this.blocks.readTrailers(bytes, range.start, range.end);
    if (fields === null) return;
    const stream = state.streams.get(id);
    if (stream === undefined) {
      const ending = state.streams.endingOf(id);
      if (ending === Ending.RESET_BY_US) return;
      const code = ending === Ending.UNKNOWN ? ErrorCode.PROTOCOL_ERROR : ErrorCode.STREAM_CLOSED;
      state.fail(code, 'HEADERS on a closed stream');
    } else if (stream.isRemoteDone) state.failStream(id, ErrorCode.STREAM_CLOSED);
    else if (fields === BlockFault.TOO_LARGE) state.failStream(id, ErrorCode.ENHANCE_YOUR_CALM);
    else if (!endsStream || typeof fields === 'string' || !areTrailersValid(fields)) {
      state.failStream(id, ErrorCode.PROTOCOL_ERROR);
    } else if (stream.bodyBytesDue > 0) state.failStream(id, ErrorCode.PROTOCOL_ERROR);
    else {
      stream.isRemoteDone = true;
      stream.owner?.onBody(NO_BYTES, 0, 0, true);
    }
  }

  #onBody(stream: Http2Stream, frame: Frame, windowBytes: number): void {
    const state = this.#state;
    const { start, end } = frame;
    const isLast = (frame.flags & Flag.END_STREAM) !== 0;
    stream.receiveWindow -= windowBytes;
    if (stream.receiveWindow < 0) {
      state.failStream(stream.id, ErrorCode.FLOW_CONTROL_ERROR);
      return;
    }
    if (stream.bodyBytesDue >= 0) {
      stream.bodyBytesDue -= end - start;
      if (stream.bodyBytesDue < 0 || (isLast && stream.bodyBytesDue > 0)) {
        state.failStream(stream.id, ErrorCode.PROTOCOL_ERROR);
        return;
      }
    }
    stream.isRemoteDone = isLast;
    stream.owner?.onBody(frame.bytes, start, end, isLast);
    if (!isLast && !stream.isClosed) this.#topUp(stream);
  }

  #topUp(stream: Http2Stream): void {
    const { streamWindowBytes } = this.#state.limits;
    const used = streamWindowBytes - stream.receiveWindow;
    if (used * TOP_UP_SHARE < streamWindowBytes) return;
    stream.receiveWindow += used;
    this.#state.sender.windowUpdate(stream.id, used);
  }

  /** Counts against the connection's window, padding and frames of no use included. */
  #takeFromWindow(length: number): boolean {
    const state = this.#state;
    this.#receiveWindow -= length;
    if (this.#receiveWindow < 0) {
      state.fail(ErrorCode.FLOW_CONTROL_ERROR, 'more DATA than the window allows');
      return false;
    }
    const size = Math.max(state.limits.connectionWindowBytes, INITIAL_WINDOW_BYTES);
    const used = size - this.#receiveWindow;
    if (used * TOP_UP_SHARE >= size) {
      this.#receiveWindow += used;
      state.sender.windowUpdate(0, used);
    }
    return true;
  }

  /** DATA on a stream that is not open: no harm when this side cut it short. */
  #onLateFrame(id: number): void {
    const state = this.#state;
    if (id > state.streams.lastId) {
      if (id <= state.lastIdAccepted)
        state.fail(ErrorCode.PROTOCOL_ERROR, 'DATA on an idle stream');
    } else if (state.streams.endingOf(id) !== Ending.RESET_BY_US) {
      state.failStream(id, ErrorCode.STREAM_CLOSED);
    }
  }

  /** Takes padding and priority fields off a HEADERS frame. */
  #strip(frame: Frame): boolean {
    if (!this.#stripPadding(frame)) return false;
    if ((frame.flags & Flag.PRIORITY) === 0) return true;
    if (frame.end - frame.start < PRIORITY_BYTES) {
      this.#state.fail(ErrorCode.FRAME_SIZE_ERROR, 'HEADERS too short for its priority');
      return false;
    }
    if (readUint31(frame.bytes, frame.start) === frame.streamId) {
      this.#state.fail(ErrorCode.PROTOCOL_ERROR, 'a stream that depends on itself');
      return false;
    }
    frame.start += PRIORITY_BYTES;
    return true;
  }

  #stripPadding(frame: Frame): boolean {
    if ((frame.flags & Flag.PADDED) === 0) return true;
    const padding = frame.bytes[frame.start] as number;
    if (frame.start === frame.end || padding >= frame.end - frame.start) {
      this.#state.fail(ErrorCode.PROTOCOL_ERROR, 'padding longer than its frame');
      return false;
    }
    frame.start++;
    frame.end -= padding;
    return true;
  }
}

interface Range {
  readonly start: number;
  readonly end: number;
}

const NO_BYTES = new Uint8Array(0);
