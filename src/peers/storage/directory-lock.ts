/**
 * One process per directory. Node has no flock, so a lock is a file that names its holder: process,
 * when it started, machine, and boot. It counts as long as that process lives.
 *
 * Whoever wants the directory first makes a lock of its own, under a name that is never used again,
 * and then looks at all the others: a live one means to step back, those of dead processes are
 * removed. Of two that come at once at least one sees the other, so never both go on; both may step
 * back. The file is written and synced under another name and then linked, so there is no moment,
 * and no crash, that leaves a lock without its holder in it.
 *
 * A machine is known by its host name. Nobody here can tell whether another host's process lives, so
 * its lock is respected: the error says whose it is and what to do. Two containers of one host name
 * do not see each other's processes either: that a volume is given to one at a time is up to
 * whoever mounts it.
 */
import { constants, readFileSync } from 'node:fs';
import { link, open, readdir, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isLock, LOCK_PREFIX, TEMPORARY_SUFFIX } from './file-names.ts';
import { StorageError } from './storage-error.ts';

interface Holder {
  readonly pid: number;
  /** In ticks since the boot, to tell a process from one that had its id before. '' if unknown. */
  readonly startedAt: string;
  readonly host: string;
  readonly boot: string;
}

/** Resolves to what gives the lock back. Rejects with a StorageError `locked` if another has it. */
export async function lockDirectory(path: string): Promise<() => Promise<void>> {
  const own = `${LOCK_PREFIX}${process.pid}-${Math.random().toString(36).slice(2)}`;
  const release = (): Promise<void> => rm(join(path, own), { force: true });
  await makeLock(path, own);
  try {
    const others = (await readdir(path)).filter((name) => isLock(name) && name !== own);
    for (const name of others) await assertStale(join(path, name));
    for (const name of others) await rm(join(path, name), { force: true });
  } catch (error) {
    await release();
    throw error;
  }
  return release;
}

async function makeLock(path: string, name: string): Promise<void> {
  const temporary = join(path, name + TEMPORARY_SUFFIX);
  const file = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL);
  try {
    await file.writeFile(`${JSON.stringify(thisProcess())}\n`);
    await file.sync();
    await link(temporary, join(path, name));
  } finally {
    await file.close();
    await rm(temporary, { force: true });
  }
}

/** `file`: another's lock. Rejects with a StorageError that says whose it is. */
async function assertStale(file: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return; // Given back a moment ago.
  const holder = parseHolder(text);
  if (holder === null) {
    const advice = 'remove it once no process uses the directory';
    throw new StorageError('locked', `the lock ${file} cannot be read: ${advice}`);
  }
  const { pid, host } = holder;
  if (host !== hostname()) {
    const advice = 'remove it once you know that this process has ended';
    throw new StorageError(
      'locked',
      `process ${pid} of host '${host}' has it by ${file}: ${advice}`,
    );
  }
  if (isAlive(holder)) {
    const advice = 'two processes cannot be one voter';
    throw new StorageError('locked', `process ${pid} has it by the lock ${file}: ${advice}`);
  }
}

function parseHolder(text: string): Holder | null {
  try {
    const { pid, startedAt, host, boot } = JSON.parse(text) as Holder;
    const isWhole = [startedAt, host, boot].every((field) => typeof field === 'string');
    return Number.isSafeInteger(pid) && isWhole ? { pid, startedAt, host, boot } : null;
  } catch {
    return null;
  }
}

function isAlive({ pid, startedAt, boot }: Holder): boolean {
  if (boot !== bootId()) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, and is another user's.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return startedAt === startOf(pid);
}

function thisProcess(): Holder {
  const { pid } = process;
  return { pid, startedAt: startOf(pid), host: hostname(), boot: bootId() };
}

/**
 * Field 22 of /proc/PID/stat, and 3 is the state; the second, in parentheses, may hold anything. A
 * zombie has ended, though nobody asked how.
 */
function startOf(pid: number): string {
  const stat = readIfAny(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 1).split(' ');
  return fields[1] === 'Z' ? '' : (fields[20] ?? '');
}

function bootId(): string {
  return readIfAny('/proc/sys/kernel/random/boot_id').trim();
}

/** '' where there is no such file: not on Linux. */
function readIfAny(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
