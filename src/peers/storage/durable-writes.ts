/** The two ways to get bytes onto a disk for good. */
import type { Disk, DiskFile } from './disk.ts';
import { TEMPORARY_SUFFIX } from './file-names.ts';
import { StorageError } from './storage-error.ts';

/** All of `bytes`, however few the system takes at a time. */
export async function writeAll(file: DiskFile, bytes: Uint8Array, offset: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const count = await file.write(bytes.subarray(written), offset + written);
    if (count <= 0) throw new StorageError('io', 'the system wrote nothing and said no reason');
    written += count;
  }
}

/**
 * A file with these bytes, in the place of one with this name if there is any: after a crash it is
 * the old one or the new one. The new one's bytes are on the disk before its name is. It is left
 * open for more.
 */
export async function putFile(disk: Disk, name: string, bytes: Uint8Array): Promise<DiskFile> {
  const temporary = name + TEMPORARY_SUFFIX;
  const file = await disk.create(temporary);
  try {
    await writeAll(file, bytes, 0);
    await file.sync();
    await disk.rename(temporary, name);
    await disk.syncDirectory();
    return file;
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
}
