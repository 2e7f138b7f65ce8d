/** Whole numbers in base 128, low digits first, and texts with their length: one way to write each. */
const FIRST_SIZE = 256;
/** A number below 2^53 in base 128. */
const NUMBER_BYTES_MAX = 8;

const utf8 = new TextEncoder();

export class ByteWriter {
  #bytes = new Uint8Array(FIRST_SIZE);
  #length = 0;

  /** Whole, 0..2^53-1. */
  number(value: number): this {
    this.#reserve(NUMBER_BYTES_MAX);
    let rest = value;
    while (rest >= 0x80) {
      const digit = rest % 0x80;
      this.#bytes[this.#length++] = digit | 0x80;
      rest = (rest - digit) / 0x80;
    }
    this.#bytes[this.#length++] = rest;
    return this;
  }

  /** Well-formed: a lone surrogate would not come back as it was. */
  text(value: string): this {
    const bytes = utf8.encode(value);
    this.number(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
