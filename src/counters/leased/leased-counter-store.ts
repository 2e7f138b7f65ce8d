/**
 * A CounterStore around another: charges of leased limits are decided by this replica's share of them, in
 * memory and mostly before `charge` returns, and never reach the store. All others go there as they are.
 *
 * A limit that cannot be leased (there are too many, here or in the ledger) is counted in the store: by those
 * replicas that cannot, beside those that can.
 */
import { SpendResult } from '../../core/quota/spend-result.ts';
import type {
  Charge,
  ChargeGroup,
  ChargeListener,
  CounterStore,
} from '../../limiter/counter-store.ts';
import { GiveBackCounts } from '../split/give-back.ts';
import { LeasedCall } from './leased-call.ts';
import type { LeasedCounts } from './leased-counts.ts';
import { type DeciderOptions, LeasedDecider } from './leased-decider.ts';
import type { LocalDebts } from './local-debts.ts';

export interface LeasedStoreOptions extends DeciderOptions {
  readonly inner: CounterStore;
}

export class LeasedCounterStore implements CounterStore {
  readonly immediate = false;
  readonly giveBacks = new GiveBackCounts();
  readonly #inner: CounterStore;
  readonly #decider: LeasedDecider;

  constructor({ inner, ...options }: LeasedStoreOptions) {
    this.#inner = inner;
    this.#decider = new LeasedDecider(options);
  }

  get name(): string {
    return this.#inner.name;
  }

  /** Of the store: what is leased needs none. */
  get isHealthy(): boolean {
    return this.#inner.isHealthy;
  }

  get counts(): LeasedCounts {
    return this.#decider.counts;
  }

  /** What failure mode `local` admitted, and shares have paid since. */
  get debts(): LocalDebts {
    return this.#decider.debts;
  }

  /** Leased counters that the ledger has no room for, and that are counted in the store. */
  get untrackedResources(): number {
    return this.#decider.untracked.size;
  }

  /** Charges that wait for the leader now. */
  get waiting(): number {
    return this.#decider.questions.waiting;
  }

  onHealth(listener: (isHealthy: boolean) => void): void {
    this.#inner.onHealth(listener);
  }

  start(): Promise<void> {
    return this.#inner.start();
  }

  /** What waits for the leader is answered first, by its failure mode. */
  close(): Promise<void> {
    this.#decider.close();
    return this.#inner.close();
  }

  charge(groups: readonly ChargeGroup[], listener: ChargeListener): void {
    if (groups.length === 1) {
      const { charges, isLocal, requestId } = groups[0] as ChargeGroup;
      if (charges.length === 1) {
        const charge = charges[0] as Charge;
        if (charge.isLeased && isLocal !== true && requestId === '') {
          this.#chargeOne(charge, groups, listener);
          return;
        }
        if (!charge.isLeased) {
          this.#inner.charge(groups, listener);
          return;
        }
      }
    }
    if (groups.some(hasLeased)) this.#call(groups, listener, null);
    else this.#inner.charge(groups, listener);
  }

  /** The way of nearly every request: one charge, and the share knows. */
  #chargeOne(charge: Charge, groups: readonly ChargeGroup[], listener: ChargeListener): void {
    const decider = this.#decider;
    const moment = decider.moment();
    const held = decider.heldOf(charge, moment.now);
    if (held === null) {
      decider.counts.results.untracked += 1;
      this.#inner.charge(groups, listener);
      return;
    }
    const result = decider.spend(charge, held, moment);
    if (result === SpendResult.ADMITTED || result === SpendResult.OVER) {
      (groups[0] as ChargeGroup).failure = null;
      listener.settled(groups);
    } else this.#call(groups, listener, result);
  }

  #call(groups: readonly ChargeGroup[], listener: ChargeListener, first: SpendResult | null): void {
    const parts = { inner: this.#inner, decider: this.#decider, giveBacks: this.giveBacks };
    new LeasedCall({ ...parts, groups, listener }).run(first);
  }
}

function hasLeased({ charges }: ChargeGroup): boolean {
  return charges.some(({ isLeased }) => isLeased);
}
