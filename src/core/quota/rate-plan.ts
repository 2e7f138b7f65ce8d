/**
 * How a rate quota should be shared out now, and the next step towards it. Raising costs nobody anything
 * and is done at once, as far as there is some free. Lowering is done only when somebody lacks what
 * another has too much of, and not for trifles; but all of it when the limit itself was lowered.
 */

import type { ResourceClaim } from './claims.ts';
import type { SessionId } from './command.ts';
import type { QuotaOptions } from './options.ts';
import { unitMsOf } from './quota.ts';
import type { RateBook } from './rate-book.ts';
import { isRevoking } from './share.ts';
import type { RateShareSize } from './token-bucket.ts';
import { fillByWater } from './water-filling.ts';

/** A change that the ledger is to be asked for: `allocate` never lowers, `revoke` never raises. */
export interface RateChange extends RateShareSize {
  readonly kind: 'allocate' | 'revoke';
  readonly session: SessionId;
}

/** Of the hysteresis: raising needs less of a reason than lowering, or much would lie idle. */
const RAISE_TRIFLE = 0.25;

const NOTHING: RateShareSize = { rate: 0, burst: 0 };

export interface RatePlanning {
  readonly book: RateBook;
  readonly claims: readonly ResourceClaim[];
  /** Whether a session has said what it wants. One that has not keeps what it has. */
  readonly isKnown: (session: SessionId) => boolean;
  /** The leader's own session: it takes all when there is not one for each. */
  readonly own: SessionId | null;
  /** There is no other session: nobody else could want anything at once. */
  readonly isAlone: boolean;
  readonly options: QuotaOptions;
}

export interface RatePlan {
  readonly changes: readonly RateChange[];
  /** Less is wanted than there is. */
  readonly hasSpare: boolean;
}

interface Targets {
  readonly sizes: ReadonlyMap<SessionId, RateShareSize>;
  readonly hasSpare: boolean;
}

export function planRate(planning: RatePlanning): RatePlan {
  const targets = targetsOf(planning);
  return { changes: changesTo(planning, targets.sizes), hasSpare: targets.hasSpare };
}

function changesTo(planning: RatePlanning, targets: Targets['sizes']): RateChange[] {
  const lowered = planLowering(planning, targets);
  const isLowered = new Set(lowered.map(({ session }) => session));
  const raised = planRaising(planning, targets).filter(({ session }) => !isLowered.has(session));
  return [...lowered, ...raised];
}

/** Who claims nothing any more loses all; others what is too much, where it is missed. */
function planLowering(planning: RatePlanning, targets: Targets['sizes']): RateChange[] {
  const { book, options, isKnown } = planning;
  const { held, quota } = book;
  const isOvercommitted = held.rate > quota.limit || held.burst > quota.burst;
  const isMissed = isOvercommitted || isAnyShort(book, targets);
  const slack = isOvercommitted || isAnyWithout(book, targets) ? 0 : options.hysteresis;
  const changes: RateChange[] = [];
  for (const [session, share] of book.shares) {
    const target = targets.get(session);
    if (target === undefined && !isKnown(session)) continue;
    if (target !== undefined && !(isMissed && exceeds(share.target, target, slack))) continue;
    const less = lower(share.target, target ?? NOTHING);
    if (exceeds(share.target, less, 0)) changes.push({ kind: 'revoke', session, ...less });
  }
  return changes;
}

function planRaising({ book, options }: RatePlanning, targets: Targets['sizes']): RateChange[] {
  let left = book.free;
  const changes: RateChange[] = [];
  for (const [session, target] of targets) {
    const share = book.shares.get(session);
    if (share !== undefined && isRevoking(share)) continue;
    const has = share?.held ?? NOTHING;
    const more = raise(has, target, left);
    // A share that admits nothing is none; and a trifle is not worth an entry of the log.
    if (more.rate === 0 || more.burst === 0) continue;
    if (!exceeds(more, has, options.hysteresis * RAISE_TRIFLE)) continue;
    left = {
      rate: left.rate - (more.rate - has.rate),
      burst: left.burst - (more.burst - has.burst),
    };
    changes.push({ kind: 'allocate', session, ...more });
  }
  return changes;
}

/** Whether there is not one for each who claims some. */
export function isRateDecidedAtLeader({ quota }: RateBook, claimants: number): boolean {
  return Math.min(quota.limit, quota.burst) < claimants;
}

function targetsOf({ book, claims, own, isKnown, isAlone, options }: RatePlanning): Targets {
  const { limit, burst } = restOf(book, isKnown);
  if (Math.min(limit, burst) < claims.length) {
    const all: RateShareSize = { rate: limit, burst };
    const entries = claims.map(
      ({ session }) => [session, session === own ? all : NOTHING] as const,
    );
    return { sizes: new Map(entries), hasSpare: false };
  }
  const perUnit = (options.headroom * unitMsOf(book.quota)) / 1000;
  const wants = claims.map(({ perSecond, weight }) => ({
    wants: Math.min(limit, Math.ceil(perSecond * perUnit)),
    weight,
  }));
  const equal = Math.floor(limit / Math.max(1, claims.length));
  const floor = Math.max(1, Math.floor(equal * options.floorRatio));
  const filled = fillByWater(limit, wants, floor);
  const spare = limit - filled.reduce((sum, rate) => sum + rate, 0);
  const extra = extraOf(spare, claims.length, isAlone);
  const rates = filled.map((rate) => rate + extra);
  // As much of the burst as of the rate: who comes later finds some of both.
  const burstWants = rates.map((rate) => ({
    wants: Math.ceil((burst * rate) / limit),
    weight: rate / limit,
  }));
  const bursts = fillByWater(burst, burstWants, 1);
  const entries = claims.map(({ session }, at) => {
    const size: RateShareSize = { rate: rates[at] as number, burst: bursts[at] as number };
    return [session, size] as const;
  });
  return { sizes: new Map(entries), hasSpare: spare > 0 };
}

/**
 * What each has beyond its wants while not all is wanted: its burst goes with it, and requests do not come
 * evenly. Half of what is spare stays free for who comes, unless nobody can.
 */
function extraOf(spare: number, claimants: number, isAlone: boolean): number {
  if (claimants === 0) return 0;
  return isAlone ? spare : Math.floor(spare / (2 * claimants));
}

/** What there is for those who claim: all but what sessions have that said nothing yet. */
function restOf(
  book: RateBook,
  isKnown: RatePlanning['isKnown'],
): { limit: number; burst: number } {
  let { limit, burst } = book.quota;
  for (const [session, { held }] of book.shares) {
    if (isKnown(session)) continue;
    limit -= held.rate;
    burst -= held.burst;
  }
  return { limit: Math.max(0, limit), burst: Math.max(0, burst) };
}

/** Whether somebody should have a share and has none: that is no trifle. */
function isAnyWithout(book: RateBook, targets: Targets['sizes']): boolean {
  for (const [session, { rate }] of targets) if (rate > 0 && !book.shares.has(session)) return true;
  return false;
}

/** Whether more is missing than is free. */
function isAnyShort(book: RateBook, targets: Targets['sizes']): boolean {
  let { rate, burst } = book.free;
  for (const [session, target] of targets) {
    const held = book.shares.get(session)?.held ?? NOTHING;
    rate -= Math.max(0, target.rate - held.rate);
    burst -= Math.max(0, target.burst - held.burst);
  }
  return rate < 0 || burst < 0;
}

function exceeds(has: RateShareSize, target: RateShareSize, slack: number): boolean {
  return has.rate - target.rate > slack * has.rate || has.burst - target.burst > slack * has.burst;
}

function lower(a: RateShareSize, b: RateShareSize): RateShareSize {
  return { rate: Math.min(a.rate, b.rate), burst: Math.min(a.burst, b.burst) };
}

function raise(has: RateShareSize, target: RateShareSize, free: RateShareSize): RateShareSize {
  return {
    rate: Math.max(has.rate, Math.min(target.rate, has.rate + free.rate)),
    burst: Math.max(has.burst, Math.min(target.burst, has.burst + free.burst)),
  };
}
