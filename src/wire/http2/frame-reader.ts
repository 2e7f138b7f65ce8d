/**
 * Cuts a stream of bytes into frames.
 *
 * Frames are read where they lie, in the chunk that the transport gave; only one that is cut by the
 * end of a chunk is put together in memory of its own, which is as large as that frame and no larger
 * than one frame may be. One `Frame` object serves all: what it says is valid during the call.
 */
import { FRAME_BYTES_MAX, FRAME_HEADER_BYTES, readUint31 } from './protocol.ts';

/** The frame at hand: its payload is bytes[start, end). */
export class Frame {
  bytes: Uint8Array = NOTHING;
  start = 0;
  end = 0;
  type = 0;
  flags = 0;
  streamId = 0;
}

export interface FrameListener {
  /** False stops the reading: the rest of the chunk is dropped. */
  onFrame(frame: Frame): boolean;
  /** A frame announced more than FRAME_BYTES_MAX bytes. Reading has stopped. */
  onOversize(frame: Frame): void;
}

const NOTHING = new Uint8Array(0);

export class FrameReader {
  readonly #listener: FrameListener;
  readonly #frame = new Frame();
  /** The start of a frame that is not yet complete; its header is complete when that is known. */
  #partial: Uint8Array = NOTHING;
  #held = 0;
  #cutCount = 0;

  constructor(listener: FrameListener) {
    this.#listener = listener;
  }

  /** True between the first and the last byte of a frame that came in pieces. */
  get isInsideFrame(): boolean {
    return this.#held > 0;
  }

  /** Frames that did not arrive in one piece, so far. */
  get cutCount(): number {
    return this.#cutCount;
  }

  read(chunk: Uint8Array, start: number): void {
    let at = start;
    if (this.#held > 0) {
      at = this.#completePartial(chunk, at);
      if (at < 0) return;
    }
    const end = chunk.length;
    while (end - at >= FRAME_HEADER_BYTES) {
      const length = this.#openFrame(chunk, at);
      if (length < 0) return;
      const next = at + FRAME_HEADER_BYTES + length;
      if (next > end) break;
      if (!this.#deliver(chunk, at + FRAME_HEADER_BYTES, next)) return;
      at = next;
    }
    if (at < end) this.#hold(chunk, at);
  }

  /** Where the chunk goes on after the frame that began before it; -1 when there is no more to read. */
  #completePartial(chunk: Uint8Array, start: number): number {
    let at = start;
    if (this.#held < FRAME_HEADER_BYTES) {
      at = this.#fill(chunk, at, FRAME_HEADER_BYTES);
      if (this.#held < FRAME_HEADER_BYTES) return -1;
      if (this.#sizePartial() < 0) return -1;
    }
    const { length } = this.#partial;
    at = this.#fill(chunk, at, length);
    if (this.#held < length) return -1;
    const whole = this.#partial;
    this.#openFrame(whole, 0);
    this.#partial = NOTHING;
    this.#held = 0;
    return this.#deliver(whole, FRAME_HEADER_BYTES, length) ? at : -1;
  }

  /** Copies up to `target` held bytes; returns where the chunk goes on. */
  #fill(chunk: Uint8Array, at: number, target: number): number {
    const taken = Math.min(target - this.#held, chunk.length - at);
    this.#partial.set(chunk.subarray(at, at + taken), this.#held);
    this.#held += taken;
    return at + taken;
  }

  /** Keeps what is left of the chunk, less than a frame. */
  #hold(chunk: Uint8Array, at: number): void {
    const rest = chunk.length - at;
    this.#cutCount++;
    this.#partial = new Uint8Array(FRAME_HEADER_BYTES);
    this.#held = 0;
    const next = this.#fill(chunk, at, Math.min(rest, FRAME_HEADER_BYTES));
    if (rest < FRAME_HEADER_BYTES || this.#sizePartial() < 0) return;
    this.#fill(chunk, next, this.#partial.length);
  }

  /** With the held header known, makes the memory as large as the frame; -1 when it is oversize. */
  #sizePartial(): number {
    const length = this.#openFrame(this.#partial, 0);
    if (length < 0) return length;
    const whole = new Uint8Array(FRAME_HEADER_BYTES + length);
    whole.set(this.#partial.subarray(0, FRAME_HEADER_BYTES));
    this.#partial = whole;
    return length;
  }

  /** Reads the header at bytes[at] into the frame; returns the payload's length, -1 when oversize. */
  #openFrame(bytes: Uint8Array, at: number): number {
    const frame = this.#frame;
    const length =
      ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    frame.type = bytes[at + 3] as number;
    frame.flags = bytes[at + 4] as number;
    frame.streamId = readUint31(bytes, at + 5);
    if (length <= FRAME_BYTES_MAX) return length;
    this.#listener.onOversize(frame);
    return -1;
  }

  #deliver(bytes: Uint8Array, start: number, end: number): boolean {
    const frame = this.#frame;
    frame.bytes = bytes;
    frame.start = start;
    frame.end = end;
    const goesOn = this.#listener.onFrame(frame);
    // The chunk is the transport's: nothing here may keep it alive.
    frame.bytes = NOTHING;
    return goesOn;
  }
}
