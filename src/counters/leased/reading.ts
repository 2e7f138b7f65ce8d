/**
 * What a charge reads of a share. Nobody knows the count of a leased limit at this moment; what is read is the
 * most that can be said without asking.
 *
 * - A count reads as if all were spent that this replica neither has left nor heard to be free when the
 *   leader answered last, at most a refresh ago. So `limit_remaining` is what this replica can still count
 *   on, as far as others have not taken it since; it ends with the window of this host's clock.
 * - A rate reads by how full the share's bucket is: with half of its tokens gone it is at half of its
 *   limit. `left` says what a burst is admitted at once. A second later all of it is back.
 * - What is over reads beyond the limit with all its hits, for none of them were spent.
 */
import type { HeldCount } from '../../core/quota/held-count.ts';
import type { HeldRate } from '../../core/quota/held-rate.ts';
import { msUntilReset } from '../../core/rules/unit.ts';
import type { DurationMs, WallMs } from '../../core/time.ts';
import type { Charge } from '../../limiter/counter-store.ts';
import { addHits } from '../count.ts';

/** Rates are per second. */
const RATE_RESET_MS: DurationMs = 1000;

export type Share = HeldCount | HeldRate;

/** After `hits` were spent, which the limit has room for. */
export function readAdmitted(charge: Charge, share: Share, wall: WallMs): void {
  const { hits } = charge;
  const after = Math.max(hits, spentOf(charge, share));
  charge.before = after - hits;
  charge.after = after;
  readRest(charge, share, wall);
}

/** Nothing was spent, and nothing is refused: a peek, or what another charge kept from being made. */
export function readOnly(charge: Charge, share: Share, wall: WallMs): void {
  charge.before = spentOf(charge, share);
  charge.after = charge.before;
  readRest(charge, share, wall);
}

/** After `hits` were given back. */
export function readRefunded(charge: Charge, share: Share, hits: number, wall: WallMs): void {
  charge.after = spentOf(charge, share);
  charge.before = charge.after + hits;
  readRest(charge, share, wall);
}

export function readOver(charge: Charge, share: Share, wall: WallMs): void {
  charge.before = charge.limit;
  charge.after = addHits(charge.limit, charge.hits);
  charge.left = 0;
  charge.resetMs = share.kind === 'count' ? msUntilReset(charge.unit, wall) : RATE_RESET_MS;
}

/** 0..limit. */
function spentOf({ limit }: Charge, share: Share): number {
  if (share.kind === 'count') return Math.max(0, limit - Math.max(0, share.left) - share.free);
  return share.burst === 0 ? limit : limit - Math.floor((limit * share.left) / share.burst);
}

function readRest(charge: Charge, share: Share, wall: WallMs): void {
  if (share.kind === 'count') {
    charge.resetMs = msUntilReset(charge.unit, wall);
    return;
  }
  charge.left = share.left;
  charge.resetMs = RATE_RESET_MS;
}
