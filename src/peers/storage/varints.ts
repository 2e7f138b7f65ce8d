/**
 * Whole numbers from 0 to 2^53 − 1 in seven bits a byte, the lowest first, the top bit saying that
 * more follows; bytes behind their length.
 */

/** Of one number. */
export const VARINT_BYTES_MAX = 8;

export class ByteWriter {
  readonly bytes: Uint8Array;
  #at: number;

  /** `size` must do for all that comes; the first `reserved` bytes are the caller's. */
  constructor(size: number, reserved: number) {
    this.bytes = new Uint8Array(size);
    this.#at = reserved;
  }

  number(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.bytes[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.bytes[this.#at++] = rest;
  }

  block(block: Uint8Array): void {
    this.number(block.length);
    this.raw(block);
  }

  raw(block: Uint8Array): void {
    this.bytes.set(block, this.#at);
    this.#at += block.length;
  }

  /** What was written, with the reserved bytes. */
  finish(): Uint8Array {
    return this.bytes.subarray(0, this.#at);
  }
}

/** Throws a RangeError when the bytes end too early or a number is too large. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  number(): number {
    let value = 0;
    for (let i = 0, scale = 1; i < VARINT_BYTES_MAX; i++, scale *= 0x80) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new RangeError('it ends within a number');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return this.#exact(value);
    }
    throw new RangeError('a number is too long');
  }

  /** A view, not a copy. */
  block(): Uint8Array {
    return this.raw(this.number());
  }

  raw(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError('it ends within a block');
    const block = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return block;
  }

  /** Throws when something follows. */
  finish(): void {
    const rest = this.#bytes.length - this.#at;
    if (rest > 0) throw new RangeError(`${rest} bytes follow its end`);
  }

  #exact(value: number): number {
    if (!Number.isSafeInteger(value)) throw new RangeError('a number is too large');
    return value;
  }
}
