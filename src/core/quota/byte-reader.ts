/** Reads what ByteWriter wrote, and refuses everything else: each value has one way to be written. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** These bytes are no command, or no ledger. */
export class MalformedBytes extends Error {
  override readonly name = 'MalformedBytes';
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whole, 0..max. */
  number(max: number = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (value > max) throw new MalformedBytes(`a number is above ${max}`);
      if (byte >= 0x80) continue;
      if (byte === 0 && scale > 1) throw new MalformedBytes('a number is written too long');
      return value;
    }
  }

  /** At most `bytesMax` bytes of UTF-8. */
  text(bytesMax: number): string {
    const length = this.number(bytesMax);
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new MalformedBytes('a text is cut off');
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    try {
      return utf8.decode(bytes);
    } catch {
      throw new MalformedBytes('a text is not UTF-8');
    }
  }

  /** As many of `one` as the number before them says, which is at most `max`. */
  list<T>(max: number, one: () => T): T[] {
    const count = this.number(max);
    const items: T[] = [];
    while (items.length < count) items.push(one());
    return items;
  }

  /** Nothing may be left. */
  end(): void {
    if (this.#at < this.#bytes.length) throw new MalformedBytes('bytes are left over');
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new MalformedBytes('the bytes are cut off');
    return byte;
  }
}
