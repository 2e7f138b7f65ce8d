/**
 * Disks that can be full: small file systems in memory where this process may mount some, else a bound on what
 * the service's process may write. Either way a write fails, and not the process.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Replica } from './fleet.ts';

/** Room for some minutes of a test's log. */
const SIZE_MIB = 8;
const BALLAST = 'ballast';

interface Disk {
  readonly root: string;
  readonly isMounted: boolean;
}

export class SmallDisks {
  readonly #disks = new Map<string, Disk>();

  /** For the voter of that id; the voter makes it. */
  directoryOf(id: string): string {
    const root = mkdtempSync(join(tmpdir(), 'weir-disk-'));
    const isMounted = tried('mount', '-t', 'tmpfs', '-o', `size=${SIZE_MIB}m`, 'tmpfs', root);
    this.#disks.set(id, { root, isMounted });
    return join(root, 'raft');
  }

  get kind(): string {
    return [...this.#disks.values()].every(({ isMounted }) => isMounted) ? 'tmpfs' : 'RLIMIT_FSIZE';
  }

  /** From now on the voter can write nothing more. */
  fill({ id, pid }: Replica): void {
    const { root, isMounted } = this.#disks.get(id) as Disk;
    if (isMounted) {
      const { bavail, bsize } = statfsSync(root);
      writeFileSync(join(root, BALLAST), new Uint8Array(bavail * bsize));
    } else run('prlimit', `--pid=${pid}`, '--fsize=0:');
  }

  /** For its process that starts next. */
  free({ id }: Replica): void {
    rmSync(join((this.#disks.get(id) as Disk).root, BALLAST), { force: true });
  }

  [Symbol.dispose](): void {
    for (const { root, isMounted } of this.#disks.values()) {
      if (isMounted) tried('umount', '-l', root);
      rmSync(root, { recursive: true, force: true });
    }
  }
}

function tried(program: string, ...words: readonly string[]): boolean {
  try {
    run(program, ...words);
    return true;
  } catch {
    return false;
  }
}

function run(program: string, ...words: readonly string[]): void {
  execFileSync(program, words, { stdio: 'pipe' });
}
