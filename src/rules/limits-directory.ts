/**
 * The limits directory on disk: the one file of this room that touches the file system. Every file
 * counts, whatever its name, in the directory and in its folders; names are sorted, so that the order of
 * wildcards and the blame for duplicates never depend on the disk.
 *
 * Kubernetes mounts a ConfigMap as `..data ─▶ ..2024_05_01…/` with a link per file: folders whose name
 * begins with `..` are its machinery and are never entered, or each file would be read twice.
 */
import { type FSWatcher, readdirSync, readFileSync, statSync, watch } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  DIRECTORY_BYTES_MAX,
  FILE_BYTES_MAX,
  FILES_MAX,
  FOLDER_DEPTH_MAX,
  WATCHED_MAX,
} from './bounds.ts';
import { compareText, fileProblem, type Problem } from './problem.ts';

export interface LimitsDirectory {
  readonly path: string;
  /** RUNTIME_IGNOREDOTFILES: names that begin with a dot are left out. */
  readonly ignoreDotFiles: boolean;
}

/** A file as read: its text, or why there is none. */
export type LimitsFile =
  | { readonly file: string; readonly text: string }
  | { readonly file: string; readonly problem: Problem };

export interface DirectoryContents {
  /** Sorted by path. */
  readonly files: readonly LimitsFile[];
  /** Problems with the directory as a whole: then `files` says nothing. */
  readonly problem: Problem | null;
}

/** Reads every file. Never throws; blocks, so it runs in the parsing thread and on the command line. */
export function readLimitsDirectory(directory: LimitsDirectory): DirectoryContents {
  const paths: string[] = [];
  try {
    listFiles(directory, directory.path, paths, 0);
  } catch (error) {
    const text = systemText(error, directory.path);
    const problem = fileProblem(
      directory.path,
      `error opening directory ${directory.path}: ${text}`,
    );
    return { files: [], problem };
  }
  if (paths.length > FILES_MAX) {
    const message = `more than ${FILES_MAX} files in ${directory.path}`;
    return { files: [], problem: fileProblem(directory.path, message) };
  }
  const files: LimitsFile[] = [];
  let bytesLeft = DIRECTORY_BYTES_MAX;
  for (const file of paths.sort(compareText)) {
    const read = readLimitsFile(file, bytesLeft);
    if ('text' in read) bytesLeft -= read.text.length;
    files.push(read);
  }
  return { files, problem: null };
}

function listFiles(
  directory: LimitsDirectory,
  folder: string,
  paths: string[],
  depth: number,
): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (paths.length > FILES_MAX) return;
    if (directory.ignoreDotFiles && entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    if (!isFolder(path, entry)) paths.push(path);
    else if (!entry.name.startsWith('..') && depth < FOLDER_DEPTH_MAX) {
      listFiles(directory, path, paths, depth + 1);
    }
  }
}

/** A link counts as what it leads to; a dangling one as a file, so that reading it reports it. */
function isFolder(
  path: string,
  entry: { isDirectory(): boolean; isSymbolicLink(): boolean },
): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function readLimitsFile(file: string, bytesLeft: number): LimitsFile {
  try {
    const { size } = statSync(file);
    if (size > FILE_BYTES_MAX) return refused(file, `is larger than ${FILE_BYTES_MAX} bytes`);
    if (size > bytesLeft) return refused(file, `exceeds ${DIRECTORY_BYTES_MAX} bytes in all files`);
    return { file, text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file)) };
  } catch (error) {
    if (error instanceof TypeError) {
      const message = 'error loading config file: yaml: the text is not UTF-8';
      return { file, problem: fileProblem(file, message) };
    }
    return refused(file, systemText(error, file));
  }
}

function refused(file: string, why: string): LimitsFile {
  const message = `error reading file ${file}: ${why}`;
  return { file, problem: fileProblem(file, message) };
}

/** `open PATH: no such file or directory`, as the reference's runtime words it. */
function systemText(error: unknown, path: string): string {
  const text = error instanceof Error ? error.message : String(error);
  const reason = /^E[A-Z]+: (.*?), /.exec(text)?.[1];
  return reason === undefined ? text : `open ${path}: ${reason}`;
}

/**
 * A text that differs whenever a file was changed, replaced, added or removed, or a link now leads
 * elsewhere: names, sizes, times and inodes, without reading any content. Never rejects: what cannot be
 * listed is part of the signature.
 */
export async function signatureOf(directory: LimitsDirectory): Promise<string> {
  const parts: string[] = [];
  await sign(directory, directory.path, parts, 0);
  return parts.sort().join('\n');
}

async function sign(
  directory: LimitsDirectory,
  folder: string,
  parts: string[],
  depth: number,
): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => systemText(error, folder));
  if (typeof names === 'string') {
    parts.push(`${folder} ${names}`);
    return;
  }
  const counted = names.slice(0, FILES_MAX);
  await Promise.all(counted.map((name) => signEntry(directory, join(folder, name), parts, depth)));
}

async function signEntry(
  directory: LimitsDirectory,
  path: string,
  parts: string[],
  depth: number,
): Promise<void> {
  const name = basename(path);
  if (directory.ignoreDotFiles && name.startsWith('.')) return;
  const stats = await stat(path, { bigint: true }).catch(() => null);
  const isOpen = stats?.isDirectory() === true && !name.startsWith('..');
  if (isOpen && depth < FOLDER_DEPTH_MAX && parts.length < FILES_MAX) {
    await sign(directory, path, parts, depth + 1);
  }
  const facts = stats && [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs];
  parts.push(`${path} ${facts === null ? 'gone' : facts.join(' ')}`);
}

/**
 * Calls `notice` soon after anything happens in the directory, its folders, or beside `watchRoot` (where
 * its swap is seen). Best effort: where the system cannot watch, nothing is called. Returns the way to
 * stop.
 */
export function watchFolders(
  directory: LimitsDirectory,
  watchRoot: string | null,
  notice: () => void,
): () => void {
  const watchers: FSWatcher[] = [];
  /** With `name`, only what happens to that one entry of the folder. */
  const listen = (folder: string, name: string | null): void => {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, changed) => {
        if (name === null || changed === null || changed === name) notice();
      });
      watcher.on('error', () => watcher.close());
      watchers.push(watcher);
    } catch {
      // The folder is gone, or the system has no watches left: the next look still sees the change.
    }
  };
  for (const path of watchRoot === null ? [directory.path] : [directory.path, watchRoot]) {
    listen(dirname(path), basename(path));
  }
  for (const folder of [directory.path, ...foldersBelow(directory)].slice(0, WATCHED_MAX)) {
    listen(folder, null);
  }
  return () => {
    for (const watcher of watchers) watcher.close();
  };
}

function foldersBelow(directory: LimitsDirectory): string[] {
  try {
    return readdirSync(directory.path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('..'))
      .map((entry) => join(directory.path, entry.name));
  } catch {
    return [];
  }
}
