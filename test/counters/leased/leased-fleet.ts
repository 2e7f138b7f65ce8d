/**
 * Replicas with a leased store each, one leader and one clock that a test moves: everything between them is
 * done at once, and nothing happens by itself.
 */
import type { HeldResource, Holder, Received } from '../../../src/core/quota/holder.ts';
import type { Grant } from '../../../src/core/quota/message.ts';
import { SpendResult } from '../../../src/core/quota/spend-result.ts';
import type {
  LeaderQuestion,
  LeaderWord,
  LeasedShares,
} from '../../../src/counters/leased/lease-port.ts';
import { LeasedCounterStore } from '../../../src/counters/leased/leased-counter-store.ts';
import { MemoryCounterStore } from '../../../src/counters/memory/memory-counter-store.ts';
import type { ChargeGroup, CounterStore } from '../../../src/limiter/counter-store.ts';
import { ask } from '../../contract/charges.ts';
import { Fleet } from '../../core/quota/support/fleet.ts';

/** Rounds of requests in which the leader's own share gets what it is asked for. */
const LEADER_ROUNDS = 3;
export const DECIDE_MS = 20;

export class LeasedFleet extends Fleet {
  readonly own: string;
  /** Who cannot reach the leader. */
  readonly cutOff = new Set<string>();
  /** Questions to the leader, as they came. */
  readonly questions: LeaderQuestion[] = [];
  /** What the leader says in place of what it would. */
  word: (() => Promise<LeaderWord | null>) | null = null;
  readonly listeners = new Map<string, Set<(received: Received) => void>>();

  constructor(own: string, ...others: string[]) {
    super(own, ...others);
    this.own = own;
  }

  override refresh(name: string): readonly Grant[] {
    if (this.cutOff?.has(name)) {
      const { at, wall } = this.moment;
      this.holder(name).request(at, wall, 1);
      return [];
    }
    const grants = super.refresh(name);
    for (const listener of this.listeners?.get(name) ?? []) listener('taken');
    return grants;
  }

  /** Shares of that replica, and its way to the leader. */
  sharesOf(name: string): LeasedShares {
    const holder = (): Holder => this.holder(name);
    return {
      get leasedUntil() {
        return holder().leasedUntil;
      },
      find: (resource) => this.holder(name).find(resource),
      track: (resource, quota, now) => this.holder(name).track(resource, quota, now),
      shareOf: (resource, now, wall) => this.holder(name).shareOf(resource, now, wall),
      spendOn: (held: HeldResource, hits, now, wall) =>
        this.holder(name).spendOn(held, hits, now, wall),
      retryOn: (held: HeldResource, hits, now, wall) =>
        this.holder(name).retryOn(held, hits, now, wall),
      decide: (asked) => this.#decide(name, asked),
      onAnswer: (listener) => {
        const its = this.listeners.get(name) ?? new Set();
        this.listeners.set(name, its.add(listener));
        return () => its.delete(listener);
      },
    };
  }

  replica(name: string, its: Partial<LeasedReplicaParts> = {}): LeasedReplica {
    return new LeasedReplica(this, { shares: this.sharesOf(name), ...its });
  }

  async #decide(name: string, asked: LeaderQuestion): Promise<LeaderWord | null> {
    this.questions.push(asked);
    if (this.word !== null) return await this.word();
    if (this.cutOff.has(name)) return null;
    this.track(asked.resource, asked.quota, this.own);
    for (let round = 0; round < LEADER_ROUNDS; round += 1) {
      const word = this.#spendOwn(asked, asked.hits) ?? this.#spendOwn(asked, asked.least);
      if (word !== null) return word;
      this.refresh(this.own);
    }
    return { result: SpendResult.OVER, admitted: 0 };
  }

  #spendOwn({ resource }: LeaderQuestion, hits: number): LeaderWord | null {
    const result = this.spend(this.own, resource, hits);
    return result === SpendResult.ADMITTED ? { result, admitted: hits } : null;
  }
}

export interface LeasedReplicaParts {
  readonly shares: LeasedShares;
  readonly inner: CounterStore;
}

export class LeasedReplica {
  readonly memory: MemoryCounterStore;
  readonly store: LeasedCounterStore;

  constructor(
    fleet: LeasedFleet,
    { shares, inner }: Partial<LeasedReplicaParts> & { shares: LeasedShares },
  ) {
    const now = (): number => fleet.moment.wall;
    this.memory = new MemoryCounterStore({ now });
    this.store = new LeasedCounterStore({
      inner: inner ?? this.memory,
      shares,
      moment: () => ({ now: fleet.moment.at, wall: fleet.moment.wall }),
      monotonic: () => fleet.moment.at,
      decideMs: DECIDE_MS,
      local: { store: this.memory, replicas: 1, now },
    });
  }

  ask(...groups: ChargeGroup[]): Promise<readonly ChargeGroup[]> {
    return ask(this.store, groups);
  }
}
