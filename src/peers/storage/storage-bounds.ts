/** A bound on everything on the disk that could grow. */
import { StorageError } from './storage-error.ts';

export interface StorageBounds {
  /** Of a segment of the log; only a single larger record, alone in its segment, goes beyond. */
  readonly segmentBytesMax: number;
  /** Of what one persist writes to the log. */
  readonly recordBytesMax: number;
  /**
   * Of the log and the snapshots together. Beyond, nothing is written; the next start compacts the
   * log.
   */
  readonly directoryBytesMax: number;
}

const MIB = 1024 * 1024;

export const STORAGE_BOUNDS: StorageBounds = {
  // Small enough that a compaction frees room soon, large enough that a new file is rare.
  segmentBytesMax: 16 * MIB,
  // The log in memory is bounded to 64 MiB and what a quorum has not taken: no persist can carry
  // more.
  recordBytesMax: 96 * MIB,
  // That log twice, as it is compacted only after a snapshot, entries that were overwritten, 3
  // snapshots.
  directoryBytesMax: 512 * MIB,
};

/**
 * The latest, and the one before in case that a bit of the latest is lost while the log still
 * reaches back.
 */
export const SNAPSHOTS_KEPT = 2;

/**
 * The defaults but for what is given. Throws a StorageError that names the bound that makes no
 * sense.
 */
export function completeBounds(given: Partial<StorageBounds> = {}): StorageBounds {
  const bounds = { ...STORAGE_BOUNDS, ...given };
  for (const [name, value] of Object.entries(bounds)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new StorageError('misuse', `the bound ${name} of the raft storage is ${value}`);
    }
  }
  return bounds;
}
