/** A store in memory that can be told to stop serving, as a Redis that goes away would. */
import { MemoryCounterStore } from '../../../src/counters/memory/memory-counter-store.ts';
import type {
  ChargeGroup,
  ChargeListener,
  CounterStore,
  StoreFailure,
} from '../../../src/limiter/counter-store.ts';

export class FailingStore implements CounterStore {
  readonly name = 'failing';
  readonly immediate = false;
  readonly memory: MemoryCounterStore;
  /** What every call fails with; null: it serves. */
  failure: StoreFailure | null = null;
  /** Calls that reached it. */
  calls = 0;
  readonly #listeners: ((isHealthy: boolean) => void)[] = [];

  constructor(now: () => number) {
    this.memory = new MemoryCounterStore({ now });
  }

  get isHealthy(): boolean {
    return this.failure === null;
  }

  /** Stops, or starts serving again and says so. */
  become(failure: StoreFailure | null): void {
    this.failure = failure;
    for (const listener of this.#listeners) listener(failure === null);
  }

  onHealth(listener: (isHealthy: boolean) => void): void {
    this.#listeners.push(listener);
  }

  start(): Promise<void> {
    return this.memory.start();
  }

  close(): Promise<void> {
    return this.memory.close();
  }

  charge(groups: readonly ChargeGroup[], listener: ChargeListener): void {
    this.calls += 1;
    if (this.failure === null) {
      this.memory.charge(groups, listener);
      return;
    }
    for (const group of groups) group.failure = this.failure;
    listener.settled(groups);
  }
}
