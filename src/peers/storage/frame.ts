/**
 * How records lie in a segment, one behind the other:
 *
 *   magic 4 · payload's length 4 · number 8 · payload's CRC 4 · CRC of these 20 bytes 4 · payload
 *
 * A record that does not check is either torn (a crash came while it was written, nobody was told
 * that it is there, and it may go) or damaged (it was acknowledged, and is lost). Records are
 * written one at a time and each is synced before the next begins, into fresh space at the end of
 * the file. So a torn one is the last, and what is missing of it is past the file's end, or is
 * whole sectors that still read as zeros. Anything else is damage. (The same reasoning is in etcd's
 * WAL.)
 */
import { crc32 } from 'node:zlib';

export const FRAME_HEADER_BYTES = 24;
/** The smallest unit that a disk writes as a whole; larger ones are multiples. */
export const SECTOR_BYTES = 512;

const MAGIC = 0x5f77_7265;
const MAGIC_BYTES = Uint8Array.from([0x5f, 0x77, 0x72, 0x65]);
const CHECKED_BYTES = 20;

export interface Frame {
  readonly number: number;
  readonly payload: Uint8Array;
  /** Where the next one begins. */
  readonly end: number;
}

/** Why there is no record. */
export interface BadFrame {
  readonly what: string;
  readonly isTorn: boolean;
}

/** Fills in the header: `bytes` are a frame whose payload is in place. */
export function sealFrame(bytes: Uint8Array, number: number): Uint8Array {
  const view = viewOf(bytes, 0);
  const payload = bytes.subarray(FRAME_HEADER_BYTES);
  view.setUint32(0, MAGIC);
  view.setUint32(4, payload.length);
  view.setBigUint64(8, BigInt(number));
  view.setUint32(16, crc32(payload));
  view.setUint32(20, crc32(bytes.subarray(0, CHECKED_BYTES)));
  return bytes;
}

/** The frame at `offset`, which is before the end of `bytes`: of the whole segment. */
export function readFrame(bytes: Uint8Array, offset: number): Frame | BadFrame {
  if (bytes.length - offset < FRAME_HEADER_BYTES) {
    return { what: 'the file ends within a header', isTorn: true };
  }
  const view = viewOf(bytes, offset);
  const headerEnd = offset + FRAME_HEADER_BYTES;
  if (!hasHeader(bytes, offset)) {
    const isTorn = hasEmptySector(bytes, offset, headerEnd) && !hasFrameBehind(bytes, offset);
    return { what: 'the header fails its checksum', isTorn };
  }
  const end = headerEnd + view.getUint32(4);
  if (end > bytes.length) return { what: 'the file ends within a record', isTorn: true };
  const payload = bytes.subarray(headerEnd, end);
  if (crc32(payload) !== view.getUint32(16)) {
    const isTorn = end === bytes.length && hasEmptySector(bytes, offset, end);
    return { what: 'the record fails its checksum', isTorn };
  }
  return { number: Number(view.getBigUint64(8)), payload, end };
}

/** Whether the part of some sector that lies in the range is zero. */
export function hasEmptySector(bytes: Uint8Array, from: number, to: number): boolean {
  for (let start = from; start < to; ) {
    const end = Math.min((Math.floor(start / SECTOR_BYTES) + 1) * SECTOR_BYTES, to);
    if (bytes.subarray(start, end).every((byte) => byte === 0)) return true;
    start = end;
  }
  return false;
}

function hasHeader(bytes: Uint8Array, offset: number): boolean {
  const view = viewOf(bytes, offset);
  const checked = bytes.subarray(offset, offset + CHECKED_BYTES);
  return view.getUint32(0) === MAGIC && crc32(checked) === view.getUint32(20);
}

/**
 * A header that is gone does not say where the record ended, so what follows is searched for
 * another.
 */
export function hasFrameBehind(bytes: Uint8Array, offset: number): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const last = bytes.length - FRAME_HEADER_BYTES;
  let at = buffer.indexOf(MAGIC_BYTES, offset + 1);
  while (at >= 0 && at <= last) {
    if (hasHeader(bytes, at)) return true;
    at = buffer.indexOf(MAGIC_BYTES, at + 1);
  }
  return false;
}

function viewOf(bytes: Uint8Array, offset: number): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset + offset, FRAME_HEADER_BYTES);
}
