/**
 * What the storage asks of a file system: one flat directory. The promises are those of POSIX on
 * ext4 and XFS, and no more, so that a simulated disk can be as unkind as a real one:
 *
 * - What was written may be lost, in part and in any order of its sectors, until its file's
 *   `sync`.
 * - A name that was made, replaced or removed may be as before until `syncDirectory`, each for
 *   itself. A rename is atomic: its target is the old file or the new one.
 * - After a failed `sync` nothing is known of what was written since the last: it may be readable
 *   and yet never reach the disk, and another `sync` would not tell.
 *
 * Every call rejects with an error that has the system's `code` (ENOSPC, EIO, EROFS…).
 */

export interface Disk {
  /** Every name in the directory, in no order. */
  list(): Promise<readonly string[]>;
  /** A whole file. */
  read(name: string): Promise<Uint8Array>;
  /** A new, empty file for writing; EEXIST if there is one. */
  create(name: string): Promise<DiskFile>;
  /** Takes the place of `to`, if there is one. An open file stays open under its new name. */
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Makes durable which names there are. */
  syncDirectory(): Promise<void>;
  /**
   * Keeps every other process out of the directory until the answer is called; what a dead process
   * left is taken over. Rejects with a StorageError `locked` when another has it.
   */
  lock(): Promise<() => Promise<void>>;
}

export interface DiskFile {
  /** How many bytes were written, from the first on: maybe fewer than there are. */
  write(bytes: Uint8Array, offset: number): Promise<number>;
  /** Makes durable what was written, and the file's size. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
