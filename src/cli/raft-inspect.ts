/**
 * `weir raft inspect DIR`: what a voter's directory holds, and whether the voter could start from
 * it. It reads and changes nothing, so it may be pointed at the directory of a voter that runs;
 * what that one is writing at the moment may then show as torn.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Entry } from '../core/raft/log-entry.ts';
import {
  type DirectoryScan,
  findingText,
  type SegmentSummary,
  type SnapshotSummary,
  scanDirectory,
} from '../peers/storage/directory-scan.ts';
import { isLock, isScanned, segmentNumber } from '../peers/storage/file-names.ts';
import { ExitCode, type Output } from './output.ts';

export interface RaftInspectOptions {
  readonly directory: string;
  /** One JSON object instead of lines for a person. */
  readonly json: boolean;
  /** What a command means; without it, its first bytes. */
  readonly describe?: (payload: Uint8Array) => string;
}

/** Of the log's end: what happened last. A whole log may be a hundred thousand. */
const ENTRIES_SHOWN = 20;
const BYTES_SHOWN = 16;

/**
 * OK: a voter could start from it, after a crash too. FAILED: it could not, or it is no voter's.
 */
export function inspectRaft(options: RaftInspectOptions, output: Output): ExitCode {
  const { directory, json, describe = hexOf } = options;
  let read: ReadDirectory;
  try {
    read = readDirectory(directory);
  } catch (error) {
    output.complain(`weir: ${directory} cannot be read: ${(error as Error).message}`);
    return ExitCode.FAILED;
  }
  const scan = scanDirectory(read.files);
  if (json) output.print(JSON.stringify(asObject(scan, read.locks, describe), null, 2));
  else for (const line of asLines(scan, read.locks, describe)) output.print(line);
  return scan.problems.length === 0 ? ExitCode.OK : ExitCode.FAILED;
}

interface ReadDirectory {
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** By name, what each says of its holder. */
  readonly locks: ReadonlyMap<string, string>;
}

function readDirectory(directory: string): ReadDirectory {
  const files = new Map<string, Uint8Array>();
  const locks = new Map<string, string>();
  // Only plain files: a pipe would hold us up.
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (!entry.isFile()) continue;
    if (isScanned(entry.name)) files.set(entry.name, new Uint8Array(readFileSync(path)));
    if (isLock(entry.name)) locks.set(entry.name, readFileSync(path, 'utf8').trim());
  }
  return { files, locks };
}

type Describe = (payload: Uint8Array) => string;

function asLines(scan: DirectoryScan, locks: ReadDirectory['locks'], describe: Describe): string[] {
  const { identity, term, vote, entries, torn, warnings, problems } = scan;
  const lines: string[] = [];
  if (identity !== null) {
    const { clusterId, nodeId, starts, format } = identity;
    lines.push(`voter ${quoted(nodeId)} of cluster ${quoted(clusterId)}`);
    lines.push(`starts: ${starts}, format: ${format}`);
  }
  for (const [name, holder] of locks) lines.push(`in use, by ${name}: ${holder}`);
  lines.push(`term: ${term}, vote: ${vote === null ? 'none' : quoted(vote)}`);
  lines.push(...scan.snapshots.map(snapshotLine), ...scan.segments.map(segmentLine));
  lines.push(`log: ${rangeText(entries)}`);
  if (entries.length > ENTRIES_SHOWN) lines.push('  …');
  lines.push(...entries.slice(-ENTRIES_SHOWN).map((entry) => entryLine(entry, describe)));
  if (torn !== null) lines.push(`torn by a crash, a start drops it: ${findingText(torn)}`);
  lines.push(...warnings.map((one) => `damaged, and not needed: ${findingText(one)}`));
  lines.push(...problems.map((one) => `problem: ${findingText(one)}`));
  const verdict = problems.length === 0 ? 'can' : 'can NOT';
  return [...lines, `a voter ${verdict} start from this directory`];
}

function snapshotLine({ name, bytes, meta }: SnapshotSummary): string {
  const what = meta === null ? 'damaged' : `up to entry ${meta.index} of term ${meta.term}`;
  return `${name}: ${what}, ${bytes} bytes`;
}

function segmentLine({ name, bytes, records }: SegmentSummary): string {
  const first = segmentNumber(name) ?? 0;
  const range = records.length === 0 ? 'none' : `${first} to ${first + records.length - 1}`;
  const entries = records.flatMap(({ record }) => record.entries);
  return `${name}: records ${range}, ${rangeText(entries)}, ${bytes} bytes`;
}

function rangeText(entries: readonly Entry[]): string {
  const [first] = entries;
  return first === undefined
    ? 'no entries'
    : `${entries.length} entries, from ${first.index} to ${entries.at(-1)?.index}`;
}

function entryLine({ index, term, payload }: Entry, describe: Describe): string {
  const what = payload === null ? 'no-op' : `${payload.length} bytes  ${describe(payload)}`;
  return `  ${index}  term ${term}  ${what}`;
}

function asObject(scan: DirectoryScan, locks: ReadDirectory['locks'], describe: Describe): object {
  const { identity, term, vote, entries, torn, warnings, problems } = scan;
  return {
    canStart: problems.length === 0,
    identity,
    locks: Object.fromEntries(locks),
    term,
    vote,
    snapshots: scan.snapshots,
    segments: scan.segments.map(({ name, bytes, soundBytes, records }) => ({
      name,
      bytes,
      soundBytes,
      firstRecord: segmentNumber(name),
      records: records.length,
    })),
    firstIndex: entries[0]?.index ?? null,
    lastIndex: entries.at(-1)?.index ?? null,
    lastEntries: entries.slice(-ENTRIES_SHOWN).map(({ index, term: of, payload }) => ({
      index,
      term: of,
      bytes: payload?.length ?? null,
      payload: payload === null ? null : describe(payload),
    })),
    torn,
    warnings,
    problems,
  };
}

function hexOf(payload: Uint8Array): string {
  const shown = Buffer.from(payload.subarray(0, BYTES_SHOWN)).toString('hex');
  return payload.length > BYTES_SHOWN ? `${shown}…` : shown;
}

/** Names come from a file: they may hold anything. */
function quoted(name: string): string {
  return JSON.stringify(name);
}
