import { PREFIX_BYTES } from './message-reader.ts';

/**
 * The message of a body that is one plain, uncompressed message of an allowed size, as nearly every
 * body is: a view on it. Null for any other, which MessageReader judges.
 */
export function readWhole(
  bytes: Uint8Array,
  start: number,
  end: number,
  bytesMax: number,
): Uint8Array | null {
  const length = end - start - PREFIX_BYTES;
  if (length < 0 || length > bytesMax || bytes[start] !== 0) return null;
  const announced =
    ((bytes[start + 1] as number) << 24) |
    ((bytes[start + 2] as number) << 16) |
    ((bytes[start + 3] as number) << 8) |
    (bytes[start + 4] as number);
  if (announced !== length) return null;
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start + PREFIX_BYTES, length);
}
