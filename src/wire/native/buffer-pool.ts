import type { OutputMemory } from '../http2/output-buffer.ts';

/** Output of one tick and connection is rarely more: some hundred small answers. */
const BUFFER_BYTES = 16_384;
/** Buffers kept: as many connections as have output in one tick, 1 MiB in all. */
const BUFFERS_MAX = 64;

/** Output memory that connections take turns with; larger pieces are made as they are needed. */
export class BufferPool implements OutputMemory {
  readonly #free: Uint8Array[] = [];

  acquire(bytesMin: number): Uint8Array {
    if (bytesMin > BUFFER_BYTES) return Buffer.allocUnsafeSlow(bytesMin);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
  }

  release(bytes: Uint8Array): void {
    if (bytes.length !== BUFFER_BYTES || this.#free.length >= BUFFERS_MAX) return;
    this.#free.push(bytes);
  }
}
