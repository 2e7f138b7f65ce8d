/**
 * The limits directory read as a whole. Every file counts, whatever its name, in the directory and in its
 * folders; names are sorted, so that the order of wildcards and the blame for duplicates never depend on
 * the disk.
 */
import { DIRECTORY_BYTES_MAX, FILES_MAX } from './bounds.ts';
import { type LimitsDirectory, listFiles, WalkFailure } from './directory-walk.ts';
import { compareText, fileProblem, type Problem } from './problem.ts';
import { type LimitsFile, readLimitsFile, systemText } from './read-limits-file.ts';

export interface DirectoryContents {
  /** Sorted by path. */
  readonly files: readonly LimitsFile[];
  /** Problems with the directory as a whole: then `files` says nothing. */
  readonly problem: Problem | null;
}

/** Reads every file. Never throws; blocks, so it runs in the parsing thread and on the command line. */
export function readLimitsDirectory(directory: LimitsDirectory): DirectoryContents {
  const paths = pathsOf(directory);
  if (typeof paths === 'string') {
    return { files: [], problem: fileProblem(directory.path, paths) };
  }
  const files: LimitsFile[] = [];
  let bytesLeft = DIRECTORY_BYTES_MAX;
  for (const file of paths) {
    const { read, bytes } = readLimitsFile(file, bytesLeft);
    bytesLeft -= bytes;
    files.push(read);
  }
  return { files, problem: null };
}

/** Sorted; or why the directory cannot be read. */
function pathsOf(directory: LimitsDirectory): readonly string[] | string {
  const { path } = directory;
  try {
    const paths = listFiles(directory);
    if (paths.length > FILES_MAX) return `more than ${FILES_MAX} files in ${path}`;
    return [...paths].sort(compareText);
  } catch (error) {
    if (error instanceof WalkFailure) return error.message;
    return `error opening directory ${path}: ${systemText(error, path)}`;
  }
}
