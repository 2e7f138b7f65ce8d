/** A batch that shares decide in part: on its way until the store and the leader have said the rest. */
import type { SpendResult } from '../../core/quota/spend-result.ts';
import type { MonotonicMs } from '../../core/time.ts';
import type {
  Charge,
  ChargeGroup,
  ChargeListener,
  CounterStore,
} from '../../limiter/counter-store.ts';
import type { GiveBackCounts } from '../split/give-back.ts';
import { chargesByPlace, PartGroup } from '../split/part-group.ts';
import { settleParts } from '../split/settle-parts.ts';
import type { LeasedDecider } from './leased-decider.ts';
import { AT_SHARES, LeasedPart } from './leased-part.ts';

const AT_STORE = 0;

export interface LeasedCallParts {
  readonly inner: CounterStore;
  readonly decider: LeasedDecider;
  readonly giveBacks: GiveBackCounts;
  readonly groups: readonly ChargeGroup[];
  readonly listener: ChargeListener;
}

/** A group of which shares decide some or all. */
interface Split {
  readonly group: ChargeGroup;
  readonly parts: readonly PartGroup[];
}

export class LeasedCall implements ChargeListener {
  readonly #parts: LeasedCallParts;
  readonly #startedAt: MonotonicMs;
  readonly #splits: Split[] = [];
  #open = 1;

  constructor(parts: LeasedCallParts) {
    this.#parts = parts;
    this.#startedAt = parts.decider.moment().now;
  }

  /** `first`: what the very first charge came to, if it was tried already. */
  run(first: SpendResult | null = null): void {
    const { inner, groups } = this.#parts;
    const asked: ChargeGroup[] = [];
    for (const group of groups) this.#add(group, asked, first);
    if (asked.length > 0) {
      this.#open += 1;
      inner.charge(asked, this);
    }
    this.#close();
  }

  /** The store has said its part. */
  settled(): void {
    this.#close();
  }

  #add(group: ChargeGroup, asked: ChargeGroup[], first: SpendResult | null): void {
    const places = group.isLocal === true ? null : chargesByPlace(group, this.#placeOf);
    for (const [place, charges] of places ?? [])
      if (place === AT_STORE) this.#noteUntracked(charges);
    if (places === null || (places.length === 1 && places[0]?.[0] === AT_STORE)) {
      asked.push(group);
      return;
    }
    const parts = places.map(([place, charges]) => {
      if (place === AT_SHARES) return this.#decide(group, charges, first);
      const part = new PartGroup(place, charges, group);
      asked.push(part);
      return part;
    });
    if (parts.length > 0) this.#splits.push({ group, parts });
  }

  #noteUntracked(charges: readonly Charge[]): void {
    const { results } = this.#parts.decider.counts;
    for (const { isLeased } of charges) if (isLeased) results.untracked += 1;
  }

  readonly #placeOf = (charge: Charge): number => {
    const { decider } = this.#parts;
    if (!charge.isLeased) return AT_STORE;
    return decider.heldOf(charge, this.#startedAt) === null ? AT_STORE : AT_SHARES;
  };

  #decide(group: ChargeGroup, charges: readonly Charge[], first: SpendResult | null): LeasedPart {
    const part = new LeasedPart(group, charges, this.#parts.decider);
    this.#open += 1;
    part.decide(() => this.#close(), first);
    return part;
  }

  #close(): void {
    this.#open -= 1;
    if (this.#open > 0) return;
    for (const split of this.#splits) this.#settle(split);
    this.#parts.listener.settled(this.#parts.groups);
  }

  #settle({ group, parts }: Split): void {
    const { inner, decider, giveBacks } = this.#parts;
    for (const back of settleParts(group, parts)) {
      if (back.part instanceof LeasedPart) back.part.giveBack();
      else {
        const groups = back.groups(this.#startedAt, decider.moment().now);
        giveBacks.begun(back.hits, groups);
        if (groups.length > 0) inner.charge(groups, giveBacks);
      }
    }
  }
}
