/**
 * One limits file as text. Whoever may write to the limits directory may put anything there, so what is
 * read is bounded by what came, not by what the file said of itself: only regular files are opened; a name
 * that was swapped for a pipe or a device meanwhile neither blocks (O_NONBLOCK) nor is read (the open
 * descriptor is asked again); and a file that grows, or has no size, is read up to the bound and no further.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { DIRECTORY_BYTES_MAX, FILE_BYTES_MAX, FOLDER_DEPTH_MAX } from './bounds.ts';
import { fileProblem, type Problem } from './problem.ts';

/** A file as read: its text, or why there is none. */
export type LimitsFile =
  | { readonly file: string; readonly text: string }
  | { readonly file: string; readonly problem: Problem };

export interface ReadFile {
  readonly read: LimitsFile;
  /** Bytes that came from the disk, also of a file that was then refused. */
  readonly bytes: number;
}

/** Room beyond the size that a file gives: for what it has grown by, and for files that give none. */
const ROOM_BYTES = 4096;

/** Reads at most FILE_BYTES_MAX or `bytesLeft` bytes, and one. Never throws; blocks. */
export function readLimitsFile(file: string, bytesLeft: number): ReadFile {
  let bytes = 0;
  try {
    const content = readBounded(file, bytesLeft);
    if (typeof content === 'string') return { read: refused(file, content), bytes };
    bytes = content.length;
    const excess = excessOf(bytes, bytesLeft);
    if (excess !== null) return { read: refused(file, excess), bytes };
    return {
      read: { file, text: new TextDecoder('utf-8', { fatal: true }).decode(content) },
      bytes,
    };
  } catch (error) {
    if (error instanceof TypeError) {
      const message = 'error loading config file: yaml: the text is not UTF-8';
      return { read: { file, problem: fileProblem(file, message) }, bytes };
    }
    return { read: refused(file, systemText(error, file)), bytes };
  }
}

/** What the file holds, and at most one byte more than it may; or why it is not read. */
function readBounded(file: string, bytesLeft: number): Buffer | string {
  const kind = kindOf(statSync(file));
  if (kind !== null) return kind;
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    const why = kindOf(stats) ?? excessOf(stats.size, bytesLeft);
    if (why !== null) return why;
    return readUpTo(descriptor, stats.size, Math.min(FILE_BYTES_MAX, bytesLeft) + 1);
  } finally {
    closeSync(descriptor);
  }
}

function readUpTo(descriptor: number, sizeExpected: number, bytesMax: number): Buffer {
  let buffer = Buffer.allocUnsafe(Math.min(sizeExpected + ROOM_BYTES, bytesMax));
  let filled = 0;
  while (filled < bytesMax) {
    if (filled === buffer.length) {
      const larger = Buffer.allocUnsafe(Math.min(filled * 2, bytesMax));
      buffer.copy(larger);
      buffer = larger;
    }
    const bytes = readSync(descriptor, buffer, filled, buffer.length - filled, null);
    if (bytes === 0) break;
    filled += bytes;
  }
  return buffer.subarray(0, filled);
}

function excessOf(bytes: number, bytesLeft: number): string | null {
  if (bytes > FILE_BYTES_MAX) return `is larger than ${FILE_BYTES_MAX} bytes`;
  if (bytes > bytesLeft) return `exceeds ${DIRECTORY_BYTES_MAX} bytes in all files`;
  return null;
}

/** Why it is not a file, by what it is; null for a regular file. */
function kindOf(stats: Stats): string | null {
  if (stats.isFile()) return null;
  if (stats.isDirectory()) return `is a folder more than ${FOLDER_DEPTH_MAX} levels deep`;
  return `is ${specialKind(stats)}, not a regular file`;
}

function specialKind(stats: Stats): string {
  if (stats.isFIFO()) return 'a named pipe';
  if (stats.isSocket()) return 'a socket';
  return stats.isCharacterDevice() ? 'a character device' : 'a block device';
}

function refused(file: string, why: string): LimitsFile {
  const message = `error reading file ${file}: ${why}`;
  return { file, problem: fileProblem(file, message) };
}

/** `open PATH: no such file or directory`, as the reference's runtime words it. */
export function systemText(error: unknown, path: string): string {
  const text = error instanceof Error ? error.message : String(error);
  const reason = /^E[A-Z]+: (.*?), /.exec(text)?.[1];
  return reason === undefined ? text : `open ${path}: ${reason}`;
}
