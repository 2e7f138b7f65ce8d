/**
 * The ledger's page for a rate quota. Invariant: no grant takes the sum of `held` above the limit, nor
 * the sum of bursts above the burst. A decrease is in two steps, so that what one loses is given to
 * another only when it cannot be spent any more: `revoke` writes down the smaller share, `ack` frees
 * the difference.
 */
import {
  type Ack,
  type Allocate,
  DONE,
  type Outcome,
  type Revoke,
  refused,
  type SessionId,
} from './command.ts';
import type { QuotaFault } from './options.ts';
import type { RateQuota } from './quota.ts';
import { isRevoking, type RateShare } from './share.ts';
import type { RateShareSize } from './token-bucket.ts';

const NOTHING: RateShareSize = { rate: 0, burst: 0 };

export class RateBook {
  readonly kind = 'rate';
  quota: RateQuota;
  readonly shares = new Map<SessionId, RateShare>();
  readonly #faults: ReadonlySet<QuotaFault>;

  constructor(quota: RateQuota, faults: ReadonlySet<QuotaFault>) {
    this.quota = quota;
    this.#faults = faults;
  }

  /** Sum of what holders may be spending. */
  get held(): RateShareSize {
    let rate = 0;
    let burst = 0;
    for (const { held } of this.shares.values()) {
      rate += held.rate;
      burst += held.burst;
    }
    return { rate, burst };
  }

  get free(): RateShareSize {
    const { rate, burst } = this.held;
    return {
      rate: Math.max(0, this.quota.limit - rate),
      burst: Math.max(0, this.quota.burst - burst),
    };
  }

  isIdleAt(): boolean {
    return this.shares.size === 0;
  }

  roll(): void {}

  allocate(command: Allocate, term: number, nextGeneration: number): Outcome {
    const { session, amount, burst } = command;
    const before = this.shares.get(session);
    if (before !== undefined && isRevoking(before)) return refused('revoking');
    const held = before?.held ?? NOTHING;
    const { free } = this;
    const more: RateShareSize = {
      rate: Math.max(held.rate, Math.min(amount, held.rate + free.rate)),
      burst: Math.max(held.burst, Math.min(burst, held.burst + free.burst)),
    };
    if (more.rate === held.rate && more.burst === held.burst) return refused('nothing-left');
    this.shares.set(session, { term, generation: nextGeneration, held: more, target: more });
    return { kind: 'shared', generation: nextGeneration, amount: more.rate };
  }

  revoke(command: Revoke, term: number, nextGeneration: number): Outcome {
    const before = this.shares.get(command.session);
    if (before === undefined) return refused('not-lower');
    const target: RateShareSize = {
      rate: Math.min(command.amount, before.target.rate),
      burst: Math.min(command.burst, before.target.burst),
    };
    const isLower = target.rate < before.target.rate || target.burst < before.target.burst;
    if (!isLower) return refused('not-lower');
    const held = this.#faults.has('regrant-before-ack') ? target : before.held;
    this.shares.set(command.session, { term, generation: nextGeneration, held, target });
    return { kind: 'shared', generation: nextGeneration, amount: target.rate };
  }

  ack({ session }: Ack): Outcome {
    const share = this.shares.get(session);
    if (share === undefined || !isRevoking(share)) return refused('not-revoked');
    const { target } = share;
    if (target.rate === 0 && target.burst === 0) this.shares.delete(session);
    else this.shares.set(session, { ...share, held: target });
    return DONE;
  }

  /** Rates are not used up. */
  report(): number {
    return 0;
  }

  end(session: SessionId): Outcome {
    this.shares.delete(session);
    return DONE;
  }

  problem(): string | null {
    for (const { held, target } of this.shares.values()) {
      if (target.rate > held.rate || target.burst > held.burst)
        return 'a target is above its share';
      if (held.rate + held.burst === 0) return 'a share is nothing';
    }
    return null;
  }
}
