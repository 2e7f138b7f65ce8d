/** The invariants of leases, looked at from outside, by true time. */
import { HeldCount } from '../../../../src/core/quota/held-count.ts';
import type { Holder } from '../../../../src/core/quota/holder.ts';
import type { Ledger } from '../../../../src/core/quota/ledger.ts';
import { isLowerVersion, type LedgerVersion } from '../../../../src/core/quota/message.ts';
import type { QuotaOptions } from '../../../../src/core/quota/options.ts';
import { type Quota, unitMsOf } from '../../../../src/core/quota/quota.ts';
import { isRevoking } from '../../../../src/core/quota/share.ts';
import type { DriftingClock } from './drifting-clock.ts';

export class QuotaViolation extends Error {
  override readonly name = 'QuotaViolation';
}

/** A holder as the checks see it. */
export interface Watched {
  readonly holder: Holder;
  readonly clock: DriftingClock;
  readonly isAsleep: boolean;
  /** True time when the request was sent whose answer was taken last. */
  readonly answeredSentAt: number;
}

/** Commits and answers are not instant: what a decrease may take beyond its bound. */
const SLACK_MS = 150;

export class ModelChecks {
  readonly #options: QuotaOptions;
  readonly #quotas: ReadonlyMap<string, Quota>;
  readonly #truth: Ledger;
  /** `resource|window` → hits admitted. */
  readonly #byWindow = new Map<string, number>();
  /** `resource|window|session` → hits admitted, with those that were taken back and without. */
  readonly #everBySession = new Map<string, number>();
  readonly #bySession = new Map<string, number>();
  /** Per rate resource: how far admissions are ahead of the rate (the largest sum of any stretch). */
  readonly #ahead = new Map<string, { level: number; at: number }>();
  readonly #seen = new Map<Holder, LedgerVersion>();
  /** Generation of a revocation → true time when it was seen committed. */
  readonly #revokedAt = new Map<number, number>();
  admitted = 0;

  constructor(options: QuotaOptions, quotas: ReadonlyMap<string, Quota>, truth: Ledger) {
    this.#options = options;
    this.#quotas = quotas;
    this.#truth = truth;
  }

  /** `hits` were admitted by this holder, whose session and share are as they were. */
  recordAdmitted(resource: string, hits: number, watched: Watched, now: number): void {
    this.admitted += hits;
    const { holder, clock } = watched;
    const { at, wall } = clock.at(now);
    if (now - watched.answeredSentAt > this.#options.ttlMs + 1) {
      throw new QuotaViolation('Q7: admitted by a holder that was cut off for longer than a lease');
    }
    const quota = this.#quotas.get(resource)!;
    if (quota.kind === 'rate') return this.#recordRate(resource, quota, hits, now);
    const share = holder.shareOf(resource, at, wall) as HeldCount;
    const window = `${resource}|${share.window}`;
    const key = `${window}|${holder.session}`;
    const sum = add(this.#byWindow, window, hits);
    add(this.#bySession, key, hits);
    add(this.#everBySession, key, hits);
    if (sum > quota.limit) throw new QuotaViolation(`Q2: ${sum} of ${quota.limit} in a window`);
  }

  /** `hits` of this holder's share are to be spent again. */
  recordTakenBack(resource: string, hits: number, { holder, clock }: Watched, now: number): void {
    const { at, wall } = clock.at(now);
    const share = holder.shareOf(resource, at, wall);
    if (share instanceof HeldCount) {
      const window = `${resource}|${share.window}`;
      add(this.#byWindow, window, -hits);
      const net = add(this.#bySession, `${window}|${holder.session}`, -hits);
      if (net < 0) throw new QuotaViolation(`Q2: ${-net} taken back that were never spent`);
      return;
    }
    const ahead = this.#ahead.get(resource);
    if (ahead === undefined) throw new QuotaViolation('Q2: taken back before anything was spent');
    ahead.level = Math.max(0, ahead.level - hits);
  }

  #recordRate(resource: string, quota: Quota & { kind: 'rate' }, hits: number, now: number): void {
    const before = this.#ahead.get(resource) ?? { level: 0, at: now };
    const drained = ((now - before.at) * quota.limit) / unitMsOf(quota);
    const level = Math.max(0, before.level - drained) + hits;
    this.#ahead.set(resource, { level, at: now });
    // One more: the clock of each bucket is rounded to milliseconds.
    if (level > quota.burst + 1) throw new QuotaViolation(`Q2: ${level} at once of ${quota.burst}`);
  }

  /** `excess`: hits that holders reported beyond what they had. */
  check(all: readonly Watched[], now: number, excess: number): void {
    if (excess > 0) throw new QuotaViolation(`Q5: ${excess} reported beyond what was granted`);
    const problem = this.#truth.problem();
    if (problem !== null) throw new QuotaViolation(`Q3: ${problem}`);
    this.#noteRevocations(now);
    for (const watched of all) this.#checkHolder(watched, now);
    for (const [resource, quota] of this.#quotas) this.#checkSum(resource, quota, all, now);
  }

  #checkHolder({ holder, clock, isAsleep }: Watched, now: number): void {
    const seen = this.#seen.get(holder);
    if (seen && isLowerVersion(holder.seen, seen)) throw new QuotaViolation('Q4: went back');
    this.#seen.set(holder, holder.seen);
    if (isAsleep) return;
    const { at, wall } = clock.at(now);
    for (const [resource] of this.#quotas) {
      const share = holder.shareOf(resource, at, wall);
      if (share === null) continue;
      const book = this.#truth.books.get(resource);
      if (share instanceof HeldCount) {
        if (share.left > 0 && !this.#truth.sessions.has(holder.session)) {
          throw new QuotaViolation('Q1: a session that is over spends on');
        }
        continue;
      }
      const owned = book?.kind === 'rate' ? book.shares.get(holder.session) : undefined;
      const held = owned?.held ?? { rate: 0, burst: 0 };
      if (share.size.rate > held.rate || share.size.burst > held.burst) {
        throw new QuotaViolation(`Q6: spends ${share.size.rate} of ${held.rate} that is its own`);
      }
      const revokedAt = owned && isRevoking(owned) ? this.#revokedAt.get(owned.generation) : now;
      const isLate = now - revokedAt! > this.#options.ttlMs + this.#options.marginMs + SLACK_MS;
      if (owned && isLate && share.size.rate > owned.target.rate) {
        throw new QuotaViolation('Q8: a decrease has not taken effect in time');
      }
    }
  }

  #checkSum(resource: string, quota: Quota, all: readonly Watched[], now: number): void {
    let [rate, burst] = [0, 0];
    const left = new Map<number, number>();
    for (const { holder, clock, isAsleep } of all) {
      if (isAsleep) continue;
      const { at, wall } = clock.at(now);
      const share = holder.shareOf(resource, at, wall);
      if (share instanceof HeldCount) {
        left.set(share.window, (left.get(share.window) ?? 0) + share.left);
      } else if (share !== null) {
        rate += share.size.rate;
        burst += share.size.burst;
      }
    }
    if (quota.kind === 'rate' && (rate > quota.limit || burst > quota.burst)) {
      throw new QuotaViolation(`Q1: shares of ${rate} per unit, ${burst} at once`);
    }
    for (const [window, sum] of left) {
      const gone = this.#byWindow.get(`${resource}|${window}`) ?? 0;
      if (sum + gone > quota.limit) throw new QuotaViolation(`Q1: ${sum} + ${gone} of a window`);
    }
    this.#checkReports(resource);
  }

  /** Q5: of each share, the ledger has counted no more than was spent, and let back no more than is left. */
  #checkReports(resource: string): void {
    const book = this.#truth.books.get(resource);
    if (book?.kind !== 'count') return;
    for (const [session, { window, granted, used, returned }] of book.shares) {
      const key = `${resource}|${window}|${session}`;
      const spent = this.#bySession.get(key) ?? 0;
      const ever = this.#everBySession.get(key) ?? 0;
      if (used > ever) throw new QuotaViolation(`Q5: ${used} counted, ${ever} spent`);
      if (granted - returned < spent) {
        throw new QuotaViolation(`Q5: of ${granted}, ${returned} are back and ${spent} spent`);
      }
    }
  }

  #noteRevocations(now: number): void {
    for (const book of this.#truth.books.values()) {
      if (book.kind !== 'rate') continue;
      for (const share of book.shares.values()) {
        if (!isRevoking(share) || this.#revokedAt.has(share.generation)) continue;
        this.#revokedAt.set(share.generation, now);
      }
    }
  }
}

function add(sums: Map<string, number>, key: string, hits: number): number {
  const sum = (sums.get(key) ?? 0) + hits;
  sums.set(key, sum);
  return sum;
}
