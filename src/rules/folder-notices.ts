/** The system's own notices of changes in the limits directory: quick, but nowhere to be relied upon. */
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ENTRIES_MAX, WATCHED_MAX } from './bounds.ts';
import { firstEntries, isMachinery, type LimitsDirectory } from './directory-walk.ts';

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

/** Some of them: those beyond the bounds are only looked at. */
function foldersBelow({ path }: LimitsDirectory): string[] {
  try {
    return firstEntries(path, ENTRIES_MAX)
      .filter((entry) => entry.isDirectory() && !isMachinery(entry.name))
      .map((entry) => join(path, entry.name));
  } catch {
    return [];
  }
}
