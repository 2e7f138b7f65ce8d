/**
 * From what a crash left to a log that goes on. What was read may be in the system's cache alone:
 * of a process that was killed before its sync, or whose sync failed, after which the cache and the
 * disk differ and the system says no more. So the last segment is written anew and synced, without
 * its torn tail, before anything that it says is acted upon. The bytes of sealed segments and of
 * snapshots were synced before their names were made; the names are synced before that.
 */
import { LOG_START, type NodeId } from '../../core/raft/log-entry.ts';
import { entriesBehind } from '../../core/raft/restored-state.ts';
import { type DirectoryScan, findingText } from './directory-scan.ts';
import type { Disk } from './disk.ts';
import { putFile } from './durable-writes.ts';
import {
  IDENTITY_FILE,
  isOurs,
  isScanned,
  isTemporary,
  segmentName,
  segmentNumber,
} from './file-names.ts';
import { encodeIdentity, FORMAT, type Identity } from './identity.ts';
import { encodeRecord, type LogRecord } from './log-record.ts';
import type { LogEnd } from './log-writer.ts';
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES } from './segment.ts';
import { SegmentSpans } from './segment-spans.ts';
import type { StorageBounds } from './storage-bounds.ts';
import { LOST_DISK_ADVICE, StorageError } from './storage-error.ts';

/** Other programs' that any directory may hold: ext4 makes it at the top of each file system. */
const FOREIGN_ALLOWED: readonly string[] = ['lost+found'];

/** The storage's files by name, without locks; those that a crash left half-made are removed. */
export async function readFiles(disk: Disk): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  const names = await disk.list();
  for (const name of names) {
    if (isTemporary(name)) await disk.remove(name);
    else if (isScanned(name)) files.set(name, await disk.read(name));
  }
  // A snapshot may have its name in the cache alone; what is written next will stand on it.
  await disk.syncDirectory();
  const foreign = names.find((name) => !isOurs(name) && !FOREIGN_ALLOWED.includes(name));
  if (files.size === 0 && foreign !== undefined) {
    throw new StorageError(
      'other-identity',
      `the directory holds '${foreign}' and is no voter's: give an empty one to a new voter`,
    );
  }
  return files;
}

/** Whether there is nothing yet, or a directory whose making was cut short. */
export function isUnused(files: ReadonlyMap<string, Uint8Array>): boolean {
  const [only = segmentName(1)] = files.keys();
  const size = files.get(only)?.length ?? SEGMENT_HEADER_BYTES;
  return files.size <= 1 && only === segmentName(1) && size === SEGMENT_HEADER_BYTES;
}

/** Throws a StorageError that says why this voter cannot start from this directory. */
export function assertUsable(scan: DirectoryScan, clusterId: string, nodeId: NodeId): void {
  const { identity, problems } = scan;
  const [first] = problems;
  if (identity !== null && (identity.clusterId !== clusterId || identity.nodeId !== nodeId)) {
    throw new StorageError(
      'other-identity',
      `the directory is that of voter '${identity.nodeId}' of cluster '${identity.clusterId}', ` +
        `not of '${nodeId}' of '${clusterId}': a voter never takes another one's directory`,
    );
  }
  if (first === undefined) return;
  const more = problems.length === 1 ? '' : ` (and ${problems.length - 1} more)`;
  const what = findingText(first) + more;
  throw first.file === IDENTITY_FILE
    ? new StorageError('other-identity', `${what}. Restore this file, or give the right directory.`)
    : new StorageError('corrupt', `${what}. ${LOST_DISK_ADVICE}`);
}

/** An empty log. The identity is written after it: with it the directory is complete. */
export async function beginLog(disk: Disk, bounds: StorageBounds): Promise<LogEnd> {
  const spans = new SegmentSpans();
  const name = segmentName(1);
  const file = await putFile(disk, name, encodeSegmentHeader(1));
  spans.begin(name);
  return { disk, bounds, spans, file, nextNumber: 1, lastIndex: 0 };
}

/** The log of a scan without problems, open at its end. */
export async function resumeLog(
  { disk, bounds }: Pick<LogEnd, 'disk' | 'bounds'>,
  scan: DirectoryScan,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<LogEnd> {
  const { spans, nextNumber, entries } = scan;
  const { name = '', soundBytes = 0 } = scan.segments.at(-1) ?? {};
  const repair = repairOf(scan, bounds);
  const added = repair === null ? new Uint8Array() : encodeRecord(repair, nextNumber);
  const header = encodeSegmentHeader(segmentNumber(name) ?? nextNumber);
  const records = files.get(name)?.subarray(header.length, Math.max(soundBytes, header.length));
  const file = await putFile(
    disk,
    name,
    Buffer.concat([header, records ?? new Uint8Array(), added]),
  );
  const lastIndex = (repair?.entries ?? entries).at(-1)?.index ?? 0;
  if (repair === null) return { disk, bounds, spans, file, nextNumber, lastIndex };
  spans.note(repair, added.length);
  return { disk, bounds, spans, file, nextNumber: nextNumber + 1, lastIndex };
}

/**
 * What the log must be told before it goes on: to forget entries of another history than the
 * snapshot's, or those before a gap that only the snapshot fills, for what is appended next would
 * be read behind them. A log that has grown large is told to forget everything and gets what counts
 * once more, so that all older segments can go.
 */
function repairOf(scan: DirectoryScan, { directoryBytesMax }: StorageBounds): LogRecord | null {
  const { term, vote, entries, spans } = scan;
  const snapshot = scan.snapshot?.meta ?? LOG_START;
  const kept = entriesBehind(snapshot, entries);
  const isForeign = entries.length > 0 && kept.length === 0;
  if (!isForeign && spans.bytes <= directoryBytesMax / 2) return null;
  return { term, vote, snapshot, truncateFrom: 1, entries: kept };
}

/** Counts a start; the first when there was none. */
export async function writeIdentity(
  disk: Disk,
  { clusterId, nodeId }: Pick<Identity, 'clusterId' | 'nodeId'>,
  startsBefore: number,
): Promise<number> {
  const starts = startsBefore + 1;
  const bytes = encodeIdentity({ format: FORMAT, clusterId, nodeId, starts });
  const file = await putFile(disk, IDENTITY_FILE, bytes);
  await file.close();
  return starts;
}
