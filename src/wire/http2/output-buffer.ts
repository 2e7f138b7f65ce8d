/**
 * Bytes on their way out: everything that a connection says in one tick, in one piece.
 *
 * The memory comes from the transport when the first byte is written and goes back with `take`, so a
 * connection that is silent owns none.
 */
import { FRAME_HEADER_BYTES } from './protocol.ts';

/** Where output memory comes from. */
export interface OutputMemory {
  /** At least `bytesMin` bytes, of any content. */
  acquire(bytesMin: number): Uint8Array;
  release(bytes: Uint8Array): void;
}

const NOTHING = new Uint8Array(0);
/** Below this a loop beats the call of `set`. */
const LOOP_BYTES_MAX = 48;

export class OutputBuffer {
  bytes: Uint8Array = NOTHING;
  length = 0;
  /** More than `bytesMax` had to be kept: what is here is no longer a sequence of frames. */
  hasOverflowed = false;
  readonly #memory: OutputMemory;
  readonly #bytesMax: number;
  readonly #onFirst: () => void;

  /** `onFirst` is called when the buffer goes from empty to not empty. */
  constructor(memory: OutputMemory, bytesMax: number, onFirst: () => void) {
    this.#memory = memory;
    this.#bytesMax = bytesMax;
    this.#onFirst = onFirst;
  }

  /** Makes room for so many more bytes. Callers then write exactly that many. */
  reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (this.length === 0) this.#onFirst();
    if (needed > this.#bytesMax) this.#overflow(bytes);
    else if (needed > this.bytes.length) this.#grow(Math.max(needed, this.bytes.length * 2));
  }

  /** What was kept is given up: the connection is lost, but who writes now still needs the room. */
  #overflow(bytes: number): void {
    this.hasOverflowed = true;
    this.length = 0;
    if (bytes > this.bytes.length) this.#grow(bytes);
  }

  #grow(bytes: number): void {
    const larger = this.#memory.acquire(bytes);
    larger.set(this.bytes.subarray(0, this.length));
    if (this.bytes.length > 0) this.#memory.release(this.bytes);
    this.bytes = larger;
  }

  /** A frame header; `kind` is the type shifted left by 8, with the flags below it. */
  frame(length: number, kind: number, streamId: number): void {
    const { bytes, length: at } = this;
    bytes[at] = length >>> 16;
    bytes[at + 1] = length >>> 8;
    bytes[at + 2] = length;
    bytes[at + 3] = kind >>> 8;
    bytes[at + 4] = kind;
    bytes[at + 5] = streamId >>> 24;
    bytes[at + 6] = streamId >>> 16;
    bytes[at + 7] = streamId >>> 8;
    bytes[at + 8] = streamId;
    this.length = at + FRAME_HEADER_BYTES;
  }

  put(source: Uint8Array): void {
    const { bytes, length: at } = this;
    if (source.length > LOOP_BYTES_MAX) bytes.set(source, at);
    else for (let i = 0; i < source.length; i++) bytes[at + i] = source[i] as number;
    this.length = at + source.length;
  }

  putUint16(value: number): void {
    this.bytes[this.length++] = value >>> 8;
    this.bytes[this.length++] = value;
  }

  putUint32(value: number): void {
    this.putUint16(value >>> 16);
    this.putUint16(value & 0xffff);
  }

  /** Hands over the memory and starts anew; the new owner gives it back with `release`. */
  take(): Uint8Array {
    const { bytes } = this;
    this.bytes = NOTHING;
    this.length = 0;
    return bytes;
  }
}
