/**
 * The workers as one: who of them takes a connection or answers a question, whether all are well, and
 * what all have counted.
 */
import type { Socket } from 'node:net';
import type { HttpAnswer } from '../admin/http-server.ts';
import type { ProfileKind } from '../admin/profiler.ts';
import type { DurationMs } from '../core/time.ts';
import type { CountsReceiver } from '../telemetry/counts-exchange.ts';
import { OwnTotals } from '../telemetry/own-totals.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Report } from './protocol.ts';
import type { WorkerChild, WorkerEnd, WorkerState } from './worker-child.ts';

/** How long a page waits for the newest counts of a worker; then it shows those before. */
const COUNTS_MS_MAX = 2000;

const NO_WORKER: HttpAnswer = {
  status: 503,
  contentType: 'text/plain; charset=utf-8',
  body: 'Service Unavailable\n',
  reason: 'no worker could answer',
};

export class Fleet {
  readonly #size: number;
  readonly #telemetry: Telemetry;
  readonly #totals = new OwnTotals();
  /** Those not ended; bounded by the number of workers asked for. */
  readonly #workers = new Map<WorkerChild, CountsReceiver>();
  #refreshing: Promise<void> | null = null;
  readonly restarts = { crashed: 0, hung: 0 };

  constructor(size: number, telemetry: Telemetry) {
    this.#size = size;
    this.#telemetry = telemetry;
    telemetry.register('weir_workers', () =>
      (['starting', 'serving', 'draining'] as const).map((state) => ({
        labels: { state },
        value: this.count(state),
      })),
    );
    telemetry.register('weir_worker_restarts_total', () =>
      Object.entries(this.restarts).map(([cause, value]) => ({ labels: { cause }, value })),
    );
  }

  get workers(): Iterable<WorkerChild> {
    return this.#workers.keys();
  }

  add(worker: WorkerChild): void {
    this.#workers.set(worker, this.#telemetry.countsReceiver());
  }

  remove(worker: WorkerChild, end: WorkerEnd): void {
    this.#workers.delete(worker);
    this.#totals.end(worker.number);
    for (const socket of end.sockets) this.take(socket);
  }

  count(state: WorkerState): number {
    return [...this.#workers.keys()].filter((worker) => worker.state === state).length;
  }

  /** '' when every worker is there and serves; else what is missing, for people. */
  get ailment(): string {
    const ill = [...this.#workers.keys()]
      .filter(({ isHealthy }) => !isHealthy)
      .map(({ number, state }) =>
        state === 'serving' ? `worker ${number} is unhealthy` : `worker ${number} is ${state}`,
      );
    const missing = this.#size - this.#workers.size;
    if (missing > 0) ill.push(`${missing} of ${this.#size} workers will be replaced`);
    return ill.join(', ');
  }

  /** A connection goes to the worker that has the fewest. */
  take(socket: Socket): void {
    const worker = this.#leastLoaded();
    // Its peer tries again, here or at another replica.
    if (worker === null) socket.destroy();
    else worker.hand(socket);
  }

  /** For counts and own metrics; other reports are not for here. */
  note(worker: WorkerChild, report: Report): void {
    if (report.kind === 'counts') this.#workers.get(worker)?.add(report.counts);
    if (report.kind === 'own') this.#totals.report(worker.number, report.state);
  }

  /** `/json`, answered by a worker. */
  async answerJson(body: string): Promise<HttpAnswer> {
    try {
      return (await this.#any().ask({ kind: 'json', body })) as HttpAnswer;
    } catch {
      return NO_WORKER;
    }
  }

  /** Of the worker that has the most connections. */
  async profile(kind: ProfileKind, seconds: number): Promise<string> {
    const [busiest] = this.#serving().toSorted((a, b) => b.load - a.load);
    if (busiest === undefined) throw new Error('no worker serves');
    return (await busiest.ask({ kind: 'profile', profile: kind, seconds })) as string;
  }

  /** Resolves when the counts of all workers are here, or those that did not come are given up. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  /** The Prometheus page of all workers and this process. */
  async *pageChunks(): AsyncGenerator<string> {
    await this.refresh();
    const telemetry = this.#telemetry;
    yield* telemetry.pageChunks(async () => this.#totals.text(await telemetry.ownState()));
  }

  /** Lines of /stats. */
  async statLines(): Promise<Iterable<string>> {
    await this.refresh();
    return this.#telemetry.statLines();
  }

  async #refresh(): Promise<void> {
    const asked = [...this.#workers.keys()]
      .filter(({ state }) => state !== 'starting')
      .map((worker) => worker.ask({ kind: 'counts' }).catch(() => null));
    await within(Promise.all(asked), COUNTS_MS_MAX);
  }

  #serving(): WorkerChild[] {
    return [...this.#workers.keys()].filter(({ state }) => state === 'serving');
  }

  /** Those that serve, or else those that drain: in the drain delay callers have yet to notice. */
  #able(): WorkerChild[] {
    const serving = this.#serving();
    if (serving.length > 0) return serving;
    return [...this.#workers.keys()].filter(({ state }) => state === 'draining');
  }

  #leastLoaded(): WorkerChild | null {
    let least: WorkerChild | null = null;
    for (const worker of this.#able()) {
      if (least === null || worker.load < least.load) least = worker;
    }
    return least;
  }

  #any(): WorkerChild {
    const able = this.#able();
    const worker = able[Math.floor(Math.random() * able.length)];
    if (worker === undefined) throw new Error('no worker serves');
    return worker;
  }
}

async function within(work: Promise<unknown>, ms: DurationMs): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, timeUp]);
  clearTimeout(timer);
}
