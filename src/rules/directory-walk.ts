/**
 * Two walks through the limits directory that see the same: one finds the files to read, the other, on the
 * main thread and without blocking it, what tells that something changed. Links are followed, so the tree
 * may be a net: each folder is entered once, by the shortest way and the first name, and what a folder
 * holds is counted before any of it is looked at. So no net of links costs more than ENTRIES_MAX names.
 *
 * Kubernetes mounts a ConfigMap as `..data ─▶ ..2024_05_01…/` with a link per file: folders whose name
 * begins with `..` are its machinery and are never entered, or each file would be read twice.
 */
import { type Dirent, opendirSync, realpathSync, statSync } from 'node:fs';
import { opendir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ENTRIES_MAX, FOLDER_DEPTH_MAX } from './bounds.ts';
import { compareText } from './problem.ts';

export interface LimitsDirectory {
  readonly path: string;
  /** RUNTIME_IGNOREDOTFILES: names that begin with a dot are left out. */
  readonly ignoreDotFiles: boolean;
}

/** Why a directory is not walked to its end; the message is for the operator. */
export class WalkFailure extends Error {}

/** Names that the system is asked for at a time. */
const NAMES_AT_ONCE = 256;

/** Entries that are looked at side by side: more would keep others from the process's few disk threads. */
const LOOKS_AT_ONCE = 32;

interface Folder {
  readonly path: string;
  /** 0 for the directory itself. */
  readonly depth: number;
}

/** Folders to be listed, each once, nearest first. Iterating goes on with those added meanwhile. */
class FolderQueue {
  readonly #root: string;
  readonly #folders: Folder[];
  /** Real paths: unlike inode numbers, no file system gives two folders the same. */
  readonly #seen: Set<string>;
  readonly #entriesMax: number;
  #entriesLeft: number;

  constructor(root: string, realPath: string, entriesMax: number) {
    this.#root = root;
    this.#entriesMax = entriesMax;
    this.#entriesLeft = entriesMax;
    this.#folders = [{ path: root, depth: 0 }];
    this.#seen = new Set([realPath]);
  }

  get entriesLeft(): number {
    return this.#entriesLeft;
  }

  [Symbol.iterator](): Iterator<Folder> {
    return this.#folders.values();
  }

  /** Call with what a folder holds, before any of it is looked at. Throws WalkFailure beyond the bound. */
  count(entries: number): void {
    this.#entriesLeft -= entries;
    if (this.#entriesLeft >= 0) return;
    throw new WalkFailure(`more than ${this.#entriesMax} files and folders in ${this.#root}`);
  }

  add(folder: Folder, realPath: string): void {
    if (this.#seen.has(realPath)) return;
    this.#seen.add(realPath);
    this.#folders.push(folder);
  }
}

/** True for folders that are never entered. */
export function isMachinery(name: string): boolean {
  return name.startsWith('..');
}

function isLeftOut({ ignoreDotFiles }: LimitsDirectory, name: string): boolean {
  return ignoreDotFiles && name.startsWith('.');
}

/**
 * Paths of whatever is not a folder, and of folders that are too deep, so that reading reports them. Throws
 * WalkFailure, and errors of the system when a folder cannot be opened.
 */
export function listFiles(directory: LimitsDirectory, entriesMax = ENTRIES_MAX): readonly string[] {
  const files: string[] = [];
  const realRoot = realpathSync.native(directory.path);
  const folders = new FolderQueue(directory.path, realRoot, entriesMax);
  for (const { path: folder, depth } of folders) {
    const entries = firstEntries(folder, folders.entriesLeft + 1);
    folders.count(entries.length);
    for (const entry of entries) {
      if (isLeftOut(directory, entry.name)) continue;
      const path = join(folder, entry.name);
      const realPath = folderAt(path, entry);
      if (realPath !== null && isMachinery(entry.name)) continue;
      if (realPath === null || depth >= FOLDER_DEPTH_MAX) files.push(path);
      else folders.add({ path, depth: depth + 1 }, realPath);
    }
  }
  return files;
}

/** At most `max` entries of a folder, sorted by name. Throws errors of the system. */
export function firstEntries(folder: string, max: number): Dirent[] {
  const entries: Dirent[] = [];
  const open = opendirSync(folder, { bufferSize: NAMES_AT_ONCE });
  try {
    while (entries.length < max) {
      const entry = open.readSync();
      if (entry === null) break;
      entries.push(entry);
    }
  } finally {
    open.closeSync();
  }
  return entries.sort((a, b) => compareText(a.name, b.name));
}

/**
 * The real path of a folder, null for anything else. A link counts as what it leads to; one that leads
 * nowhere counts as a file.
 */
function folderAt(path: string, entry: Dirent): string | null {
  if (!entry.isDirectory() && !entry.isSymbolicLink()) return null;
  try {
    return statSync(path).isDirectory() ? realpathSync.native(path) : null;
  } catch {
    return null;
  }
}

/**
 * A text that differs whenever a file was changed, replaced, added or removed, or a link now leads
 * elsewhere: names, sizes, times and inodes, without reading any content. Never rejects: what cannot be
 * listed, and what is beyond the bounds, is a line of the signature.
 */
export async function signatureOf(
  directory: LimitsDirectory,
  entriesMax = ENTRIES_MAX,
): Promise<string> {
  const lines: string[] = [];
  try {
    const realRoot = await realpath(directory.path);
    const folders = new FolderQueue(directory.path, realRoot, entriesMax);
    for (const folder of folders) await signFolder(directory, folder, { folders, lines });
  } catch (error) {
    lines.push(String(error));
  }
  return lines.join('\n');
}

interface Signing {
  readonly folders: FolderQueue;
  readonly lines: string[];
}

async function signFolder(
  directory: LimitsDirectory,
  { path: folder, depth }: Folder,
  { folders, lines }: Signing,
): Promise<void> {
  const names = await namesIn(folder, folders.entriesLeft + 1);
  if (typeof names === 'string') {
    lines.push(names);
    return;
  }
  folders.count(names.length);
  const counted = names.filter((name) => !isLeftOut(directory, name));
  for (let at = 0; at < counted.length; at += LOOKS_AT_ONCE) {
    const looks = counted.slice(at, at + LOOKS_AT_ONCE).map((name) => lookAt(folder, name));
    // In the order of names, not of answers: it decides by which name a folder is entered.
    for (const { path, line, realPath } of await Promise.all(looks)) {
      lines.push(line);
      if (realPath !== null && depth < FOLDER_DEPTH_MAX) {
        folders.add({ path, depth: depth + 1 }, realPath);
      }
    }
  }
}

/** At most `max` of them, sorted; or why there are none. */
async function namesIn(folder: string, max: number): Promise<string[] | string> {
  const names: string[] = [];
  try {
    for await (const { name } of await opendir(folder, { bufferSize: NAMES_AT_ONCE })) {
      names.push(name);
      if (names.length === max) break;
    }
  } catch (error) {
    return `${folder} ${String(error)}`;
  }
  return names.sort(compareText);
}

interface Look {
  readonly path: string;
  readonly line: string;
  /** Of a folder that may be entered. */
  readonly realPath: string | null;
}

async function lookAt(folder: string, name: string): Promise<Look> {
  const path = join(folder, name);
  try {
    const stats = await stat(path, { bigint: true });
    const facts = [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs];
    const isOpen = stats.isDirectory() && !isMachinery(name);
    return {
      path,
      line: `${path} ${facts.join(' ')}`,
      realPath: isOpen ? await realpath(path) : null,
    };
  } catch {
    return { path, line: `${path} gone`, realPath: null };
  }
}
