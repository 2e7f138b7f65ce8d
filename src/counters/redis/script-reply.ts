/**
 * A reply of charge.lua, checked while it is read. Something that is no Redis, a proxy with an
 * answer of its own or another script under the name may answer anything; numbers made up from it
 * would let everything pass. So the reply counts as a whole or not at all: after the last number,
 * `isSound` says whether there were exactly the integers expected, each a count or the mark of an
 * error text, and then exactly the texts that were marked.
 */
import type { StoreFailure } from '../../limiter/counter-store.ts';

/** What a call fails with whose reply is not one of the script. */
export const UNEXPECTED_REPLY: StoreFailure = {
  code: 'refused',
  text: 'redis: unexpected reply',
};

export class ScriptReply {
  readonly #values: readonly unknown[];
  readonly #integers: number;
  /** Texts of the errors that single counters met. */
  readonly errors: readonly string[];
  #isSound = true;
  #at = 0;
  #errorsMarked = 0;

  /** `integers`: how many the script answers to what it was sent. */
  constructor(reply: unknown, integers: number) {
    this.#values = Array.isArray(reply) ? reply : [];
    this.#integers = integers;
    const texts = this.#values.slice(integers);
    if (!texts.every(isText)) this.#isSound = false;
    this.errors = texts.map(String);
  }

  /** Asked when everything was read. */
  get isSound(): boolean {
    return (
      this.#isSound && this.#at === this.#integers && this.#errorsMarked === this.errors.length
    );
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

  #next(): number {
    const value = this.#values[this.#at];
    this.#at += 1;
    // Nearly every one: a small integer needs no further look.
    if (typeof value === 'number' && (value | 0) === value) return value;
    const integer = integerOf(value);
    if (Number.isNaN(integer)) this.#isSound = false;
    return integer;
  }
}

/** Large counts come as text. NaN for what is no integer that a double holds exactly. */
function integerOf(value: unknown): number {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : Number.NaN;
  if (!isText(value)) return Number.NaN;
  const text = String(value);
  const integer = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(integer) ? integer : Number.NaN;
}

/** A bulk or simple string. */
function isText(value: unknown): boolean {
  return value instanceof Uint8Array;
}
