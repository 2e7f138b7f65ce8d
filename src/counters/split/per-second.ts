/** A second Redis for the limits per second: they are most of the load, and need no long memory. */
import { Unit } from '../../core/rules/unit.ts';
import type { MonotonicMs } from '../../core/time.ts';
import type { CounterStore } from '../../limiter/counter-store.ts';
import { SplitCounterStore } from './split-counter-store.ts';

export interface PerSecondSplit {
  readonly main: CounterStore;
  readonly perSecond: CounterStore;
  readonly monotonic: () => MonotonicMs;
}

export function splitStore({ main, perSecond, monotonic }: PerSecondSplit): SplitCounterStore {
  return new SplitCounterStore({
    name: main.name,
    stores: [main, perSecond],
    placeOf: ({ unit }) => (unit === Unit.SECOND ? 1 : 0),
    monotonic,
  });
}
