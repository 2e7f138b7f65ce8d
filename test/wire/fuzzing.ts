/**
 * What fuzz tests share: chance from a seed, so that a failure can be replayed, and the process's
 * memory before and after. `npm run test:fuzz` runs a million cases of each;
 * `FUZZ_SEED=n FUZZ_RUNS=m npm run test:fuzz` others.
 */
import { memoryBytes } from './memory.ts';

export const FUZZ_SEED = Number(process.env['FUZZ_SEED'] ?? 1);
const RUNS = process.env['FUZZ_RUNS'];

/** Runs without FUZZ_RUNS: about a second of `npm test`. */
export function fuzzRuns(byDefault: number): number {
  return RUNS === undefined ? byDefault : Number(RUNS);
}

/** A number from 0 on, below the bound; 0 for a bound of 0. */
export type Pick = (below: number) => number;

/** A small generator of its own (mulberry32), so that a seed means the same everywhere. */
export function pickFrom(seed: number): Pick {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % Math.max(below, 1);
  };
}

/** Changes some bytes, takes some out, puts some in, repeats a part, or cuts the end off. */
export function mutateBytes(bytes: Buffer, pick: Pick): Buffer {
  let mutated = bytes;
  for (let left = 1 + pick(4); left > 0; left--) {
    const at = pick(mutated.length + 1);
    const to = at + pick(9);
    const [before, part, after] = [
      mutated.subarray(0, at),
      mutated.subarray(at, to),
      mutated.subarray(to),
    ];
    const kind = pick(6);
    if (kind === 0) mutated = Buffer.concat([before, after]);
    else if (kind === 1) mutated = Buffer.concat([before, part, part, after]);
    else if (kind === 2)
      mutated = Buffer.concat([before, Buffer.alloc(pick(9), pick(256)), part, after]);
    else if (kind === 3) mutated = before;
    else {
      mutated = Buffer.from(mutated);
      // A bit, or the whole byte.
      if (kind === 4 && at < mutated.length) (mutated[at] as number) ^= 1 << pick(8);
      else if (at < mutated.length) mutated[at] = pick(256);
    }
  }
  return mutated;
}

/** Cases between two breaths: the test runner wants to hear from its worker. */
const CASES_AT_ONCE = 2000;
/** Cases before memory is first read: by then code is compiled and caches are full. */
const WARM_SHARE = 0.1;
/** Growth beyond this, over nine tenths of the cases, is a leak. */
const GROWTH_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Runs a case for each of so many seeds. Rejects with the seed of the first that throws, or when
 * memory has grown; resolves with a line for whoever started the long form.
 */
export async function fuzz(
  name: string,
  runs: number,
  oneCase: (seed: number) => void,
): Promise<void> {
  const startMs = performance.now();
  let warmBytes = 0;
  for (let run = 0; run < runs; run++) {
    const seed = FUZZ_SEED * 1_000_003 + run;
    try {
      oneCase(seed);
    } catch (error) {
      throw new Error(`${name} ${seed} (run ${run}) failed`, { cause: error });
    }
    if (run % CASES_AT_ONCE === 0) await new Promise(setImmediate);
    if (run === Math.floor(runs * WARM_SHARE)) warmBytes = await memoryBytes();
  }
  const grown = (await memoryBytes()) - warmBytes;
  if (grown > GROWTH_BYTES_MAX) throw new Error(`${name}: memory grew by ${grown} bytes`);
  if (RUNS === undefined) return;
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
  process.stderr.write(
    `fuzz: ${name}: ${runs} cases from seed ${FUZZ_SEED} in ${seconds} s, ` +
      `memory ${warmBytes} bytes after a tenth, ${grown} more at the end\n`,
  );
}

/** At a thousandth of a second each, with room. */
export function fuzzMsMax(runs: number): number {
  return Math.max(30_000, runs * 4);
}
