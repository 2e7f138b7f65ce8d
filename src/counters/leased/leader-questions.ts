/** The ways to the leader of all resources, and how many may wait on them. */
import type { Quota } from '../../core/quota/quota.ts';
import { SpendResult } from '../../core/quota/spend-result.ts';
import type { MonotonicMs } from '../../core/time.ts';
import { LeaderQueue, type LeaderQueueParts, type Waiting } from './leader-queue.ts';

/** Charges that wait, of all resources: what some 200,000 requests a second bring in 20 ms. */
const WAITING_MAX = 4096;
/** From so many queues on, those that nobody needs are looked for: one is needed for ten seconds after its last use at most. */
const QUEUES_SWEPT = 64;

export class LeaderQuestions {
  readonly #parts: LeaderQueueParts;
  readonly #queues = new Map<string, LeaderQueue>();
  #waiting = 0;
  #sweepAt = QUEUES_SWEPT;
  #isClosed = false;

  constructor(parts: LeaderQueueParts) {
    this.#parts = parts;
    parts.shares.onAnswer(() => {
      for (const queue of this.#queues.values()) queue.changed();
    });
  }

  /** Charges that wait now. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Settles at once where the answer is known, or there is no room. */
  ask(resource: string, quota: Quota, waiting: Waiting): void {
    const now = this.#parts.monotonic();
    const queue = this.#queues.get(resource) ?? this.#newQueue(resource, quota, now);
    const known = queue.answer(waiting.hits, now);
    if (known !== null) {
      waiting.settle(known);
      return;
    }
    if (this.#waiting >= WAITING_MAX || this.#isClosed || waiting.giveUpAt <= now) {
      waiting.settle(SpendResult.LAPSED);
      return;
    }
    this.#waiting += 1;
    const settle = (result: SpendResult): void => {
      this.#waiting -= 1;
      waiting.settle(result);
    };
    const retry = (): SpendResult => {
      const result = waiting.retry();
      if (result === SpendResult.ADMITTED) this.#waiting -= 1;
      return result;
    };
    queue.add({ ...waiting, retry, settle }, quota);
  }

  /** What waits is answered now, and what comes is not asked for. */
  close(): void {
    this.#isClosed = true;
    for (const queue of this.#queues.values()) queue.close();
  }

  #newQueue(resource: string, quota: Quota, now: MonotonicMs): LeaderQueue {
    if (this.#queues.size >= this.#sweepAt) this.#sweep(now);
    const queue = new LeaderQueue(resource, quota, this.#parts);
    this.#queues.set(resource, queue);
    return queue;
  }

  #sweep(now: MonotonicMs): void {
    for (const [resource, queue] of this.#queues) {
      if (queue.forget(now)) this.#queues.delete(resource);
    }
    this.#sweepAt = Math.max(QUEUES_SWEPT, 2 * this.#queues.size);
  }
}
