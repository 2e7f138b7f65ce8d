/**
 * The smallest part of a schedule, as far as can be found in bounded time, with which a run still fails by the
 * same invariant: halves are left out, then quarters, and so on to single faults (ddmin, Zeller 2002).
 */
import { faultsOf, type RunResult, runOnce } from './run.ts';

/** Each run is as long as the failing one at most. */
const RUNS_MAX = 150;

export async function shrink(failed: RunResult, runsMax = RUNS_MAX): Promise<RunResult> {
  if (failed.failure === null) return failed;
  const { failure, options } = failed;
  const { atMs, invariant } = failure;
  const before = faultsOf({ ...options, keep: null })
    .map(({ at }, i) => ({ at, i }))
    .filter(({ at, i }) => at <= atMs && (options.keep?.includes(i) ?? true))
    .map(({ i }) => i);
  let smallest = failed;
  let kept = before;
  let runs = 0;
  const fails = async (keep: number[]): Promise<boolean> => {
    if (runs >= runsMax) return false;
    runs += 1;
    const result = await runOnce({ ...options, keep });
    if (result.failure?.invariant !== invariant) return false;
    smallest = result;
    return true;
  };
  if (!(await fails(kept))) return failed;
  for (let size = Math.ceil(kept.length / 2); size > 0; size = halfOf(size)) {
    kept = await leaveOut(kept, size, fails);
  }
  return smallest;
}

/** 0 after 1. */
function halfOf(size: number): number {
  return size === 1 ? 0 : Math.ceil(size / 2);
}

/** Leaves out each part of `size` that is not needed. */
async function leaveOut(
  kept: number[],
  size: number,
  fails: (keep: number[]) => Promise<boolean>,
): Promise<number[]> {
  let left = kept;
  for (let from = 0; from < left.length; ) {
    const without = [...left.slice(0, from), ...left.slice(from + size)];
    if (await fails(without)) left = without;
    else from += size;
  }
  return left;
}
