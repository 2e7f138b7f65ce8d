/**
 * A request read in the plainest way there is: fields into a list, the list into a request. Slow, and
 * made of nothing that the codec is made of. It judges mutated bytes, which the generated code cannot:
 * that one reads known fields whatever their wire type, and beyond the end of the message they are in.
 * Source: protobuf.dev, "Encoding".
 */
import type { Descriptor, RateLimitRequest } from '../../../src/core/rules/request.ts';

interface Field {
  readonly number: number;
  /** Of wire type 0. */
  readonly varint: bigint | null;
  /** Of wire type 2. */
  readonly bytes: Uint8Array | null;
}

const GROUP_DEPTH_MAX = 100;

class Refused extends Error {}

class Fields {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  all(): Field[] {
    const fields: Field[] = [];
    while (this.#at < this.#bytes.length) fields.push(this.#field(...this.#tag(), 1));
    return fields;
  }

  #varint(): bigint {
    let value = 0n;
    for (let i = 0n; i < 10n; i++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new Refused();
      value |= BigInt(byte & 0x7f) << (7n * i);
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new Refused();
  }

  #tag(): [number: number, type: number] {
    const from = this.#at;
    const tag = this.#varint();
    const isLong = this.#at - from > 5 || tag >= 2n ** 32n;
    if (isLong || tag < 8n) throw new Refused();
    return [Number(tag >> 3n), Number(tag & 7n)];
  }

  #take(length: bigint): Uint8Array {
    const to = this.#at + Number(length);
    if (length >= 2n ** 31n || to > this.#bytes.length) throw new Refused();
    const taken = this.#bytes.subarray(this.#at, to);
    this.#at = to;
    return taken;
  }

  #field(number: number, type: number, depth: number): Field {
    if (type === 0) return { number, varint: this.#varint(), bytes: null };
    if (type === 2) return { number, varint: null, bytes: this.#take(this.#varint()) };
    if (type === 1) this.#take(8n);
    else if (type === 5) this.#take(4n);
    else if (type === 3 && depth <= GROUP_DEPTH_MAX) this.#group(number, depth);
    else throw new Refused();
    return { number, varint: null, bytes: null };
  }

  #group(opened: number, depth: number): void {
    for (;;) {
      const [number, type] = this.#tag();
      if (type !== 4) this.#field(number, type, depth + 1);
      else if (number === opened) return;
      else throw new Refused();
    }
  }
}

/** The request; null when the bytes are none. */
export function plainReading(bytes: Uint8Array): RateLimitRequest | null {
  try {
    const fields = new Fields(bytes).all();
    return {
      domain: textOf(fields, 1),
      descriptors: messagesOf(fields, 2).map(descriptorOf),
      hitsAddend: Number(BigInt.asUintN(32, lastOf(fields, 3) ?? 0n)),
    };
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
}

function descriptorOf(fields: readonly Field[]): Descriptor {
  const entries = messagesOf(fields, 1).map((entry) => ({
    key: textOf(entry, 1),
    value: textOf(entry, 2),
  }));
  // Several parts of an embedded message are one.
  const [limits, hits] = [messagesOf(fields, 2), messagesOf(fields, 3)];
  const [limit, hit] = [limits.flat(), hits.flat()];
  for (const each of hit)
    if (each.number === 1 && (each.varint ?? 0n) >= 2n ** 53n) throw new Refused();
  return {
    entries,
    limit:
      limits.length === 0
        ? null
        : {
            requestsPerUnit: Number(BigInt.asUintN(32, lastOf(limit, 1) ?? 0n)),
            unit: Number(BigInt.asIntN(32, lastOf(limit, 2) ?? 0n)),
          },
    hitsAddend: hits.length === 0 ? -1 : Number(lastOf(hit, 1) ?? 0n),
    isNegativeHits: (lastOf(fields, 4) ?? 0n) !== 0n,
  };
}

function lastOf(fields: readonly Field[], number: number): bigint | null {
  return fields.findLast((each) => each.number === number && each.varint !== null)?.varint ?? null;
}

function bytesOf(fields: readonly Field[], number: number): Uint8Array[] {
  return fields.flatMap((each) =>
    each.number === number && each.bytes !== null ? [each.bytes] : [],
  );
}

function messagesOf(fields: readonly Field[], number: number): Field[][] {
  return bytesOf(fields, number).map((bytes) => new Fields(bytes).all());
}

/** All of them must be UTF-8; the last one counts. */
function textOf(fields: readonly Field[], number: number): string {
  const texts = bytesOf(fields, number).map((bytes) => {
    const text = Buffer.from(bytes).toString('utf8');
    if (!Buffer.from(text).equals(Buffer.from(bytes))) throw new Refused();
    return text;
  });
  return texts.at(-1) ?? '';
}
