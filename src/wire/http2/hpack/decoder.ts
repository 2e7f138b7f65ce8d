/**
 * HPACK decoder (RFC 7541): a header block in, its fields out.
 *
 * Every failure is a COMPRESSION_ERROR of the connection, since the tables of both sides are out of
 * step after it; so failures are one boolean.
 */
import type { FieldList } from './field-list.ts';
import { HeaderField } from './header-field.ts';
import { decodeHuffman } from './huffman.ts';
import { DynamicTable, STATIC_FIELDS } from './tables.ts';

/** RFC 7541, 4.2: a change of size may need two updates, the smallest size and the last one. */
const SIZE_UPDATES_MAX = 2;
/** Integers (lengths, indexes, sizes) above this are far beyond every bound here. */
const INTEGER_MAX = 2 ** 28;
/** What `#integer` and `#text` give when the block is broken. */
const BROKEN = -1;
const NOTHING = new Uint8Array(0);

export class HpackDecoder {
  readonly #table: DynamicTable;
  #bytes: Uint8Array = NOTHING;
  #at = 0;
  #end = 0;

  constructor(tableBytesMax: number) {
    this.#table = new DynamicTable(tableBytesMax);
  }

  /** See DynamicTable.generation: what a block without changes means is fixed while it stays. */
  get generation(): number {
    return this.#table.generation;
  }

  /** Bytes of the dynamic table in use. */
  get tableBytes(): number {
    return this.#table.bytes;
  }

  /** Adds the fields of the block in bytes[start, end); false when it is broken. */
  decode(bytes: Uint8Array, start: number, end: number, list: FieldList): boolean {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    const isWhole = this.#decodeAll(list);
    // The chunk is the transport's: nothing here may keep it alive.
    this.#bytes = NOTHING;
    return isWhole;
  }

  #decodeAll(list: FieldList): boolean {
    if (!this.#sizeUpdates()) return false;
    while (this.#at < this.#end) {
      const field = this.#field(this.#bytes[this.#at] as number);
      if (field === null) return false;
      list.add(field);
    }
    return true;
  }

  /** Size updates come first in a block; elsewhere `#field` refuses them. */
  #sizeUpdates(): boolean {
    let updates = 0;
    while (this.#at < this.#end && ((this.#bytes[this.#at] as number) & 0xe0) === 0x20) {
      const size = this.#integer(0x1f);
      updates++;
      if (size === BROKEN || updates > SIZE_UPDATES_MAX || !this.#table.resize(size)) return false;
    }
    return true;
  }

  #field(first: number): HeaderField | null {
    if (first >= 0x80) return this.#indexed(this.#integer(0x7f));
    if (first >= 0x40) {
      const field = this.#literal(this.#integer(0x3f));
      if (field !== null) this.#table.add(field);
      return field;
    }
    // 0001 means "never index", which matters to those who pass fields on: read like 0000.
    return first < 0x20 ? this.#literal(this.#integer(0x0f)) : null;
  }

  #indexed(index: number): HeaderField | null {
    if (index <= 0) return null;
    if (index <= STATIC_FIELDS.length) return STATIC_FIELDS[index - 1] as HeaderField;
    return this.#table.get(index - STATIC_FIELDS.length - 1) ?? null;
  }

  #literal(nameIndex: number): HeaderField | null {
    const name = nameIndex === 0 ? this.#text() : this.#indexed(nameIndex)?.name;
    if (name === undefined || name === null) return null;
    const value = this.#text();
    return value === null ? null : new HeaderField(name, value);
  }

  #text(): string | null {
    if (this.#at >= this.#end) return null;
    const isHuffman = (this.#bytes[this.#at] as number) >= 0x80;
    const length = this.#integer(0x7f);
    const start = this.#at;
    if (length === BROKEN || length > this.#end - start) return null;
    this.#at = start + length;
    if (isHuffman) return decodeHuffman(this.#bytes, start, this.#at);
    let text = '';
    for (let i = start; i < this.#at; i++) text += String.fromCharCode(this.#bytes[i] as number);
    return text;
  }

  /** RFC 7541, 5.1: the bits of `mask` in the first byte, then seven bits a byte. */
  #integer(mask: number): number {
    let value = (this.#bytes[this.#at++] as number) & mask;
    if (value < mask) return value;
    for (let scale = 1; this.#at < this.#end; scale *= 128) {
      const byte = this.#bytes[this.#at++] as number;
      value += (byte & 0x7f) * scale;
      // Also ends a run of empty continuation bytes.
      if (value > INTEGER_MAX || scale > INTEGER_MAX) return BROKEN;
      if (byte < 0x80) return value;
    }
    return BROKEN;
  }
}
