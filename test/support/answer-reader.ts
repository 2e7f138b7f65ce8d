/** Reads what load generators want to know of an answer to ShouldRateLimit, without an object for each. */
import { WireReader } from '../../src/wire/rls/wire-reader.ts';

const Tag = { CODE: 8, HEADER: 26, KEY: 10, VALUE: 18 } as const;
const DEGRADED_HEADER = 'x-ratelimit-degraded';

export class AnswerReader {
  readonly #reader = new WireReader();
  #code = 0;
  #degraded: string | null = null;

  /** The overall code of the message read last. */
  get code(): number {
    return this.#code;
  }

  /** Value of x-ratelimit-degraded; null when there was none. */
  get degraded(): string | null {
    return this.#degraded;
  }

  read(message: Uint8Array): void {
    const reader = this.#reader;
    this.#code = 0;
    this.#degraded = null;
    reader.open(message);
    while (!reader.isAtEnd) {
      const tag = reader.tag();
      if (tag === Tag.CODE) this.#code = reader.int32();
      else if (tag === Tag.HEADER) this.#degraded = this.#degradedIn() ?? this.#degraded;
      else reader.skip(tag);
    }
  }

  /** Reads a header that the answer asks for; its value when it is the one that says degraded. */
  #degradedIn(): string | null {
    const reader = this.#reader;
    const outer = reader.enter();
    let key = '';
    let value = '';
    while (!reader.isAtEnd) {
      const tag = reader.tag();
      if (tag === Tag.KEY) key = reader.knownText('key');
      else if (tag === Tag.VALUE && key === DEGRADED_HEADER) value = reader.knownText('value');
      else reader.skip(tag);
    }
    reader.leave(outer);
    return key === DEGRADED_HEADER ? value : null;
  }
}
