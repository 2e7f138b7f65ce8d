/**
 * HPACK encoder (RFC 7541) without a dynamic table: answers consist of the same few fields, so their
 * blocks are made once and sent as constant bytes on every connection, which no table of one
 * connection could serve. A block of such an encoder is valid whatever came before it.
 */
import { encodeHuffman, huffmanLength } from './huffman.ts';
import { STATIC_FIELDS } from './tables.ts';

/** Integers here are lengths and static indexes: five continuation bytes hold any of them. */
const INTEGER_BYTES_MAX = 6;

/** First static index of each name, and of each `name=value`. */
const NAME_INDEXES = new Map<string, number>();
const FIELD_INDEXES = new Map<string, number>();
for (const [i, field] of STATIC_FIELDS.entries()) {
  if (!NAME_INDEXES.has(field.name)) NAME_INDEXES.set(field.name, i + 1);
  FIELD_INDEXES.set(`${field.name}=${field.value}`, i + 1);
}

/** Names are lower case, texts hold one byte a character. */
export function encodeHeaders(fields: readonly (readonly [string, string])[]): Uint8Array {
  let bytesMax = 0;
  for (const [name, value] of fields)
    bytesMax += name.length + value.length + 3 * INTEGER_BYTES_MAX;
  const out = new Uint8Array(bytesMax);
  let at = 0;
  for (const [name, value] of fields) at = encodeField(name, value, out, at);
  return out.slice(0, at);
}

function encodeField(name: string, value: string, out: Uint8Array, at: number): number {
  const whole = FIELD_INDEXES.get(`${name}=${value}`);
  if (whole !== undefined) return encodeInteger(whole, 0x80, 0x7f, { out, at });
  const named = NAME_INDEXES.get(name) ?? 0;
  at = encodeInteger(named, 0x00, 0x0f, { out, at });
  if (named === 0) at = encodeText(name, out, at);
  return encodeText(value, out, at);
}

/** Huffman where that is shorter, as it nearly always is. */
function encodeText(text: string, out: Uint8Array, at: number): number {
  const packed = huffmanLength(text);
  if (packed < text.length) {
    return encodeHuffman(text, out, encodeInteger(packed, 0x80, 0x7f, { out, at }));
  }
  at = encodeInteger(text.length, 0x00, 0x7f, { out, at });
  for (let i = 0; i < text.length; i++) out[at++] = text.charCodeAt(i);
  return at;
}

interface Place {
  readonly out: Uint8Array;
  readonly at: number;
}

function encodeInteger(value: number, pattern: number, mask: number, place: Place): number {
  const { out } = place;
  let { at } = place;
  if (value < mask) {
    out[at++] = pattern | value;
    return at;
  }
  out[at++] = pattern | mask;
  let rest = value - mask;
  for (; rest >= 0x80; rest >>>= 7) out[at++] = (rest & 0x7f) | 0x80;
  out[at++] = rest;
  return at;
}
