/**
 * Counters in several stores, each counter in one of them: with a second Redis, limits per second are
 * in that one. A batch goes to each store that it concerns as one `charge`, all at the same time, and
 * is settled when all have. Charges that depend on one another across stores: settle-parts.ts.
 */
import type { MonotonicMs } from '../../core/time.ts';
import type { ChargeGroup, ChargeListener, CounterStore } from '../../limiter/counter-store.ts';
import { type GiveBack, GiveBackCounts } from './give-back.ts';
import { chargesByPlace, PartGroup, type PlaceOf } from './part-group.ts';
import { settleParts } from './settle-parts.ts';

export interface SplitOptions {
  readonly name: string;
  /** At least one. */
  readonly stores: readonly CounterStore[];
  /** Index into `stores`; the same for each charge of a counter. */
  readonly placeOf: PlaceOf;
  readonly monotonic: () => MonotonicMs;
}

export class SplitCounterStore implements CounterStore {
  readonly name: string;
  readonly immediate: boolean;
  readonly giveBacks = new GiveBackCounts();
  readonly #options: SplitOptions;
  readonly #listeners: ((isHealthy: boolean) => void)[] = [];
  #wasHealthy = false;

  constructor(options: SplitOptions) {
    this.#options = options;
    this.name = options.name;
    this.immediate = options.stores.every(({ immediate }) => immediate);
    for (const store of options.stores) store.onHealth(() => this.#changed());
    this.#wasHealthy = this.isHealthy;
  }

  /** True when all stores are: each has counters that no other has. */
  get isHealthy(): boolean {
    return this.#options.stores.every((store) => store.isHealthy);
  }

  onHealth(listener: (isHealthy: boolean) => void): void {
    this.#listeners.push(listener);
  }

  #changed(): void {
    const { isHealthy } = this;
    if (isHealthy === this.#wasHealthy) return;
    this.#wasHealthy = isHealthy;
    for (const listener of this.#listeners) listener(isHealthy);
  }

  /** Waits for all, and rejects with what the first of those that failed says. */
  async start(): Promise<void> {
    const starts = await Promise.allSettled(this.#options.stores.map((store) => store.start()));
    const failed = starts.find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  }

  async close(): Promise<void> {
    await Promise.all(this.#options.stores.map((store) => store.close()));
  }

  charge(groups: readonly ChargeGroup[], listener: ChargeListener): void {
    const { stores, placeOf, monotonic } = this.#options;
    const byStore: PartGroup[][] = stores.map(() => []);
    const parts = groups.map((group) =>
      chargesByPlace(group, placeOf).map(([place, charges]) => {
        const part = new PartGroup(place, charges, group);
        byStore[place]?.push(part);
        return part;
      }),
    );
    const asked = byStore.map((its, place) => ({ its, place })).filter(({ its }) => its.length > 0);
    const call = new SplitCall({ groups, parts, listener, startedAt: monotonic() });
    if (asked.length === 0) call.finish(this);
    let open = asked.length;
    for (const { its, place } of asked) {
      stores[place]?.charge(its, {
        settled: () => {
          open -= 1;
          if (open === 0) call.finish(this);
        },
      });
    }
  }

  /** For SplitCall. */
  giveBack(backs: readonly GiveBack<PartGroup>[], startedAt: MonotonicMs): void {
    const { stores, monotonic } = this.#options;
    this.giveBacks.make(backs, { startedAt, now: monotonic() }, ({ place }) => stores[place]);
  }
}

interface SplitCallParts {
  readonly groups: readonly ChargeGroup[];
  /** Of each group. */
  readonly parts: readonly (readonly PartGroup[])[];
  readonly listener: ChargeListener;
  readonly startedAt: MonotonicMs;
}

/** A batch whose parts are under way. */
class SplitCall {
  readonly #parts: SplitCallParts;

  constructor(parts: SplitCallParts) {
    this.#parts = parts;
  }

  finish(store: SplitCounterStore): void {
    const { groups, parts, listener, startedAt } = this.#parts;
    for (const [index, group] of groups.entries()) {
      const its = parts[index] as readonly PartGroup[];
      if (its.length === 0) continue;
      const backs = settleParts(group, its);
      if (backs.length > 0) store.giveBack(backs, startedAt);
    }
    listener.settled(groups);
  }
}
