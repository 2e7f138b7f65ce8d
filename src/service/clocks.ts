/** The clocks of the process, for the rooms that take them as arguments. */
import type { DurationMs, MonotonicMs, WallMs } from '../core/time.ts';

export const wallNow = (): WallMs => Date.now();
export const monotonicNow = (): MonotonicMs => performance.now();

/** Runs `task` once, unless the function it returns is called first. Keeps no process running. */
export function after(ms: DurationMs, task: () => void): () => void {
  const timer = setTimeout(task, ms);
  timer.unref();
  return () => clearTimeout(timer);
}
