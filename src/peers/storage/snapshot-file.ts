/**
 * A snapshot as a file: magic, index, term, size and checksum of the snapshot, a CRC of these, the
 * bytes. It is written under another name, synced and then renamed, so a file with a snapshot's
 * name was whole once.
 */
import { crc32 } from 'node:zlib';
import type { Snapshot } from '../../core/raft/snapshot.ts';

const MAGIC = new TextEncoder().encode('weirsnp1');
const CHECKED_BYTES = 36;
export const SNAPSHOT_HEADER_BYTES = 40;

export function encodeSnapshot({ meta, bytes }: Snapshot): Uint8Array {
  const file = new Uint8Array(SNAPSHOT_HEADER_BYTES + bytes.length);
  const view = new DataView(file.buffer);
  file.set(MAGIC);
  view.setBigUint64(8, BigInt(meta.index));
  view.setBigUint64(16, BigInt(meta.term));
  view.setBigUint64(24, BigInt(meta.size));
  view.setUint32(32, meta.checksum);
  view.setUint32(CHECKED_BYTES, crc32(file.subarray(0, CHECKED_BYTES)));
  file.set(bytes, SNAPSHOT_HEADER_BYTES);
  return file;
}

/** The snapshot, or what is wrong with the file. Its bytes are a view of the file's. */
export function decodeSnapshot(file: Uint8Array): Snapshot | string {
  if (file.length < SNAPSHOT_HEADER_BYTES) return 'the file ends within its header';
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const isHeader = MAGIC.every((byte, i) => file[i] === byte);
  if (!isHeader || crc32(file.subarray(0, CHECKED_BYTES)) !== view.getUint32(CHECKED_BYTES)) {
    return 'the header fails its checksum';
  }
  const numberAt = (offset: number): number => Number(view.getBigUint64(offset));
  const meta = {
    index: numberAt(8),
    term: numberAt(16),
    size: numberAt(24),
    checksum: view.getUint32(32),
  };
  const snapshot = { meta, bytes: file.subarray(SNAPSHOT_HEADER_BYTES) };
  // The system's CRC-32 is that of the core, and fifty times as fast on 16 MiB.
  const isIntact = meta.size === snapshot.bytes.length && meta.checksum === crc32(snapshot.bytes);
  return isIntact ? snapshot : 'the bytes fail their checksum';
}
