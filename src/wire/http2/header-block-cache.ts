/**
 * Header blocks seen before on this connection, and the heads they mean.
 *
 * A caller's second call is its first one over again: the same bytes. They mean the same as long as
 * the dynamic table has not changed, which its generation tells; blocks that change it are not kept.
 * So a call costs one look here instead of ten fields.
 */
import type { RequestHead } from './request-head.ts';

/** Callers use few blocks: one for each method and timeout. */
const SLOTS = 16;
/** Longer blocks hold something unusual, which will not come again. */
const BLOCK_BYTES_MAX = 512;

class Slot {
  bytes: Uint8Array;
  length = 0;
  generation = -1;
  head: RequestHead | null = null;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
  }
}

export class HeaderBlockCache {
  readonly #slots: (Slot | undefined)[] = [];

  /** The head of the block in bytes[start, end), or null when it is not known. */
  find(bytes: Uint8Array, start: number, end: number, generation: number): RequestHead | null {
    const slot = this.#slots[slotOf(bytes, start, end)];
    const length = end - start;
    if (slot === undefined || slot.generation !== generation || slot.length !== length) return null;
    const known = slot.bytes;
    for (let i = 0; i < length; i++) {
      if (known[i] !== bytes[start + i]) return null;
    }
    return slot.head;
  }

  add(block: Uint8Array, generation: number, head: RequestHead): void {
    const { length } = block;
    if (length > BLOCK_BYTES_MAX) return;
    const index = slotOf(block, 0, length);
    while (this.#slots.length <= index) this.#slots.push(undefined);
    let slot = this.#slots[index];
    if (slot === undefined || slot.bytes.length < length) slot = new Slot(length);
    this.#slots[index] = slot;
    slot.bytes.set(block);
    slot.length = length;
    slot.generation = generation;
    slot.head = head;
  }
}

/** Blocks of one caller differ in length, at the end (the newest field) or in the middle. */
function slotOf(bytes: Uint8Array, start: number, end: number): number {
  const last = bytes[end - 1] ?? 0;
  const middle = bytes[(start + end) >>> 1] ?? 0;
  return (end - start + last * 3 + middle * 7) & (SLOTS - 1);
}
