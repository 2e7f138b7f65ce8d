/**
 * The charges of one group that shares decide. Each is spent at once if the share suffices; for the others
 * the leader is asked. What nobody can say is answered by the failure mode of its rule. When all are
 * decided, charges that depend on one another are settled as a store of one place would: what was spent
 * in vain is spent no more. Only what the leader admitted cannot be given back: it is admitted too little
 * by that, until its window ends.
 *
 * A request's id is remembered for its charges here, as stores do for theirs. One that comes again while the
 * first still waits is not charged either; it is answered by failure modes.
 */
import type { HeldResource } from '../../core/quota/holder.ts';
import { SpendResult } from '../../core/quota/spend-result.ts';
import {
  type Charge,
  type ChargeGroup,
  ChargePolicy,
  type StoreFailure,
} from '../../limiter/counter-store.ts';
import { isDependent, requestKey } from '../groups.ts';
import { degrade } from '../guarded/degrade.ts';
import { PartGroup } from '../split/part-group.ts';
import type { LeasedDecider, Moment } from './leased-decider.ts';
import type { Remembered } from './leased-requests.ts';
import type { OwedHits } from './local-debts.ts';
import type { Share } from './reading.ts';

/** Number of the place that shares are, beside the store's. */
export const AT_SHARES = 1;

const NO_LEASE: StoreFailure = {
  code: 'lease',
  text: 'the lease of a global quota is over, and its leader did not answer in time',
};

interface Spent {
  readonly share: Share;
  /** Of a count. */
  readonly window: number;
  readonly hits: number;
}

interface Leased {
  readonly charge: Charge;
  readonly held: HeldResource;
  /** What was spent here; null when nothing was. */
  spent: Spent | null;
  /** What failure mode `local` admitted, and the share is to pay. */
  owed: OwedHits | null;
  result: SpendResult;
}

export class LeasedPart extends PartGroup {
  readonly #decider: LeasedDecider;
  readonly #leased: Leased[] = [];
  readonly #moment: Moment;
  /** By which the request is known again; '' when it has no id. */
  readonly #name: string;
  #remembered: Remembered = 'new';
  #open = 1;
  #onDone: () => void = () => {};

  /** Every charge must be one that the decider can lease. */
  constructor(group: ChargeGroup, charges: readonly Charge[], decider: LeasedDecider) {
    super(AT_SHARES, charges, group);
    this.#decider = decider;
    this.#moment = decider.moment();
    this.#name = group.requestId === '' ? '' : requestKey(this);
  }

  /**
   * Calls `onDone` once, before it returns where nobody has to be asked. `first`: what the first charge came
   * to, if it was tried already.
   */
  decide(onDone: () => void, first: SpendResult | null = null): void {
    this.#onDone = onDone;
    for (const charge of this.charges) {
      const held = this.#decider.heldOf(charge, this.#moment.now) as HeldResource;
      this.#leased.push({ charge, held, spent: null, owed: null, result: SpendResult.UNKNOWN });
    }
    if (this.#name === '' || this.#isNew()) {
      this.#spendAll(first);
      // Where one is refused already, nobody needs to say what the others would have been.
      if (!isDependent(this) || !this.#isRefused()) this.#askForRest();
    }
    this.#close();
  }

  /** What was spent of shares, or is owed to them, is no more; the readings are the caller's affair. */
  giveBack(): void {
    const moment = this.#decider.moment();
    for (const one of this.#leased) {
      const { spent, owed } = one;
      if (spent !== null && isSpendable(spent)) spent.share.unspend(spent.hits, moment.now);
      if (owed !== null) this.#decider.debts.takeBack(owed, moment);
      one.spent = null;
      one.owed = null;
    }
    if (this.#name !== '') this.#decider.requests.forget(this.#name);
  }

  /** False for a request that was decided before, which reads what it read then, or is being decided. */
  #isNew(): boolean {
    const { wall } = this.#moment;
    for (const { charge, held } of this.#leased) this.#decider.readOnly(charge, held, wall);
    this.#remembered = this.#decider.requests.begin(this.#name, this.charges, wall);
    if (this.#remembered === 'known') {
      for (const one of this.#leased) {
        one.charge.left = -1;
        one.result = isBeyond(one.charge) ? SpendResult.OVER : SpendResult.ADMITTED;
      }
    }
    return this.#remembered === 'new';
  }

  #spendAll(first: SpendResult | null): void {
    let tried = first;
    for (const one of this.#leased) {
      note(one, tried ?? this.#decider.spend(one.charge, one.held, this.#moment));
      tried = null;
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
    if (this.#remembered !== 'known') this.#settle();
    if (this.#name !== '' && this.#remembered === 'new') {
      const isDecided = this.#leased.every(isSaid);
      this.#decider.requests.end(this.#name, this.charges, this.#moment.wall, isDecided);
    }
    this.#onDone();
  }

  #settle(): void {
    const isRefused = isDependent(this) && this.#isRefused();
    if (!isRefused) this.#degrade();
    if (isDependent(this) && (isRefused || this.#isRefused())) this.#undo();
    else if (this.failure !== null && this.policy === ChargePolicy.ALL_OR_NOTHING) {
      this.failure = NO_LEASE;
      this.#undo();
    }
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
    const unsaid = this.#leased.filter((one) => !isSaid(one));
    if (unsaid.length === 0) return;
    const undecided = unsaid.map(({ charge }) => charge);
    const group: ChargeGroup = new PartGroup(AT_SHARES, undecided, this);
    const isServed = degrade(group, 'lease', this.#decider.local);
    const isRetry = this.#remembered === 'waiting';
    for (const one of unsaid) {
      const { charge } = one;
      this.#decider.counts.degrade(charge.failureMode);
      // Of a request that comes again while the first still waits, the first is charged.
      if (charge.failureMode === 'local' && group.isRepeat !== true && !isRetry)
        one.owed = this.#decider.debts.note(charge, this.#moment);
      // As any other reading that is over: the settling of parts asks what there was before.
      if (isBeyond(charge)) charge.before = charge.limit;
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
  const { share } = held;
  one.spent = { share, window: windowOf(share), hits: charge.hits };
}

/** The window that it was spent in lasts. A share of a lost session is nobody's, and takes it without harm. */
function isSpendable({ share, window }: Spent): boolean {
  return windowOf(share) === window;
}

/** Of a rate always the same. */
function windowOf(share: Share): number {
  return share.kind === 'count' ? share.window : 0;
}

/** The share or the leader said it. */
function isSaid({ result }: Pick<Leased, 'result'>): boolean {
  return result === SpendResult.ADMITTED || result === SpendResult.OVER;
}

function isOver({ charge, result }: Leased): boolean {
  if (isSaid({ result })) return result === SpendResult.OVER;
  return charge.degraded !== null && isBeyond(charge);
}

function isBeyond({ isRefund, after, limit }: Charge): boolean {
  return !isRefund && after > limit;
}
