/**
 * Writes protobuf's wire format from its end to its beginning. An embedded message is preceded by
 * its length; written backwards, the length is known when its turn comes, so nothing is measured
 * first and nothing is moved. Fields are therefore written last to first, and of a field its value
 * before its tag.
 *
 * One writer is used again and again: `start` begins a message, `finish` returns it, in the writer's
 * own memory. Whoever keeps it copies it.
 */

/** Room kept between messages: an answer of 256 statuses needs about 8 KiB. */
const RETAINED_BYTES_MAX = 64 * 1024;
const INITIAL_BYTES = 4096;
/** A varint of 32 bits. */
const VARINT32_BYTES_MAX = 5;
/** UTF-8 takes at most three bytes for a UTF-16 unit. */
const UTF8_BYTES_PER_UNIT = 3;
/** Views of up to so many bytes are kept, at some 100 bytes each: answers have the same few sizes. */
const VIEW_BYTES_MAX = 256;

const utf8 = new TextEncoder();
const double = new DataView(new ArrayBuffer(8));

export class WireWriter {
  #bytes = new Uint8Array(INITIAL_BYTES);
  /** Where the message starts so far; it ends at the end of the room. */
  #at = INITIAL_BYTES;
  /** The last bytes of the room, by how many they are. */
  #views: (Uint8Array | undefined)[] = [];

  start(): void {
    if (this.#bytes.length > RETAINED_BYTES_MAX) this.#move(new Uint8Array(INITIAL_BYTES));
    this.#at = this.#bytes.length;
  }

  /** The message, valid until the next `start`. */
  finish(): Uint8Array {
    const length = this.written;
    if (length > VIEW_BYTES_MAX) return this.#bytes.subarray(this.#at);
    const view = this.#views[length] ?? this.#bytes.subarray(this.#at);
    this.#views[length] = view;
    return view;
  }

  /** Bytes written so far; give it to `length` to write how many came since. */
  get written(): number {
    return this.#bytes.length - this.#at;
  }

  /** The length of what was written since `written` was `mark`. */
  length(mark: number): void {
    this.uint32(this.written - mark);
  }

  /** One byte: a tag of a field below 16, a bool, an enum below 128. */
  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[--this.#at] = value;
  }

  /** A whole number 0..2^32-1. */
  uint32(value: number): void {
    this.#reserve(VARINT32_BYTES_MAX);
    if (value < 0x80) {
      this.#bytes[--this.#at] = value;
      return;
    }
    const size = longVarintSize(value);
    let rest = value >>> 0;
    let at = this.#at - size;
    this.#at = at;
    while (rest > 0x7f) {
      this.#bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[at] = rest;
  }

  /** 64-bit floating point, little end first. */
  double(value: number): void {
    this.#reserve(8);
    this.#at -= 8;
    double.setFloat64(0, value, true);
    for (let i = 0; i < 8; i++) this.#bytes[this.#at + i] = double.getUint8(i);
  }

  /** A string with its length before it; a lone surrogate becomes U+FFFD. */
  text(value: string): void {
    const units = value.length;
    this.#reserve(units * UTF8_BYTES_PER_UNIT + VARINT32_BYTES_MAX);
    const bytes = this.#bytes;
    let at = this.#at;
    for (let i = units - 1; i >= 0; i--) {
      const unit = value.charCodeAt(i);
      if (unit > 0x7f) {
        this.#wideText(value);
        return;
      }
      bytes[--at] = unit;
    }
    this.#at = at;
    this.uint32(units);
  }

  /** Text beyond ASCII: the encoder writes forwards, below, and the result is moved up. */
  #wideText(value: string): void {
    const from = this.#at - value.length * UTF8_BYTES_PER_UNIT;
    const { written } = utf8.encodeInto(value, this.#bytes.subarray(from, this.#at));
    this.#bytes.copyWithin(this.#at - written, from, from + written);
    this.#at -= written;
    this.uint32(written);
  }

  #reserve(count: number): void {
    if (count > this.#at) this.#grow(count);
  }

  #grow(count: number): void {
    const { written } = this;
    const room = new Uint8Array(Math.max(this.#bytes.length * 2, written + count));
    const at = room.length - written;
    room.set(this.#bytes.subarray(this.#at), at);
    this.#move(room);
    this.#at = at;
  }

  #move(room: Uint8Array<ArrayBuffer>): void {
    this.#bytes = room;
    this.#views = [];
  }
}

/** Bytes of a varint from 0x80 up. */
function longVarintSize(value: number): number {
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}
