import type { HeaderField } from './header-field.ts';

/**
 * The fields of one header block, up to a bound on their total size. Beyond it fields are only
 * measured: an index of one byte may name a field of thousands, so a small block can ask for a huge
 * list ("HPACK bomb"), and it must still be read to its end to keep the tables in step.
 */
export class FieldList {
  readonly fields: HeaderField[] = [];
  readonly bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get isTooLarge(): boolean {
    return this.#bytes > this.bytesMax;
  }

  add(field: HeaderField): void {
    this.#bytes += field.size;
    if (this.#bytes <= this.bytesMax) this.fields.push(field);
  }

  clear(): void {
    this.fields.length = 0;
    this.#bytes = 0;
  }
}
