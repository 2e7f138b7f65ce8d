/**
 * A reply of charge.lua, checked while it is read. Something that is no Redis, a proxy with an
 * answer of its own or another script under the name may answer anything; numbers made up from it
 * would let everything pass. So the reply counts as a whole or not at all: after the last number,
 * `isSound` says whether there were exactly the integers expected, each a count or the mark of an
 * error text, and then exactly the texts that were marked.
 *
 * The integers come as one string, a list by MessagePack's specification: the client's own reading of a
 * list of integers takes 0.2 µs for each.
 */
import type { StoreFailure } from '../../limiter/counter-store.ts';

/** What a call fails with whose reply is not one of the script. */
export const UNEXPECTED_REPLY: StoreFailure = {
  code: 'refused',
  text: 'redis: unexpected reply',
};

const NO_BYTES = new Uint8Array(0);

/** First bytes of MessagePack: a list of up to 15, lists with their number in 2 and 4 bytes. */
const LIST_FEW = 0x90;
const LIST_16 = 0xdc;
const LIST_32 = 0xdd;
/** Integers in 1, 2, 4 and 8 bytes, without and with a sign; none of the script takes 8 with one. */
const UNSIGNED = 0xcc;
const SIGNED = 0xd0;
/** Bytes from here on are integers -32..-1 of their own. */
const NEGATIVE = 0xe0;

export class ScriptReply {
  readonly #bytes: Uint8Array;
  /** Texts of the errors that single counters met. */
  readonly errors: readonly string[];
  #isSound = true;
  #at = 0;
  /** Integers that are not read yet. */
  #left: number;
  #errorsMarked = 0;

  constructor(reply: unknown) {
    const [list, ...texts]: readonly unknown[] = Array.isArray(reply) ? reply : [];
    this.#bytes = list instanceof Uint8Array ? list : NO_BYTES;
    this.#left = this.#listLength();
    const areTexts = texts.every((text) => text instanceof Uint8Array);
    if (!areTexts) this.#isSound = false;
    this.errors = areTexts ? texts.map(String) : [];
  }

  /** Asked when everything was read. */
  get isSound(): boolean {
    const isReadToEnd = this.#left === 0 && this.#at === this.#bytes.length;
    return this.#isSound && isReadToEnd && this.#errorsMarked === this.errors.length;
  }

  /** The next integer, 0..2^53-1. */
  count(): number {
    const value = this.#next();
    if (value < 0) this.#isSound = false;
    return value;
  }

  /** The next integer, or -e for the e-th of `errors`. */
  countOrError(): number {
    const value = this.#next();
    if (value < 0) {
      if (-value > this.errors.length) this.#isSound = false;
      else if (-value > this.#errorsMarked) this.#errorsMarked = -value;
    }
    return value;
  }

  /** Passes over an integer that means nothing. */
  skip(): void {
    this.#next();
  }

  #listLength(): number {
    const first = this.#byte();
    if (first >= LIST_FEW && first < LIST_FEW + 16) return first - LIST_FEW;
    if (first === LIST_16) return this.#unsigned(2);
    if (first === LIST_32) return this.#unsigned(4);
    this.#isSound = false;
    return 0;
  }

  /** 0 where there is none: then the reply is not sound. */
  #next(): number {
    this.#left -= 1;
    const first = this.#byte();
    if (first < 0x80) return first;
    if (first >= NEGATIVE) return first - 0x100;
    if (first >= UNSIGNED && first < SIGNED) return this.#exact(this.#unsigned(1 << (first & 3)));
    if (first >= SIGNED && first < SIGNED + 3) return this.#signed(1 << (first & 3));
    this.#isSound = false;
    return 0;
  }

  #exact(value: number): number {
    if (Number.isSafeInteger(value)) return value;
    this.#isSound = false;
    return 0;
  }

  #signed(bytes: number): number {
    const value = this.#unsigned(bytes);
    const above = 2 ** (8 * bytes);
    return value < above / 2 ? value : value - above;
  }

  /** Big end first. */
  #unsigned(bytes: number): number {
    let value = 0;
    for (let i = 0; i < bytes; i += 1) value = value * 0x100 + this.#byte();
    return value;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    this.#at += 1;
    return byte ?? 0;
  }
}
