/**
 * The charges of one group that shares decide. Each is spent at once if the share suffices; for the others
 * the leader is asked. What nobody can say is answered by the failure mode of its rule. When all are
 * decided, charges that depend on one another are settled as a store of one place would: what was spent
 * in vain is spent no more. Only what the leader admitted cannot be given back: it is admitted too little
 * by that, until its window ends.
 */
import type { HeldResource } from '../../core/quota/holder.ts';
import { SpendResult } from '../../core/quota/spend-result.ts';
import {
  type Charge,
  type ChargeGroup,
  ChargePolicy,
  type StoreFailure,
} from '../../limiter/counter-store.ts';
import { isDependent } from '../groups.ts';
import { degrade } from '../guarded/degrade.ts';
import { PartGroup } from '../split/part-group.ts';
import type { LeasedDecider, Moment } from './leased-decider.ts';

/** Number of the place that shares are, beside the store's. */
export const AT_SHARES = 1;

const NO_LEASE: StoreFailure = {
  code: 'lease',
  text: 'the lease of a global quota is over, and its leader did not answer in time',
};

interface Leased {
  readonly charge: Charge;
  readonly held: HeldResource;
  /** Hits that were spent of the share here, in this window (of a count). */
  spent: number;
  window: number;
  result: SpendResult;
}

export class LeasedPart extends PartGroup {
  readonly #decider: LeasedDecider;
  readonly #leased: Leased[] = [];
  #moment: Moment;
  #open = 1;
  #onDone: () => void = () => {};

  /** Every charge must be one that the decider can lease. */
  constructor(group: ChargeGroup, charges: readonly Charge[], decider: LeasedDecider) {
    super(AT_SHARES, charges, group);
    this.#decider = decider;
    this.#moment = decider.moment();
  }

  /**
   * Calls `onDone` once, before it returns where nobody has to be asked. `first`: what the first charge came
   * to, if it was tried already.
   */
  decide(onDone: () => void, first: SpendResult | null = null): void {
    this.#onDone = onDone;
    for (const [index, charge] of this.charges.entries()) {
      const held = this.#decider.heldOf(charge, this.#moment.now) as HeldResource;
      const tried = index === 0 ? first : null;
      const result = tried ?? this.#decider.spend(charge, held, this.#moment);
      const one: Leased = { charge, held, spent: 0, window: 0, result };
      note(one, result);
      this.#leased.push(one);
    }
    // Where one is refused already, nobody needs to say what the others would have been.
    if (!isDependent(this) || !this.#isRefused()) this.#askForRest();
    this.#close();
  }

  /** What was spent of shares is spent no more; the readings are the caller's affair. */
  giveBack(): void {
    const { now } = this.#decider.moment();
    for (const one of this.#leased) {
      const { share } = one.held;
      if (share.kind === 'rate' || share.window === one.window) share.unspend(one.spent, now);
      one.spent = 0;
    }
  }

  #askForRest(): void {
    for (const one of this.#leased) {
      if (isSaid(one)) continue;
      this.#open += 1;
      this.#decider.ask(one.charge, one.held, {
        deadlineMs: this.deadlineMs,
        spent: () => {
          note(one, SpendResult.ADMITTED);
          this.#close();
        },
        said: (result) => {
          one.result = result;
          this.#close();
        },
      });
    }
  }

  #close(): void {
    this.#open -= 1;
    if (this.#open > 0) return;
    const isRefused = isDependent(this) && this.#isRefused();
    if (!isRefused) this.#degrade();
    if (isDependent(this) && (isRefused || this.#isRefused())) this.#undo();
    else if (this.failure !== null && this.policy === ChargePolicy.ALL_OR_NOTHING) {
      this.failure = NO_LEASE;
      this.#undo();
    }
    this.#onDone();
  }

  /** Whether one turns the others away. */
  #isRefused(): boolean {
    const isAny = this.policy === ChargePolicy.STOP_WHEN_OVER;
    return this.#leased.some((one) => isOver(one) && (isAny || one.charge.isBinding));
  }

  /** All that are not over read their share, as it is without them. Refunds stay made. */
  #undo(): void {
    this.giveBack();
    const { wall } = this.#decider.moment();
    for (const one of this.#leased) {
      if (one.charge.isRefund || isOver(one)) continue;
      this.#decider.readOnly(one.charge, one.held, wall);
    }
  }

  /** Answers what nobody could say. */
  #degrade(): void {
    const undecided = this.#leased.filter((one) => !isSaid(one)).map(({ charge }) => charge);
    if (undecided.length === 0) return;
    const group = new PartGroup(AT_SHARES, undecided, this);
    const isServed = degrade(group, 'lease', this.#decider.local);
    for (const charge of undecided) {
      this.#decider.counts.degrade(charge.failureMode);
      // As any other reading that is over: the settling of parts asks what there was before.
      if (charge.after > charge.limit) charge.before = charge.limit;
    }
    if (isServed) return;
    const failed = undecided.filter(({ degraded }) => degraded === null);
    const part = new PartGroup(AT_SHARES, failed, this);
    part.failure = NO_LEASE;
    this.failure = { ...NO_LEASE, parts: [part] };
  }
}

/** What this replica's share came to. */
function note(one: Leased, result: SpendResult): void {
  const { charge, held } = one;
  one.result = result;
  if (result !== SpendResult.ADMITTED || charge.isRefund) return;
  one.spent = charge.hits;
  one.window = held.share.kind === 'count' ? held.share.window : 0;
}

/** The share or the leader said it. */
function isSaid({ result }: Leased): boolean {
  return result === SpendResult.ADMITTED || result === SpendResult.OVER;
}

function isOver({ charge, result }: Leased): boolean {
  if (isSaid({ result } as Leased)) return result === SpendResult.OVER;
  return !charge.isRefund && charge.degraded !== null && charge.after > charge.limit;
}
