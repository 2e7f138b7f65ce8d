/**
 * `npm run sim`: see `USAGE`. Prints every seed that fails, with what to type to see it again and the faults
 * that it takes, and at the end what was run and how long it took. Ends with 1 when a seed failed.
 */
import { appendFileSync } from 'node:fs';
import { type MessagePort, parentPort } from 'node:worker_threads';
import { type Arguments, parseArguments, USAGE } from './arguments.ts';
import { carryOut, type Order, type Outcome, runSeeds } from './campaign.ts';
import { failureText, optionsText, type RunResult } from './run.ts';
import { shrink } from './shrink.ts';

const REGRESSIONS = new URL('./seeds/regressions.txt', import.meta.url);
/** Failures are shrunk one by one; after so many, they are only told. */
const SHRUNK_MAX = 3;
const PROGRESS_MS = 60_000;

type Sums = Record<'events' | 'faults' | 'crashes' | 'terms' | 'committed' | 'admitted', number>;

class Report {
  readonly #args: Arguments;
  readonly #startedAt = performance.now();
  readonly #sums: Sums = { events: 0, faults: 0, crashes: 0, terms: 0, committed: 0, admitted: 0 };
  #toldAt = 0;
  #seeds = 0;
  #failed = 0;
  #different = 0;
  #shrunk = 0;

  constructor(args: Arguments) {
    this.#args = args;
  }

  get isClean(): boolean {
    return this.#failed === 0 && this.#different === 0;
  }

  async add({ result, isSame }: Outcome): Promise<void> {
    this.#seeds += 1;
    for (const name of Object.keys(this.#sums) as (keyof Sums)[]) this.#sums[name] += result[name];
    if (isSame === false) {
      this.#different += 1;
      console.log(`seed ${result.options.seed}: two runs differ`);
    }
    if (result.failure !== null) await this.#addFailure(result);
    if (this.#args.seeds === 1) console.log(`event hash ${result.hash}`);
    if (this.#seconds * 1000 - this.#toldAt < PROGRESS_MS) return;
    this.#toldAt = this.#seconds * 1000;
    console.log(`${this.#seeds} of ${this.#args.seeds} seeds, ${this.#seconds.toFixed(0)} s`);
  }

  end(): void {
    const { first, seeds, workers, isTwice } = this.#args;
    const sums = Object.entries(this.#sums).map(([name, sum]) => `${sum} ${name}`);
    console.log(`seeds ${first.seed} to ${first.seed + seeds - 1}, ${first.hours} h each`);
    console.log(`  ${sums.join(', ')}`);
    if (isTwice) console.log(`  ${this.#different} seeds of ${seeds} differ when run again`);
    console.log(`  ${this.#failed} seeds of ${seeds} failed`);
    console.log(`  ${this.#seconds.toFixed(1)} s with ${workers} threads`);
  }

  get #seconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  async #addFailure(result: RunResult): Promise<void> {
    this.#failed += 1;
    const doesShrink = this.#shrunk < SHRUNK_MAX;
    if (doesShrink) this.#shrunk += 1;
    const smallest = doesShrink ? await shrink(result) : result;
    console.log(failureText(smallest));
    if (!this.#args.doesSave || smallest.failure === null) return;
    const reason = smallest.failure.what.split('\n')[0];
    appendFileSync(REGRESSIONS, `${optionsText(smallest.options)} # ${reason}\n`);
  }
}

async function main(): Promise<void> {
  let args: Arguments;
  try {
    args = parseArguments(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  const report = new Report(args);
  await runSeeds(args, (outcome) => report.add(outcome));
  report.end();
  if (!report.isClean) process.exitCode = 1;
}

/** One thread of several: a seed at a time. */
async function serve(port: MessagePort, order: Order): Promise<void> {
  const outcome = await carryOut(order);
  // A thread has no origin.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  port.postMessage(outcome);
}

if (parentPort === null) await main();
else {
  const port = parentPort;
  port.on('message', (order: Order) => void serve(port, order));
}
