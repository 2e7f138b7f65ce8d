/** CPU time of this process, which a busy machine distorts less than the clock on the wall. */

/** Long enough for the microseconds of `cpuUsage`, short enough for a median of several. */
const STRETCH_MS = 200;
const STRETCHES = 9;
const WARM_UP_MS = 500;

/** Nanoseconds of CPU for each of the `count` pieces of work that one call of `work` does. */
export function cpuNsEach(count: number, work: () => void): number {
  repeat(WARM_UP_MS, work);
  const each: number[] = [];
  for (let i = 0; i < STRETCHES; i++) {
    const before = process.cpuUsage();
    const rounds = repeat(STRETCH_MS, work);
    const { user, system } = process.cpuUsage(before);
    each.push(((user + system) * 1000) / (rounds * count));
  }
  return each.toSorted((a, b) => a - b)[STRETCHES >> 1] as number;
}

function repeat(forMs: number, work: () => void): number {
  const end = performance.now() + forMs;
  let rounds = 0;
  while (performance.now() < end) {
    work();
    rounds++;
  }
  return rounds;
}
