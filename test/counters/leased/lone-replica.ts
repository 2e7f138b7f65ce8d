/** A leased store of a replica that is alone: its own leader, in this process, by the real clocks. */
import { LeasedCounterStore } from '../../../src/counters/leased/leased-counter-store.ts';
import { MemoryCounterStore } from '../../../src/counters/memory/memory-counter-store.ts';
import type { ChargeGroup } from '../../../src/limiter/counter-store.ts';
import { ask } from '../../contract/charges.ts';
import { Member } from '../../peers/support/group-rig.ts';

/** Far above what a busy machine delays. */
const PATIENCE_MS = 10_000;

export class LoneReplica {
  readonly member = new Member({ nodeId: 'alone' });
  readonly memory = new MemoryCounterStore({ now: Date.now });
  readonly store: LeasedCounterStore;

  constructor(decideMs = PATIENCE_MS) {
    this.store = new LeasedCounterStore({
      inner: this.memory,
      shares: this.member.group.lessee,
      moment: () => ({ now: performance.now(), wall: Date.now() }),
      monotonic: () => performance.now(),
      decideMs,
      local: { store: this.memory, replicas: 1, now: Date.now },
    });
  }

  static async start(decideMs?: number): Promise<LoneReplica> {
    const replica = new LoneReplica(decideMs);
    await replica.store.start();
    await replica.member.group.start();
    return replica;
  }

  ask(...groups: ChargeGroup[]): Promise<readonly ChargeGroup[]> {
    return ask(this.store, groups);
  }

  async stop(): Promise<void> {
    await this.member.group.stop();
    await this.store.close();
  }
}
