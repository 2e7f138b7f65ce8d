/**
 * What a process has used so far, told by the system, so that any server can be measured without its
 * help. Linux alone has these files: elsewhere numbers are NaN, and tables show a dash.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** Milliseconds of CPU, user and system, of all threads that still run. */
export function cpuMsOf(pid: number | null): number {
  if (pid === null) return Number.NaN;
  try {
    const tasks = readdirSync(`/proc/${pid}/task`);
    return tasks.reduce((sum, task) => sum + taskCpuNs(pid, task), 0) / 1e6;
  } catch {
    return Number.NaN;
  }
}

/** In nanoseconds; the files that every system has count in hundredths of a second. */
function taskCpuNs(pid: number, task: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
  } catch (error) {
    // A thread may end between the two looks.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

/** Bytes of memory that is resident. */
export function residentBytesOf(pid: number | null): number {
  if (pid === null) return Number.NaN;
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmRSS:\s*(\d+) kB$/m.exec(text)?.[1]) * 1024;
  } catch {
    return Number.NaN;
  }
}

/** Cores that others keep busy: what the whole system did in `ms`, less what this process did. */
export async function coresOfOthers(ms: number): Promise<number> {
  const before = [busyMs(), ownMs(), performance.now()] as const;
  await new Promise((resolve) => setTimeout(resolve, ms));
  const spanMs = performance.now() - before[2];
  return Math.max(0, busyMs() - before[0] - (ownMs() - before[1])) / spanMs;
}

function busyMs(): number {
  return cpus().reduce(
    (sum, { times }) => sum + times.user + times.nice + times.sys + times.irq,
    0,
  );
}

function ownMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
