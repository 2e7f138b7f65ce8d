/** Many seeds over several threads; each thread takes the next seed when it is done with one. */
import { Worker } from 'node:worker_threads';
import type { Arguments } from './arguments.ts';
import type { RunResult } from './run.ts';
import { runOnce } from './run.ts';
import type { SimulationOptions } from './scenario.ts';

/** What a run in this thread or another gives; `isSame` is null when it was run once. */
export interface Outcome {
  readonly result: RunResult;
  readonly isSame: boolean | null;
}

export interface Order {
  readonly options: SimulationOptions;
  readonly isTwice: boolean;
}

export async function carryOut({ options, isTwice }: Order): Promise<Outcome> {
  const result = await runOnce(options);
  if (!isTwice) return { result, isSame: null };
  const again = await runOnce(options);
  return { result, isSame: again.hash === result.hash };
}

/** `onDone` is told of each; in no order when there are several threads. */
export async function runSeeds(
  args: Arguments,
  onDone: (outcome: Outcome) => Promise<void>,
): Promise<void> {
  const { first, seeds, workers, isTwice } = args;
  let next = 0;
  const take = (): Order | null => {
    if (next >= seeds) return null;
    const options = { ...first, seed: first.seed + next };
    next += 1;
    return { options, isTwice };
  };
  const count = Math.min(workers, seeds);
  if (count === 1) {
    for (let order = take(); order !== null; order = take()) await onDone(await carryOut(order));
    return;
  }
  await Promise.all(Array.from({ length: count }, () => runWorker(take, onDone)));
}

function runWorker(
  take: () => Order | null,
  onDone: (outcome: Outcome) => Promise<void>,
): Promise<void> {
  const worker = new Worker(new URL('./main.ts', import.meta.url));
  return new Promise<void>((resolve, reject) => {
    const go = (): void => {
      const order = take();
      if (order === null) resolve(worker.terminate().then(() => undefined));
      // A worker thread has no origin.
      // oxlint-disable-next-line unicorn/require-post-message-target-origin
      else worker.postMessage(order);
    };
    worker.on('error', reject);
    worker.on('message', (outcome: Outcome) => void onDone(outcome).then(go, reject));
    go();
  });
}
