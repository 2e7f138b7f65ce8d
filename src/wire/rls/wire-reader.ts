/**
 * Reads protobuf's wire format from untrusted bytes: never beyond the message it is in, never in
 * more than linear time, and with MalformedMessage as its only way to fail.
 *
 * One reader is used again and again; `open` starts a message. `enter` and `leave` go into an
 * embedded one, whose bytes then are all that the reader sees. Source: protobuf.dev, "Encoding".
 */
import { MalformedMessage } from './malformed-message.ts';
import { TextCache } from './text-cache.ts';

/** The lower three bits of a tag; the field's number is the rest. */
const WireType = {
  VARINT: 0,
  FIXED64: 1,
  BYTES: 2,
  GROUP_START: 3,
  GROUP_END: 4,
  FIXED32: 5,
} as const;

/** Nested groups that are skipped; protobuf's own readers stop at 100 messages too. */
export const GROUP_DEPTH_MAX = 100;
/** A 64-bit varint in 7-bit pieces. */
const VARINT_BYTES_MAX = 10;
/** Protobuf messages end below 2 GiB. */
const LENGTH_MAX = 2 ** 31 - 1;
/** Up to here a string is cheaper made from char codes than by the decoder. */
const SHORT_TEXT_MAX = 20;

const NO_BYTES: Uint8Array = new Uint8Array(0);
/** `ignoreBOM` keeps a leading U+FEFF: in a protobuf string it is text. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class WireReader {
  #bytes: Uint8Array = NO_BYTES;
  #at = 0;
  #end = 0;
  /** Upper 32 bits of the last varint read. */
  #high = 0;
  readonly #cache = new TextCache(decodeText);

  open(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#at = 0;
    this.#end = bytes.length;
  }

  /** Lets go of the message, so that a reader at rest keeps no memory alive. */
  close(): void {
    this.#bytes = NO_BYTES;
  }

  /** True at the end of the message that the reader is in. */
  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  /** Goes into the embedded message that starts here; give the result to `leave` at its end. */
  enter(): number {
    const length = this.#length();
    const outer = this.#end;
    this.#end = this.#at + length;
    return outer;
  }

  leave(outer: number): void {
    this.#end = outer;
  }

  tag(): number {
    const start = this.#at;
    const tag = this.uint32();
    const bytes = this.#at - start;
    if (bytes > 5 || this.#high !== 0) throw new MalformedMessage('tag beyond 32 bits', start);
    if (tag >>> 3 === 0) throw new MalformedMessage('field number 0', start);
    return tag;
  }

  /** The lower 32 bits of a varint, unsigned: protobuf cuts longer ones down. */
  uint32(): number {
    if (this.#at < this.#end) {
      const byte = this.#bytes[this.#at] as number;
      if (byte < 0x80) {
        this.#at++;
        this.#high = 0;
        return byte;
      }
    }
    return this.#longVarint();
  }

  /** The lower 32 bits of a varint, signed: how enums are read. */
  int32(): number {
    return this.uint32() | 0;
  }

  bool(): boolean {
    return this.uint32() !== 0 || this.#high !== 0;
  }

  /** A 64-bit varint that must fit a double's whole numbers. */
  uint53(what: string): number {
    const start = this.#at;
    const low = this.uint32();
    if (this.#high > 0x1f_ffff) {
      throw new MalformedMessage(`${what} beyond the bound of 2^53-1`, start);
    }
    return this.#high * 2 ** 32 + low;
  }

  /** A string that is unlike most others, such as an entry's value. */
  text(what: string): string {
    const length = this.#length();
    const start = this.#at;
    this.#at = start + length;
    try {
      return decodeText(this.#bytes, start, this.#at);
    } catch {
      throw new MalformedMessage(`${what} is not valid UTF-8`, start);
    }
  }

  /** A string that is likely the same as in an earlier message, such as a domain. */
  knownText(what: string): string {
    const length = this.#length();
    const start = this.#at;
    this.#at = start + length;
    try {
      return this.#cache.read(this.#bytes, start, this.#at);
    } catch {
      throw new MalformedMessage(`${what} is not valid UTF-8`, start);
    }
  }

  /** Passes over the field that `tag` opened: a field unknown, or known with another wire type. */
  skip(tag: number): void {
    this.#skip(tag, 1);
  }

  #skip(tag: number, depth: number): void {
    const start = this.#at;
    switch (tag & 7) {
      case WireType.VARINT:
        this.uint32();
        return;
      case WireType.FIXED64:
        this.#pass(8);
        return;
      case WireType.BYTES:
        this.#pass(this.#length());
        return;
      case WireType.FIXED32:
        this.#pass(4);
        return;
      case WireType.GROUP_START:
        this.#skipGroup(tag, depth);
        return;
      case WireType.GROUP_END:
        throw new MalformedMessage('end of a group that was never begun', start);
      default:
        throw new MalformedMessage(`wire type ${tag & 7}`, start);
    }
  }

  #skipGroup(opening: number, depth: number): void {
    if (depth > GROUP_DEPTH_MAX) {
      throw new MalformedMessage(`groups nested deeper than ${GROUP_DEPTH_MAX}`, this.#at);
    }
    for (;;) {
      const tag = this.tag();
      if ((tag & 7) !== WireType.GROUP_END) this.#skip(tag, depth + 1);
      else if (tag >>> 3 === opening >>> 3) return;
      else throw new MalformedMessage('end of another group', this.#at);
    }
  }

  #pass(count: number): void {
    if (count > this.#end - this.#at) throw new MalformedMessage('message cut short', this.#at);
    this.#at += count;
  }

  /** A length, checked against what is left. */
  #length(): number {
    const start = this.#at;
    const length = this.uint32();
    if (length > LENGTH_MAX || this.#high !== 0) {
      throw new MalformedMessage('length beyond 2^31-1', start);
    }
    if (length > this.#end - this.#at) {
      throw new MalformedMessage(`length ${length} beyond the end`, start);
    }
    return length;
  }

  /** A varint of any length; the lower half is returned, the upper left in #high. */
  #longVarint(): number {
    const start = this.#at;
    const bytes = this.#bytes;
    let low = 0;
    let high = 0;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const at = start + i;
      if (at >= this.#end) throw new MalformedMessage('message cut short', at);
      const byte = bytes[at] as number;
      const seven = byte & 0x7f;
      if (i < 4) low |= seven << (7 * i);
      else if (i === 4) {
        low |= seven << 28;
        high = seven >>> 4;
      } else high |= seven << (7 * i - 32);
      if (byte < 0x80) {
        this.#at = at + 1;
        this.#high = high >>> 0;
        return low >>> 0;
      }
    }
    throw new MalformedMessage(`varint longer than ${VARINT_BYTES_MAX} bytes`, start);
  }
}

/** Throws a TypeError when the bytes are not UTF-8. */
function decodeText(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  if (length > SHORT_TEXT_MAX) return utf8.decode(bytes.subarray(start, end));
  const codes = new Array<number>(length);
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i] as number;
    if (byte > 0x7f) return utf8.decode(bytes.subarray(start, end));
    codes[i] = byte;
  }
  return String.fromCharCode.apply(null, codes);
}
