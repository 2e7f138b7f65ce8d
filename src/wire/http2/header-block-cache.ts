/**
 * Header blocks seen before on this connection, and the heads they mean.
 *
 * A caller's second call is its first one over again: the same bytes. They mean the same as long as
 * the dynamic table has not changed, which its generation tells; blocks that change it are not kept.
 * So a call costs one look here instead of ten fields.
 *
 * All slots are of one generation: heads of an older one would keep fields alive that have left the
 * table, up to a whole table for each slot.
 */
import type { RequestHead } from './request-head.ts';

/** Callers use few blocks: one for each method and timeout. */
const SLOTS = 16;
/** Longer blocks hold something unusual, which will not come again. */
const BLOCK_BYTES_MAX = 512;
/** Callers send some ten to twenty; a byte can name a field, so the block's length is no bound. */
const FIELDS_MAX = 32;

class Slot {
  bytes: Uint8Array;
  length = 0;
  head: RequestHead | null = null;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
  }
}

export class HeaderBlockCache {
  readonly #slots: (Slot | undefined)[] = [];
  #generation = -1;

  /** The head of the block in bytes[start, end), or null when it is not known. */
  find(bytes: Uint8Array, start: number, end: number, generation: number): RequestHead | null {
    if (generation !== this.#generation) return null;
    const slot = this.#slots[slotOf(bytes, start, end)];
    const length = end - start;
    if (slot === undefined || slot.length !== length) return null;
    const known = slot.bytes;
    for (let i = 0; i < length; i++) {
      if (known[i] !== bytes[start + i]) return null;
    }
    return slot.head;
  }

  add(block: Uint8Array, generation: number, head: RequestHead): void {
    const { length } = block;
    if (length > BLOCK_BYTES_MAX || head.fields.length > FIELDS_MAX) return;
    if (generation !== this.#generation) {
      this.#generation = generation;
      this.#slots.length = 0;
    }
    const index = slotOf(block, 0, length);
    while (this.#slots.length <= index) this.#slots.push(undefined);
    let slot = this.#slots[index];
    if (slot === undefined || slot.bytes.length < length) slot = new Slot(length);
    this.#slots[index] = slot;
    slot.bytes.set(block);
    slot.length = length;
    slot.head = head;
  }
}

/** Blocks of one caller differ in length, at the end (the newest field) or in the middle. */
function slotOf(bytes: Uint8Array, start: number, end: number): number {
  const last = bytes[end - 1] ?? 0;
  const middle = bytes[(start + end) >>> 1] ?? 0;
  return (end - start + last * 3 + middle * 7) & (SLOTS - 1);
}
