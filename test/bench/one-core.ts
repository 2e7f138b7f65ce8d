/**
 * Servers under measurement run on one core, the last, where the system can pin a process: their
 * threads (garbage collection, compilation) then compete as they do in a container of one core.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

/** Of util-linux; without it they run where they will. */
const PINNING = 'taskset';
const canPin = spawnSync(PINNING, ['--version']).status === 0;

/** Words to put before a command. */
export const PIN: readonly string[] = canPin
  ? [PINNING, '-c', String(availableParallelism() - 1)]
  : [];

/** A script beside this one, with a channel for messages. */
export function forkPinned(script: string, args: readonly string[]): ChildProcess {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const [command, ...rest] = [...PIN, process.execPath, file, ...args] as [string, ...string[]];
  return spawn(command, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}
