/**
 * Servers under measurement run on one core, the last, where the system can pin a process: their
 * threads (garbage collection, compilation) then compete as they do in a container of one core. The
 * generator and Redis have the first, when there is more than one.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

/** Of util-linux; without it they run where they will. */
const PINNING = 'taskset';
const canPin = spawnSync(PINNING, ['--version']).status === 0;
/** Of the whole machine: this process may be pinned later. */
const LAST = availableParallelism() - 1;

/** Words to put before a command. */
export const PIN: readonly string[] = canPin ? [PINNING, '-c', String(LAST)] : [];

/** Puts this process, and what it starts without `PIN`, on the first core. */
export function pinGenerator(): void {
  if (!canPin || LAST === 0) return;
  spawnSync(PINNING, ['-a', '-c', '-p', '0', String(process.pid)]);
}

/** Where processes run, for the page. */
export function pinningText(): string {
  if (!canPin) return 'not pinned';
  return LAST === 0 ? 'all on one core' : `service on core ${LAST}, generator and Redis on core 0`;
}

/** A script beside this one, with a channel for messages. */
export function forkPinned(script: string, args: readonly string[]): ChildProcess {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const [command, ...rest] = [...PIN, process.execPath, file, ...args] as [string, ...string[]];
  return spawn(command, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}
