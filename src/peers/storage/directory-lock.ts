/**
 * One process per directory. Node has no flock, so the lock is a file that names its holder:
 * process, when it started, machine, and boot. It is held while that process lives.
 *
 * Locks have numbers, `lock-1`, `lock-2`. The one with the highest number is the one that counts; a
 * dead holder's is taken over by making the next, and of several that try only one can. Its file is
 * written and synced under another name and then linked, so there is never a lock without its
 * holder's name in it.
 *
 * A machine is known by its host name. A lock of another host's is never taken over, because nobody
 * here can tell whether its holder lives: the error says whose it is and what to do. Two containers
 * of one host name do not see each other's processes either: that a volume is given to one at a
 * time is up to whoever mounts it.
 */
import { constants, readFileSync } from 'node:fs';
import { link, open, readdir, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isLock, LOCK_PREFIX, TEMPORARY_SUFFIX } from './file-names.ts';
import { StorageError } from './storage-error.ts';

/** Each is lost to another process that starts at the same time; so many do not. */
const TRIES_MAX = 10;

interface Holder {
  readonly pid: number;
  /**
   * In ticks since the boot: another process that got the same id later shows. Empty where unknown.
   */
  readonly startedAt: string;
  readonly host: string;
  readonly boot: string;
}

/**
 * Resolves to what gives the lock back. Rejects with a StorageError `locked` while another process
 * has it.
 */
export async function lockDirectory(path: string): Promise<() => Promise<void>> {
  for (let i = 0; i < TRIES_MAX; i++) {
    const highest = await highestLock(path);
    if (highest > 0) await assertStale(path, highest);
    const number = highest + 1;
    if (!(await makeLock(path, number))) continue;
    // What was judged a while ago may have been taken over by others since.
    if ((await highestLock(path)) > number) {
      await rm(nameOf(path, number), { force: true });
      continue;
    }
    for (const old of await locksIn(path)) {
      if (old < number) await rm(nameOf(path, old), { force: true });
    }
    return () => rm(nameOf(path, number), { force: true });
  }
  throw new StorageError('locked', 'other processes are taking this directory all the time');
}

function nameOf(path: string, number: number): string {
  return join(path, LOCK_PREFIX + number);
}

async function highestLock(path: string): Promise<number> {
  return Math.max(0, ...(await locksIn(path)));
}

async function locksIn(path: string): Promise<number[]> {
  return (await readdir(path))
    .filter(isLock)
    .map((name) => Number(name.slice(LOCK_PREFIX.length)))
    .filter((number) => Number.isSafeInteger(number) && number > 0);
}

/** False when somebody else made it first. */
async function makeLock(path: string, number: number): Promise<boolean> {
  const temporary = join(path, `${LOCK_PREFIX}${process.pid}-${number}${TEMPORARY_SUFFIX}`);
  const file = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC);
  try {
    await file.writeFile(`${JSON.stringify(thisProcess())}\n`);
    await file.sync();
    await link(temporary, nameOf(path, number));
    return true;
  } catch (error) {
    // ENOENT: whoever has the directory tidied it up.
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['EEXIST', 'ENOENT'].includes(code)) return false;
    throw error;
  } finally {
    await file.close();
    await rm(temporary, { force: true });
  }
}

async function assertStale(path: string, number: number): Promise<void> {
  const name = nameOf(path, number);
  const text = await readFile(name, 'utf8').catch(() => null);
  if (text === null) return; // Given back a moment ago.
  const holder = parseHolder(text);
  if (holder === null) {
    throw new StorageError(
      'locked',
      `the lock ${name} cannot be read: remove it once no process uses the directory`,
    );
  }
  if (holder.host !== hostname()) {
    throw new StorageError(
      'locked',
      `process ${holder.pid} of host '${holder.host}' has it by the lock ${name}: remove that file ` +
        'once you know that this process has ended',
    );
  }
  if (isAlive(holder)) {
    throw new StorageError(
      'locked',
      `process ${holder.pid} has it by the lock ${name}: two processes cannot be one voter`,
    );
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

/** Field 22 of /proc/PID/stat; the second, in parentheses, may hold anything. */
function startOf(pid: number): string {
  const stat = readIfAny(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 1).split(' ')[20] ?? '';
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
