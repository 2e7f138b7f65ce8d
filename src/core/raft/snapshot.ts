/**
 * Snapshots stand for a prefix of the log (thesis, 5.1). The core keeps the latest one's bytes, so that a
 * leader can send them without asking anybody; the bound on their size is in the limits.
 */
import { crc32 } from './crc32.ts';
import type { Position } from './log-entry.ts';

/** What travels with every chunk: which snapshot it is a part of, and how to know that it is whole. */
export interface SnapshotMeta extends Position {
  /** Bytes of the whole snapshot. */
  readonly size: number;
  /** CRC-32 of the whole snapshot. */
  readonly checksum: number;
}

/** The state machine after the entry at `index`, which was of `term`. */
export interface Snapshot {
  readonly meta: SnapshotMeta;
  readonly bytes: Uint8Array;
}

/** A snapshot of the state machine's `bytes` as they were after the entry at `position`. */
export function makeSnapshot({ index, term }: Position, bytes: Uint8Array): Snapshot {
  return { meta: { index, term, size: bytes.length, checksum: crc32(bytes) }, bytes };
}

/** Whether the bytes are those that the checksum was made of. */
export function isIntact({ meta, bytes }: Snapshot): boolean {
  return bytes.length === meta.size && crc32(bytes) === meta.checksum;
}

export function isSameSnapshot(a: SnapshotMeta, b: SnapshotMeta): boolean {
  return a.index === b.index && a.term === b.term && a.size === b.size && a.checksum === b.checksum;
}
