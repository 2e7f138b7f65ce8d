/**
 * Durations of calls, from their arrival until the last answer of the same turn was made. The calls
 * of one read, or of one batch of the store, are answered in one turn, so the clock is read once for
 * all of them: a reading costs half of what encoding an answer does.
 */
import type { RpcMethodName, RpcObserver } from './rpc-observer.ts';

export class AnswerTimes {
  readonly #method: RpcMethodName;
  readonly #observer: RpcObserver;
  /** Arrivals of what this turn answered: bounded by the calls at work. */
  #arrivalsMs: number[] = [];

  constructor(method: RpcMethodName, observer: RpcObserver) {
    this.#method = method;
    this.#observer = observer;
  }

  /** A call that arrived at that time, on the monotonic clock, has its answer. */
  answered(arrivedMs: number): void {
    if (this.#arrivalsMs.push(arrivedMs) === 1) queueMicrotask(this.#report);
  }

  readonly #report = (): void => {
    const arrivalsMs = this.#arrivalsMs;
    this.#arrivalsMs = [];
    const nowMs = performance.now();
    for (const arrivedMs of arrivalsMs) {
      this.#observer.requestFinished(this.#method, nowMs - arrivedMs);
    }
  };
}
