/**
 * Replicas that charge one store ahead, over a network that delays, loses and reorders their calls, by clocks
 * that run apart: one thread, one true time. A seed says all that happens.
 */
import { Unit } from '../../../src/core/rules/unit.ts';
import { MemoryCounterStore } from '../../../src/counters/memory/memory-counter-store.ts';
import { PrepaidCounterStore } from '../../../src/counters/prepaid/prepaid-counter-store.ts';
import type {
  ChargeGroup,
  ChargeListener,
  CounterStore,
} from '../../../src/limiter/counter-store.ts';
import { group } from '../../contract/charges.ts';
import { Random } from '../../core/quota/support/random.ts';

/** A second's windows begin here. */
const EPOCH = 1_700_000_000_000;

export interface PrepaidFleetOptions {
  readonly seed: number;
  readonly replicas: number;
  readonly limit: number;
  readonly hitsPerSecond: number;
  /** Of a call and of its answer, in ms; 0: at once. */
  readonly delayMax: number;
  /** Part of the calls that fail and were not made. */
  readonly lossy: number;
}

interface Post {
  readonly at: number;
  readonly run: () => void;
}

export class Replica {
  readonly store: PrepaidCounterStore;
  look: () => void = () => {};

  constructor(fleet: PrepaidFleet, rate: number, offset: number) {
    this.store = new PrepaidCounterStore({
      inner: new FarStore(fleet),
      monotonic: () => fleet.now * rate + offset,
      hitsPerSecond: fleet.options.hitsPerSecond,
      keysMax: 10,
      repeat: (task) => {
        this.look = task;
        return () => {};
      },
    });
  }
}

export class PrepaidFleet {
  readonly options: PrepaidFleetOptions;
  readonly random: Random;
  readonly redis = new MemoryCounterStore({ now: () => EPOCH + this.now });
  readonly replicas: Replica[];
  /** Hits admitted in each window, by the store's own time. */
  readonly admitted = new Map<number, number>();
  now = 0;
  /** Calls that reached the store. */
  calls = 0;
  #posts: Post[] = [];
  readonly #born: Replica[] = [];

  constructor(options: PrepaidFleetOptions) {
    this.options = options;
    this.random = new Random(options.seed);
    this.replicas = Array.from({ length: options.replicas }, () => this.join());
  }

  join(): Replica {
    const { random } = this;
    const rate = 1 + random.pick([-0.009, 0, 0.009]);
    const replica = new Replica(this, rate, random.between(0, 1e6));
    this.#born.push(replica);
    return replica;
  }

  /** In memory, by all replicas there ever were. */
  get spentHits(): number {
    return this.#born.reduce((sum, { store }) => sum + store.counts.spentHits, 0);
  }

  get window(): number {
    return Math.floor(this.now / 1000);
  }

  post(delayMs: number, run: () => void): void {
    this.#posts.push({ at: this.now + delayMs, run });
  }

  delay(): number {
    return this.random.between(0, this.options.delayMax);
  }

  /** Time passes, calls arrive, and once a second each replica looks around. */
  pass(ms: number): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 1;
      const due = this.#posts.filter(({ at }) => at <= this.now);
      this.#posts = this.#posts.filter(({ at }) => at > this.now);
      for (const { run } of due) run();
      if (this.now % 1000 === 500) for (const replica of this.replicas) replica.look();
    }
  }

  ask(replica: Replica, hits = 1, key = 'hot'): void {
    const { limit } = this.options;
    const asked = group({ key, hits, limit, unit: Unit.SECOND });
    const settled = (): void => {
      const [charge] = asked.charges;
      if (charge === undefined || asked.failure !== null || charge.after > limit) return;
      // What the store charged counts where it was charged; what was decided here, now.
      const window = this.#chargedIn.get(asked) ?? this.window;
      this.admitted.set(window, (this.admitted.get(window) ?? 0) + hits);
    };
    replica.store.charge([asked], { settled });
  }

  readonly #chargedIn = new WeakMap<ChargeGroup, number>();

  /** The call is made at the store now. */
  charge(groups: readonly ChargeGroup[], listener: ChargeListener): void {
    this.calls += 1;
    for (const its of groups) this.#chargedIn.set(its, this.window);
    this.redis.charge(groups, listener);
  }

  /** What the store counts now. */
  count(key = 'hot'): number {
    const peek = group({ key, hits: 0, unit: Unit.SECOND });
    this.redis.charge([peek], { settled: () => {} });
    return peek.charges[0]?.after ?? Number.NaN;
  }
}

/** The store, some way off. A call whose deadline has passed when it arrives is not made. */
class FarStore implements CounterStore {
  readonly name = 'far';
  readonly immediate = false;
  readonly isHealthy = true;
  readonly #fleet: PrepaidFleet;

  constructor(fleet: PrepaidFleet) {
    this.#fleet = fleet;
  }
  async start(): Promise<void> {}
  async close(): Promise<void> {}
  onHealth(): void {}

  charge(groups: readonly ChargeGroup[], listener: ChargeListener): void {
    const fleet = this.#fleet;
    const { delayMax, lossy } = fleet.options;
    if (delayMax === 0) {
      fleet.charge(groups, listener);
      return;
    }
    const isLost = fleet.random.isTrue(lossy);
    fleet.post(fleet.delay(), () => {
      if (isLost) for (const its of groups) its.failure = { code: 'timeout', text: 'lost' };
      else fleet.charge(groups, { settled: () => {} });
      fleet.post(fleet.delay(), () => listener.settled(groups));
    });
  }
}
