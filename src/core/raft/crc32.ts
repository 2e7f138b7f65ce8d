/**
 * CRC-32 (IEEE 802.3, reflected, polynomial 0xEDB88320), as gzip and zlib have it. Eight bytes at a step, by a
 * table for each of their places: a snapshot of 16 MiB must not hold up decisions for as long as an election.
 */

/** Bytes of one step. */
const STEP = 8;
/** Entry `256 × n + byte`: what the byte does to the sum when `n` bytes follow it within a step. */
const TABLES = tables();

/** Checksum of `bytes`, unsigned. */
export function crc32(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const inSteps = bytes.length - (bytes.length % STEP);
  let crc = -1;
  for (let at = 0; at < inSteps; at += STEP) {
    const first = crc ^ view.getInt32(at, true);
    const second = view.getInt32(at + 4, true);
    crc =
      entry(7, first) ^
      entry(6, first >>> 8) ^
      entry(5, first >>> 16) ^
      entry(4, first >>> 24) ^
      entry(3, second) ^
      entry(2, second >>> 8) ^
      entry(1, second >>> 16) ^
      entry(0, second >>> 24);
  }
  for (let at = inSteps; at < bytes.length; at++) {
    crc = (crc >>> 8) ^ entry(0, crc ^ view.getUint8(at));
  }
  return ~crc >>> 0;
}

function entry(table: number, value: number): number {
  return TABLES[(table << 8) | (value & 0xff)] as number;
}

function tables(): Int32Array {
  const all = new Int32Array(STEP * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    all[byte] = crc;
  }
  for (let at = 256; at < all.length; at++) {
    const before = all[at - 256] as number;
    all[at] = (before >>> 8) ^ (all[before & 0xff] as number);
  }
  return all;
}
