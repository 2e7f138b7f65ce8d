/** The snapshots of a voter: the latest, and the one before as a spare. */
import { LOG_START, type LogIndex, type Position } from '../../core/raft/log-entry.ts';
import type { Snapshot } from '../../core/raft/snapshot.ts';
import type { SnapshotSummary } from './directory-scan.ts';
import type { Disk } from './disk.ts';
import { putFile } from './durable-writes.ts';
import { snapshotName } from './file-names.ts';
import { encodeSnapshot } from './snapshot-file.ts';
import { SNAPSHOTS_KEPT } from './storage-bounds.ts';

interface File {
  readonly name: string;
  readonly bytes: number;
}

export class SnapshotFiles {
  readonly #disk: Disk;
  /** In the order in which they go. */
  #files: readonly File[];
  #latest: Position;

  constructor(disk: Disk, found: readonly SnapshotSummary[], latest: Position | null) {
    this.#disk = disk;
    // Damaged ones first.
    this.#files = found.toSorted((a, b) => Number(a.meta !== null) - Number(b.meta !== null));
    this.#latest = latest ?? LOG_START;
  }

  /** The latest that is on the disk; LOG_START before the first. */
  get latest(): Position {
    return this.#latest;
  }

  get bytes(): number {
    return this.#files.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Resolves when it is on the disk. Older ones stay until `removeOld`. */
  async write(snapshot: Snapshot): Promise<void> {
    const { index, term } = snapshot.meta;
    const bytes = encodeSnapshot(snapshot);
    const name = snapshotName(index);
    const file = await putFile(this.#disk, name, bytes);
    await file.close();
    const others = this.#files.filter((one) => one.name !== name);
    this.#files = [...others, { name, bytes: bytes.length }];
    this.#latest = { index, term };
  }

  /** Only what a snapshot up to `through` or a later one stands for is asked to be forgotten. */
  covers(through: LogIndex): boolean {
    return through <= this.#latest.index;
  }

  async removeOld(): Promise<void> {
    for (const { name } of this.#files.slice(0, -SNAPSHOTS_KEPT)) {
      await this.#disk.remove(name);
      this.#files = this.#files.filter((one) => one.name !== name);
    }
  }
}
