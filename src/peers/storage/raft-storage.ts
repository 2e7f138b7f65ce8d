/**
 * A voter's disk: what Raft must not forget, in one directory that one process uses. A log of
 * records in segments, snapshots, and an identity; how each lies on the disk is in the file that
 * makes it.
 *
 * Fail-stop: after the first failure every call is refused with that error, and the process must
 * end. There is no way back within it, because after a failed sync nobody knows what the disk
 * holds; a start finds out. The same goes for a full disk: what was acknowledged is there, and a
 * start with room goes on from it.
 */
import type { Persist } from '../../core/raft/effect.ts';
import type { LogIndex, NodeId } from '../../core/raft/log-entry.ts';
import { EMPTY_DISK, type RestoredState } from '../../core/raft/raft-node.ts';
import { entriesBehind } from '../../core/raft/restored-state.ts';
import { type DirectoryScan, findingText, scanDirectory } from './directory-scan.ts';
import type { Disk } from './disk.ts';
import { LogWriter } from './log-writer.ts';
import { openNodeDisk } from './node-disk.ts';
import {
  assertUsable,
  beginLog,
  isUnused,
  readFiles,
  resumeLog,
  writeIdentity,
} from './recovery.ts';
import type { SegmentSpans } from './segment-spans.ts';
import { SnapshotFiles } from './snapshot-files.ts';
import { completeBounds, type StorageBounds } from './storage-bounds.ts';
import { StorageError, translateError } from './storage-error.ts';

export interface StorageOptions {
  readonly clusterId: string;
  readonly nodeId: NodeId;
  readonly bounds?: Partial<StorageBounds>;
  /** In place of the directory on the real one. */
  readonly disk?: Disk;
}

export interface OpenedStorage {
  readonly storage: RaftStorage;
  readonly restored: RestoredState;
  /**
   * How often this directory was opened, this time included: grows with every start, crashes
   * included.
   */
  readonly incarnation: number;
  /**
   * There was nothing: a voter that never ran. For one that did, its disk is lost, and it must not
   * go on under its id.
   */
  readonly isNew: boolean;
  /** What was dropped or is damaged without harm: worth a line in the log each. */
  readonly notes: readonly string[];
}

interface Parts {
  readonly disk: Disk;
  readonly bounds: StorageBounds;
  readonly spans: SegmentSpans;
  readonly log: LogWriter;
  readonly snapshots: SnapshotFiles;
  readonly release: () => Promise<void>;
}

export class RaftStorage {
  readonly #parts: Parts;
  #failure: StorageError | null = null;
  #isClosed = false;
  #persist: Promise<void> | null = null;
  /** Compactions, one after the other. */
  #compaction: Promise<void> = Promise.resolve();

  /**
   * Takes the directory, which is made if only it is missing, and gives what it holds. Rejects with
   * a StorageError, and then nothing that was acknowledged was changed.
   */
  static async open(directory: string, options: StorageOptions): Promise<OpenedStorage> {
    const doing = `opening the raft storage in ${directory}`;
    try {
      const bounds = completeBounds(options.bounds);
      const disk = options.disk ?? (await openNodeDisk(directory));
      const release = await disk.lock();
      try {
        return await openLocked({ disk, bounds, release }, options);
      } catch (error) {
        await release().catch(() => undefined);
        throw error;
      }
    } catch (error) {
      if (!(error instanceof StorageError)) throw translateError(error, doing);
      throw new StorageError(error.code, `${doing}: ${error.message}`, error.cause);
    }
  }

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Resolves when all of the effect is on the disk. One at a time. After a crash before that: the
   * state before, or the state before with the snapshot, or all.
   */
  async persist(effect: Persist): Promise<void> {
    this.#assertUsable();
    if (this.#persist !== null) throw new StorageError('misuse', 'a persist is out already');
    this.#persist = this.#write(effect);
    try {
      await this.#persist;
    } catch (error) {
      throw this.#fail(error, 'writing the raft log');
    } finally {
      this.#persist = null;
    }
  }

  /**
   * Forgets entries up to `through`, as far as whole segments hold nothing else, and old snapshots.
   * A snapshot on the disk must stand for them. May run beside a persist: it touches other files.
   */
  async compact(through: LogIndex): Promise<void> {
    this.#assertUsable();
    if (!this.#parts.snapshots.covers(through)) {
      const { index } = this.#parts.snapshots.latest;
      const what = `no snapshot stands for the entries up to ${through}: the latest is of ${index}`;
      throw this.#fail(new StorageError('misuse', what), '');
    }
    this.#compaction = this.#compaction.then(() => this.#removeOld(through));
    try {
      await this.#compaction;
    } catch (error) {
      throw this.#fail(error, 'compacting the raft log');
    }
  }

  /** Waits for what is under way, and leaves the directory to others. Never rejects. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await Promise.allSettled([this.#persist, this.#compaction]);
    await Promise.allSettled([this.#parts.log.close()]);
    await Promise.allSettled([this.#parts.release()]);
  }

  async #write({ term, vote, snapshot, truncateFrom, entries }: Persist): Promise<void> {
    const { bounds, snapshots, spans, log } = this.#parts;
    if (snapshot !== null) await snapshots.write(snapshot);
    const room = bounds.directoryBytesMax - spans.bytes - snapshots.bytes;
    await log.append({ term, vote, snapshot: snapshots.latest, truncateFrom, entries }, room);
  }

  /** The oldest first, each for good before the next, so that no crash can leave a hole. */
  async #removeOld(through: LogIndex): Promise<void> {
    const { disk, snapshots, spans } = this.#parts;
    await snapshots.removeOld();
    for (let old = spans.removable(through); old !== null; old = spans.removable(through)) {
      await disk.remove(old.name);
      await disk.syncDirectory();
      spans.dropOldest();
    }
  }

  #assertUsable(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#isClosed) throw new StorageError('closed', 'the raft storage is closed');
  }

  /** The first failure stands for all that follow. */
  #fail(error: unknown, doing: string): StorageError {
    this.#failure ??= translateError(error, doing);
    return this.#failure;
  }
}

type Taken = Pick<Parts, 'disk' | 'bounds' | 'release'>;

async function openLocked(taken: Taken, options: StorageOptions): Promise<OpenedStorage> {
  const { disk, bounds } = taken;
  const files = await readFiles(disk);
  const scan = isUnused(files) ? null : scanDirectory(files);
  if (scan !== null) assertUsable(scan, options.clusterId, options.nodeId);
  const end = scan === null ? await beginLog(disk, bounds) : await resumeLog(taken, scan, files);
  const snapshots = new SnapshotFiles(disk, scan?.snapshots ?? [], scan?.snapshot?.meta ?? null);
  const parts = { ...taken, spans: end.spans, log: new LogWriter(end), snapshots };
  const storage = new RaftStorage(parts);
  try {
    const incarnation = await writeIdentity(disk, options, scan?.identity?.starts ?? 0);
    await storage.compact(0);
    const restored = scan === null ? EMPTY_DISK : restoredFrom(scan);
    const notes = scan === null ? [] : notesOf(scan);
    return { storage, restored, incarnation, isNew: scan === null, notes };
  } catch (error) {
    await storage.close();
    throw error;
  }
}

function restoredFrom({ term, vote, snapshot, entries }: DirectoryScan): RestoredState {
  const base = snapshot?.meta ?? { index: 0, term: 0 };
  return { term, vote, snapshot, entries: entriesBehind(base, entries) };
}

function notesOf({ torn, warnings }: DirectoryScan): string[] {
  return [
    ...(torn === null ? [] : [`a write that a crash cut short was dropped: ${findingText(torn)}`]),
    ...warnings.map((one) => `damaged, and not needed: ${findingText(one)}`),
  ];
}
