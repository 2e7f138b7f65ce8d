/**
 * The port on the real file system.
 *
 * A file's bytes are synced with fdatasync. It leaves out only times; the new size of a file that
 * grew is needed to read the bytes, so it is written too (POSIX, and so on ext4 and XFS). A name is
 * the directory's: it needs an fsync of the directory, and so does the name of a new directory in
 * its parent. On macOS Node's fsync asks for F_FULLFSYNC, without which bytes stay in the drive's
 * cache.
 */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { lockDirectory } from './directory-lock.ts';
import type { Disk, DiskFile } from './disk.ts';

/** Others have no business here: entries may name customers. */
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;

/**
 * The directory, made if it is missing but its parent is there: a path that is wrong is not made
 * up.
 */
export async function openNodeDisk(directory: string): Promise<Disk> {
  const path = resolve(directory);
  try {
    await mkdir(path, { mode: DIRECTORY_MODE });
    await syncDirectory(dirname(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return new NodeDisk(path);
}

class NodeDisk implements Disk {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  list(): Promise<readonly string[]> {
    return readdir(this.#path);
  }

  async read(name: string): Promise<Uint8Array> {
    const { buffer, byteOffset, byteLength } = await readFile(join(this.#path, name));
    return new Uint8Array(buffer, byteOffset, byteLength);
  }

  async create(name: string): Promise<DiskFile> {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
    return new NodeFile(await open(join(this.#path, name), flags, FILE_MODE));
  }

  rename(from: string, to: string): Promise<void> {
    return rename(join(this.#path, from), join(this.#path, to));
  }

  remove(name: string): Promise<void> {
    return rm(join(this.#path, name));
  }

  syncDirectory(): Promise<void> {
    return syncDirectory(this.#path);
  }

  lock(): Promise<() => Promise<void>> {
    return lockDirectory(this.#path);
  }
}

class NodeFile implements DiskFile {
  readonly #file: FileHandle;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async write(bytes: Uint8Array, offset: number): Promise<number> {
    const { bytesWritten } = await this.#file.write(bytes, 0, bytes.length, offset);
    return bytesWritten;
  }

  sync(): Promise<void> {
    return this.#file.datasync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const file = await open(path, constants.O_RDONLY);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
