/**
 * The sending half of a connection: frames into the output, bodies within the peer's windows.
 *
 * An answer that fits is three frames written in a row, without an object made. One that does not
 * fit waits in its stream's outbox, whose bytes are bounded over the whole connection.
 */
import type { Http2Limits } from './limits.ts';
import type { OutputBuffer } from './output-buffer.ts';
import {
  type ErrorCode,
  Flag,
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
  FrameType,
  INITIAL_WINDOW_BYTES,
  INT31_MAX,
} from './protocol.ts';
import type { Http2Stream, Outbox } from './stream.ts';

const HEADERS = (FrameType.HEADERS << 8) | Flag.END_HEADERS;
const LAST_HEADERS = HEADERS | Flag.END_STREAM;
const DATA = FrameType.DATA << 8;
const LAST_DATA = DATA | Flag.END_STREAM;
const RST_STREAM = FrameType.RST_STREAM << 8;
const SETTINGS = FrameType.SETTINGS << 8;
const SETTINGS_ACK = SETTINGS | Flag.ACK;
const PING = FrameType.PING << 8;
const GOAWAY = FrameType.GOAWAY << 8;
const WINDOW_UPDATE = FrameType.WINDOW_UPDATE << 8;

/** HPACK's size update to 0, sent ahead of a block. */
const NO_TABLE = 0x20;
const NO_BYTES = new Uint8Array(0);

/** Header blocks around a body: encoded once, sent many times. Each fits in one frame. */
export interface AnswerBlocks {
  readonly head: Uint8Array;
  readonly trailers: Uint8Array;
}

export interface SenderListener {
  /** The last frame of a stream's answer has been written. */
  onAnswered(stream: Http2Stream): void;
  /** With this stream's body, more waits on the connection than heldBytesMax. */
  onOverfull(stream: Http2Stream): void;
}

export class FrameSender {
  readonly output: OutputBuffer;
  /** Set by the connection before it reads a chunk. */
  nowMs = 0;
  /** SETTINGS_INITIAL_WINDOW_SIZE of the peer. */
  initialWindow = INITIAL_WINDOW_BYTES;
  /** Bytes of answers that wait for a window, all streams together. */
  heldBytes = 0;
  readonly #limits: Http2Limits;
  readonly #listener: SenderListener;
  #window = INITIAL_WINDOW_BYTES;
  /** The peer named a table size: RFC 7541, 4.2 wants to hear that none is used. */
  #owesSizeUpdate = false;
  /**
   * Streams whose outbox waits for the connection's window alone, oldest first; bounded by
   * concurrentStreamsMax. Those that wait for their own are not looked at when the connection's opens,
   * or peers could open it a byte at a time and have each byte cost a look at a thousand streams.
   */
  readonly #waiting = new Set<Http2Stream>();

  constructor(output: OutputBuffer, limits: Http2Limits, listener: SenderListener) {
    this.output = output;
    this.#limits = limits;
    this.#listener = listener;
  }

  /** A whole answer: the body is `lead` and `body` in a row, copied before this returns. */
  answer(stream: Http2Stream, blocks: AnswerBlocks, lead: Uint8Array, body: Uint8Array): void {
    if (stream.isClosed) return;
    const { head, trailers } = blocks;
    const length = lead.length + body.length;
    const fits = length <= FRAME_BYTES_MAX && length <= this.#window && length <= stream.sendWindow;
    if (!fits || stream.outbox !== null) {
      this.head(stream, head);
      this.body(stream, lead, body);
      this.end(stream, trailers);
      return;
    }
    const { output } = this;
    const { id } = stream;
    output.reserve(3 * FRAME_HEADER_BYTES + 1 + head.length + length + trailers.length);
    this.#headers(id, HEADERS, head);
    output.frame(length, DATA, id);
    output.put(lead);
    output.put(body);
    output.frame(trailers.length, LAST_HEADERS, id);
    output.put(trailers);
    this.#window -= length;
    stream.sendWindow -= length;
    this.#listener.onAnswered(stream);
  }

  /** The head of an answer whose body follows. */
  head(stream: Http2Stream, block: Uint8Array): void {
    if (stream.isClosed) return;
    this.output.reserve(FRAME_HEADER_BYTES + 1 + block.length);
    this.#headers(stream.id, HEADERS, block);
  }

  /** A part of the body: `lead` and `part` in a row, copied before this returns. */
  body(stream: Http2Stream, lead: Uint8Array, part: Uint8Array): void {
    if (stream.isClosed) return;
    const bytes = new Uint8Array(lead.length + part.length);
    bytes.set(lead);
    bytes.set(part, lead.length);
    const box = this.#boxOf(stream);
    box.parts.push(bytes);
    box.bytes += bytes.length;
    this.heldBytes += bytes.length;
    this.#drainBox(stream, box);
    if (this.heldBytes > this.#limits.heldBytesMax) this.#listener.onOverfull(stream);
  }

  /** Ends the answer with trailers once its body is sent; with an empty block, without any. */
  end(stream: Http2Stream, trailers: Uint8Array): void {
    if (stream.isClosed) return;
    const box = this.#boxOf(stream);
    box.trailers = trailers;
    this.#drainBox(stream, box);
  }

  /** An answer that is nothing but a header block. */
  headOnly(stream: Http2Stream, block: Uint8Array): void {
    if (stream.isClosed) return;
    this.output.reserve(FRAME_HEADER_BYTES + 1 + block.length);
    this.#headers(stream.id, LAST_HEADERS, block);
    this.#listener.onAnswered(stream);
  }

  /** Forgets what a closing stream had waiting; call it before the stream loses its outbox. */
  drop(stream: Http2Stream): void {
    if (stream.outbox === null) return;
    this.heldBytes -= stream.outbox.bytes;
    stream.outbox = null;
    this.#waiting.delete(stream);
  }

  reset(streamId: number, code: ErrorCode): void {
    this.output.reserve(FRAME_HEADER_BYTES + 4);
    this.output.frame(4, RST_STREAM, streamId);
    this.output.putUint32(code);
  }

  settings(pairs: readonly (readonly [id: number, value: number])[]): void {
    this.output.reserve(FRAME_HEADER_BYTES + 6 * pairs.length);
    this.output.frame(6 * pairs.length, SETTINGS, 0);
    for (const [id, value] of pairs) {
      this.output.putUint16(id);
      this.output.putUint32(value);
    }
  }

  acknowledgeSettings(): void {
    this.output.reserve(FRAME_HEADER_BYTES);
    this.output.frame(0, SETTINGS_ACK, 0);
  }

  ping(payload: Uint8Array, isAck: boolean): void {
    this.output.reserve(FRAME_HEADER_BYTES + 8);
    this.output.frame(8, isAck ? PING | Flag.ACK : PING, 0);
    this.output.put(payload);
  }

  /** `text` is for whoever debugs the peer: ASCII, short. */
  goAway(lastId: number, code: ErrorCode, text: string): void {
    this.output.reserve(FRAME_HEADER_BYTES + 8 + text.length);
    this.output.frame(8 + text.length, GOAWAY, 0);
    this.output.putUint32(lastId);
    this.output.putUint32(code);
    this.output.put(Uint8Array.from(text, (character) => character.charCodeAt(0)));
  }

  /** Lets the peer send so many more bytes on the stream, or with 0 on the connection. */
  windowUpdate(streamId: number, bytes: number): void {
    this.output.reserve(FRAME_HEADER_BYTES + 4);
    this.output.frame(4, WINDOW_UPDATE, streamId);
    this.output.putUint32(bytes);
  }

  /** The peer named SETTINGS_HEADER_TABLE_SIZE. */
  noteTableSize(): void {
    this.#owesSizeUpdate = true;
  }

  /** More room on the connection; false when the window overflows. */
  widen(bytes: number): boolean {
    this.#window += bytes;
    if (this.#window > INT31_MAX) return false;
    this.#drainAll();
    return true;
  }

  /** More room on one stream; false when the window overflows. */
  widenStream(stream: Http2Stream, bytes: number): boolean {
    stream.sendWindow += bytes;
    if (stream.sendWindow > INT31_MAX) return false;
    if (stream.outbox !== null) this.#drainBox(stream, stream.outbox);
    return true;
  }

  /** Sends what the windows allow, in the order in which streams began to wait. */
  #drainAll(): void {
    for (const stream of this.#waiting) {
      if (this.#window <= 0) return;
      if (stream.outbox !== null) this.#drainBox(stream, stream.outbox);
    }
  }

  #headers(streamId: number, kind: number, block: Uint8Array): void {
    const { output } = this;
    if (this.#owesSizeUpdate) {
      this.#owesSizeUpdate = false;
      output.frame(block.length + 1, kind, streamId);
      output.bytes[output.length++] = NO_TABLE;
    } else {
      output.frame(block.length, kind, streamId);
    }
    output.put(block);
  }

  #boxOf(stream: Http2Stream): Outbox {
    if (stream.outbox !== null) return stream.outbox;
    const box = { parts: [], offset: 0, bytes: 0, trailers: null, sinceMs: this.nowMs };
    stream.outbox = box;
    return box;
  }

  #drainBox(stream: Http2Stream, box: Outbox): void {
    for (let part = box.parts[0]; part !== undefined; part = box.parts[0]) {
      const left = part.length - box.offset;
      const length = Math.min(left, FRAME_BYTES_MAX, this.#window, stream.sendWindow);
      if (length <= 0 && left > 0) {
        // Its own window is opened by `widenStream`, which comes here.
        if (stream.sendWindow > 0) this.#waiting.add(stream);
        else this.#waiting.delete(stream);
        return;
      }
      this.#sendPart(stream, box, part.subarray(box.offset, box.offset + length));
      if (length < left) continue;
      box.parts.shift();
      box.offset = 0;
    }
    this.#waiting.delete(stream);
    stream.outbox = null;
    if (box.trailers === null) return;
    this.#sendEnd(stream.id, box.trailers);
    this.#listener.onAnswered(stream);
  }

  #sendPart(stream: Http2Stream, box: Outbox, bytes: Uint8Array): void {
    const { length } = bytes;
    this.output.reserve(FRAME_HEADER_BYTES + length);
    this.output.frame(length, DATA, stream.id);
    this.output.put(bytes);
    this.#window -= length;
    stream.sendWindow -= length;
    box.offset += length;
    box.bytes -= length;
    box.sinceMs = this.nowMs;
    this.heldBytes -= length;
  }

  #sendEnd(streamId: number, trailers: Uint8Array): void {
    this.output.reserve(FRAME_HEADER_BYTES + 1 + trailers.length);
    if (trailers.length > 0) this.#headers(streamId, LAST_HEADERS, trailers);
    else this.output.frame(0, LAST_DATA, streamId);
  }
}

/** A body without trailers: see `end`. */
export const NO_TRAILERS = NO_BYTES;
