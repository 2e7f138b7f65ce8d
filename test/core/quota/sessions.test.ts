/** What one side does about the other's beginning, silence and end. */
import { describe, expect, test } from 'vitest';
import { SHARES_PER_SESSION_MAX } from '../../../src/core/quota/bounds.ts';
import type { CountBook } from '../../../src/core/quota/count-book.ts';
import type { HeldCount } from '../../../src/core/quota/held-count.ts';
import type { HeldRate } from '../../../src/core/quota/held-rate.ts';
import { Holder } from '../../../src/core/quota/holder.ts';
import type { CountGrant, LeaseAnswer } from '../../../src/core/quota/message.ts';
import { QUOTA_DEFAULTS } from '../../../src/core/quota/options.ts';
import type { Quota } from '../../../src/core/quota/quota.ts';
import type { RateBook } from '../../../src/core/quota/rate-book.ts';
import { SpendResult } from '../../../src/core/quota/spend-result.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import { Fleet } from './support/fleet.ts';

const { ADMITTED, OVER, LAPSED } = SpendResult;
const COUNT: Quota = { kind: 'count', limit: 1000, unit: Unit.MINUTE };
const RATE: Quota = { kind: 'rate', limit: 100, unit: Unit.SECOND, burst: 20 };

function countFleet(limit = 1000): Fleet {
  const fleet = new Fleet('a', 'b');
  fleet.track('c', { ...COUNT, limit }, 'a', 'b');
  return fleet;
}
const bookOf = (fleet: Fleet) => fleet.ledger.books.get('c') as CountBook;
const rateBookOf = (fleet: Fleet) => fleet.ledger.books.get('r') as RateBook;
const sizeOf = (fleet: Fleet, name: string) => {
  const { at, wall } = fleet.moment;
  return (fleet.holder(name).shareOf('r', at, wall) as HeldRate | null)?.size ?? null;
};

describe('sessions', () => {
  test('of one who leaves are closed after all is reported', () => {
    const fleet = countFleet();
    fleet.pass(3000, () => fleet.spendEach('b', 'c', 4));
    fleet.spendEach('b', 'c', 2);
    fleet.holder('b').leave();
    expect(fleet.spend('b', 'c', 1)).toBe(LAPSED);
    fleet.pass(2000);
    expect(fleet.holder('b').hasLeft).toBe(true);
    expect(fleet.holder('b').nextRequestAt).toBe(Infinity);
    expect(fleet.ledger.sessions.size).toBe(1);
    expect(bookOf(fleet).totals.stranded).toBe(0);
  });

  test('that were never opened need no leaving', () => {
    const holder = new Holder(QUOTA_DEFAULTS, 'x', 1);
    holder.leave();
    expect(holder.hasLeft).toBe(true);
  });

  test('that are over are begun anew, and what they had is gone', () => {
    const fleet = countFleet();
    fleet.pass(3000, () => fleet.spendEach('b', 'c', 4));
    const b = fleet.holder('b');
    const first = b.session;
    fleet.holders.delete('b');
    fleet.pass(12_000);
    fleet.holders.set('b', b);
    fleet.refresh('b');
    expect(b.session).toBe(0);
    expect(fleet.spend('b', 'c', 1)).toBe(LAPSED);
    fleet.pass(1000, () => fleet.spendEach('b', 'c', 4));
    expect(b.session).toBeGreaterThan(first);
    expect(fleet.spend('b', 'c', 1)).toBe(ADMITTED);
  });

  test('of a former life of the instance are not opened', () => {
    const fleet = new Fleet('a', 'b');
    fleet.join('b', 3);
    const old = fleet.join('b', 2);
    expect(old.session).toBe(0);
    expect(old.nextRequestAt).toBe(fleet.now + QUOTA_DEFAULTS.renewMs);
    const refusal = fleet.answer(fleet.ask('b'));
    expect(refusal).toMatchObject({ kind: 'refused', reason: 'not-opened' });
  });

  test('that are being ended are promised nothing, whatever their holder says', () => {
    const fleet = new Fleet('a', 'b');
    fleet.now = 10_300;
    const commands = fleet.grantor.tick(fleet.moment);
    expect(commands.map(({ kind }) => kind)).toEqual(['expire-session', 'expire-session']);
    expect(fleet.answer(fleet.ask('b'))).toMatchObject({ kind: 'refused', reason: 'ending' });
    expect(fleet.grantor.tick(fleet.moment)).toEqual([]);
    fleet.now += 250;
    expect(fleet.grantor.tick(fleet.moment).map(({ kind }) => kind)).toContain('expire-session');
  });

  test('are known to a new leader, who ends none before every promise of before is over', () => {
    const fleet = new Fleet('a', 'b');
    fleet.now = 5000;
    fleet.term = 2;
    fleet.lead('b');
    const session = fleet.holder('a').session;
    const until = fleet.grantor.promisedUntil(session, fleet.now);
    expect(until).toBe(5000 + 10_000 * 1.01 + 100);
    fleet.now = until - 1;
    expect(fleet.grantor.tick(fleet.moment)).toEqual([]);
    fleet.now = until;
    expect(fleet.grantor.tick(fleet.moment)).toHaveLength(2);
  });

  test('are given the unleased rest by a new leader at once', () => {
    const fleet = new Fleet('a', 'b');
    fleet.track('r', RATE, 'a', 'b');
    fleet.pass(5000, () => fleet.spendEach('a', 'r', 2));
    const { rate } = rateBookOf(fleet).shares.get(fleet.holder('a').session)!.held;
    expect(rate).toBeLessThan(100);
    fleet.holders.delete('a');
    fleet.term = 2;
    fleet.lead('b');
    fleet.spendEach('b', 'r', 100);
    fleet.pass(3000, () => fleet.spendEach('b', 'r', 10));
    expect(sizeOf(fleet, 'b')!.rate).toBe(100 - rate);
  });
});

describe('a leader', () => {
  test.each<[string, number | null, number]>([
    ['whose round was confirmed just now', 20_000, 10_000],
    ['whose round was begun a while ago', 18_000, 10_000 - Math.ceil(2000 / 0.99)],
    ['whose last round is as old as a lease', 10_000, 0],
    ['who was never confirmed', null, 0],
  ])('%s (%s of 20000) extends by %i', (_name, confirmedAt, grantedMs) => {
    const fleet = new Fleet('a');
    fleet.pass(20_000);
    expect(fleet.answer(fleet.ask('a'), confirmedAt)).toMatchObject({ grantedMs });
  });

  test('who slept extends nothing until a round is confirmed that was begun awake', () => {
    const fleet = new Fleet('a');
    fleet.pass(1000);
    const { at, wall } = fleet.moment;
    const awake = { at, wall: wall + 5000 };
    const request = fleet.ask('a');
    fleet.grantor.receive(request, awake);
    expect(fleet.grantor.answer(request, awake, at - 50)).toMatchObject({ grantedMs: 0 });
    expect(fleet.grantor.answer(request, awake, at)).toMatchObject({ grantedMs: 0 });
    const later = { at: at + 1, wall: awake.wall + 1 };
    expect(fleet.grantor.answer(request, later, at + 1)).toMatchObject({ grantedMs: 10_000 });
  });

  test.each([
    ['before anybody asked', 5000],
    ['before it began', 0],
  ])('who slept %s trusts no round of before it began', (_name, sleptMs) => {
    const fleet = new Fleet('a');
    fleet.pass(1000);
    const request = fleet.ask('a');
    fleet.term = 2;
    fleet.lead('a');
    const { at, wall } = fleet.moment;
    const awake = { at: at + 3, wall: wall + 3 + sleptMs };
    expect(fleet.grantor.answer(request, awake, at)).toMatchObject({ grantedMs: 0 });
    const round = sleptMs === 0 ? at + 1 : at + 4;
    const later = { at: at + 5, wall: wall + 5 + sleptMs };
    expect(fleet.grantor.answer(request, later, round)).toMatchObject({ kind: 'granted' });
    const { grantedMs } = fleet.grantor.answer(request, later, round) as LeaseAnswer;
    expect(grantedMs).toBeGreaterThan(9000);
  });

  test('counts a report once, however often it comes, and takes none of another session', () => {
    const fleet = countFleet();
    fleet.pass(1000, () => fleet.spendEach('a', 'c', 4));
    fleet.spend('a', 'c', 1);
    const request = fleet.ask('a');
    expect(request.report?.items).toHaveLength(1);
    fleet.answer(request);
    const { used } = bookOf(fleet).totals;
    fleet.answer(request);
    expect(bookOf(fleet).totals.used).toBe(used);
    expect(fleet.answer({ ...request, session: 99 })).toMatchObject({ reason: 'no-session' });
  });

  test('makes no quota of nonsense, and forgets one that nobody wants', () => {
    const fleet = new Fleet('a');
    fleet.track('bad', { ...COUNT, limit: -1 }, 'a');
    fleet.spend('a', 'bad', 1);
    fleet.pass(1000);
    expect(fleet.ledger.books.size).toBe(0);
    for (let at = 0; at < 40; at += 1) fleet.set(`idle${at}`, RATE);
    fleet.pass(300);
    expect(fleet.ledger.books.size).toBeGreaterThanOrEqual(8);
    fleet.pass(1000);
    expect(fleet.ledger.books.size).toBe(0);
  });

  test.each([-1, 7, Number.NaN])('takes a health of %d for what it can be', (health) => {
    const fleet = new Fleet('a');
    fleet.track('r', RATE, 'a');
    fleet.pass(3000, () => {
      fleet.spendEach('a', 'r', 10);
      fleet.answer({ ...fleet.ask('a'), health });
    });
    expect(rateBookOf(fleet).held.rate).toBe(100);
  });
});

describe('a holder', () => {
  test('tracks so many resources and no more', () => {
    const holder = new Holder(QUOTA_DEFAULTS, 'x', 1);
    for (let at = 0; at < SHARES_PER_SESSION_MAX; at += 1) {
      expect(holder.track(`r${at}`, RATE, 0)).toBe(true);
    }
    expect(holder.track('more', RATE, 0)).toBe(false);
    expect(holder.track('r0', RATE, 0)).toBe(true);
  });

  test('is not made of bad options', () => {
    expect(() => new Holder({ ...QUOTA_DEFAULTS, ttlMs: 0 }, 'x', 1)).toThrow(RangeError);
  });

  test('cut off, spends until its deadline and then says so', () => {
    const fleet = countFleet(1_000_000);
    fleet.pass(3000, () => fleet.spendEach('b', 'c', 2));
    const until = fleet.holder('b').leasedUntil;
    fleet.now = Math.ceil(until) - 1;
    expect(fleet.spend('b', 'c', 1)).toBe(ADMITTED);
    fleet.now += 1;
    expect(fleet.spend('b', 'c', 1)).toBe(LAPSED);
    const { at, wall } = fleet.moment;
    expect(fleet.holder('b').shareOf('c', at, wall)).toBeNull();
    fleet.refresh('b');
    expect(fleet.spend('b', 'c', 1)).toBe(ADMITTED);
  });

  test('asks again after a while without an answer, and remembers only its last requests', () => {
    const fleet = new Fleet('a');
    const holder = fleet.holder('a');
    const first = fleet.ask('a');
    expect(holder.nextRequestAt).toBe(500);
    for (let at = 0; at < 8; at += 1) fleet.ask('a');
    const { at, wall } = fleet.moment;
    expect(holder.receive(fleet.answer(first), at, wall)).toBe('stale');
  });

  test('takes each answer once, and none that was overtaken', () => {
    const fleet = countFleet();
    const { at, wall } = fleet.moment;
    const holder = fleet.holder('a');
    const [early, late] = [fleet.ask('a'), fleet.ask('a')];
    const answers = [fleet.answer(early), fleet.answer(late)];
    expect(holder.receive(answers[1]!, at, wall)).toBe('taken');
    expect(holder.receive(answers[1]!, at, wall)).toBe('stale');
    expect(holder.receive(answers[0]!, at, wall)).toBe('stale');
    const next = fleet.answer(fleet.ask('a'));
    const lower = { ...next, version: { term: 0, generation: 99 } };
    expect(holder.receive(lower, at, wall)).toBe('stale');
    expect(holder.receive({ ...next, version: { term: 1, generation: 0 } }, at, wall)).toBe(
      'stale',
    );
    const other = { ...next, session: 77 } as typeof next;
    expect(holder.receive(other, at, wall)).toBe('stale');
    expect(holder.receive(next, at, wall)).toBe('taken');
  });

  test('hears of another session’s end without losing its own', () => {
    const fleet = new Fleet('a');
    const holder = new Holder(QUOTA_DEFAULTS, 'b', 1);
    fleet.holders.set('b', holder);
    const [first, second] = [fleet.ask('b'), fleet.ask('b')];
    const { at, wall } = fleet.moment;
    fleet.answer(first);
    expect(holder.receive(fleet.answer(first), at, wall)).toBe('taken');
    const refusal = {
      kind: 'refused',
      id: second.id,
      version: holder.seen,
      reason: 'no-session',
    } as const;
    expect(holder.receive(refusal, at, wall)).toBe('stale');
    expect(holder.session).toBeGreaterThan(0);
  });

  test('does not go back to a window that is over', () => {
    const fleet = countFleet();
    fleet.pass(1000, () => fleet.spendEach('a', 'c', 4));
    const { at, wall } = fleet.moment;
    const share = fleet.holder('a').shareOf('c', at, wall) as HeldCount;
    const [grant] = fleet.refresh('a') as CountGrant[];
    const { window, left } = share;
    share.adopt({ ...grant!, window: window - 60_000, granted: 999 }, at, 60_000);
    expect(share.window).toBe(window);
    expect(share.left).toBe(left);
  });

  test('earns nothing while its lease does not hold', () => {
    const fleet = new Fleet('a');
    fleet.track('r', RATE, 'a');
    fleet.pass(3000, () => fleet.spendEach('a', 'r', 10));
    fleet.now += 9950;
    fleet.refresh('a');
    expect(fleet.spend('a', 'r', 1)).toBe(OVER);
    const { at, wall } = fleet.moment;
    const share = fleet.holder('a').shareOf('r', at, wall) as HeldRate;
    expect(share.left).toBe(0);
    expect(share.msUntil(1)).toBeLessThanOrEqual(11);
  });
});
