/** Grantor and holders together, where nothing goes wrong but what a test says. */
import { describe, expect, test } from 'vitest';
import type { CountBook } from '../../../src/core/quota/count-book.ts';
import type { HeldCount } from '../../../src/core/quota/held-count.ts';
import type { HeldRate } from '../../../src/core/quota/held-rate.ts';
import { QUOTA_DEFAULTS } from '../../../src/core/quota/options.ts';
import type { Quota } from '../../../src/core/quota/quota.ts';
import type { RateBook } from '../../../src/core/quota/rate-book.ts';
import { SpendResult } from '../../../src/core/quota/spend-result.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import { Fleet } from './support/fleet.ts';

const { ADMITTED, OVER, SHORT, AT_LEADER, LAPSED, UNKNOWN } = SpendResult;
const COUNT: Quota = { kind: 'count', limit: 1000, unit: Unit.MINUTE };
const RENEW_MS = QUOTA_DEFAULTS.renewMs;
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

describe('a count quota', () => {
  test('is spent from shares, never beyond the limit, to the last hit, and told to the ledger', () => {
    const fleet = countFleet();
    let admitted = 0;
    fleet.pass(40_000, () => {
      admitted += fleet.spendEach('a', 'c', 5) + fleet.spendEach('b', 'c', 2);
    });
    expect(admitted).toBe(1000);
    expect(bookOf(fleet).totals.used).toBe(1000);
    expect(fleet.spend('a', 'c', 1)).toBe(OVER);
    fleet.pass(20_000);
    fleet.spend('a', 'c', 1);
    fleet.pass(100);
    expect(fleet.spend('a', 'c', 1)).toBe(ADMITTED);
  });

  test('gives a first share for what was asked for, and a larger one as demand grows', () => {
    const fleet = countFleet(1_000_000);
    expect(fleet.spend('a', 'c', 10)).toBe(SHORT);
    expect(fleet.holder('a').nextRequestAt).toBe(50);
    fleet.pass(100);
    expect(fleet.spend('a', 'c', 10)).toBe(ADMITTED);
    const { at, wall } = fleet.moment;
    const share = fleet.holder('a').shareOf('c', at, wall) as HeldCount;
    expect(share.left).toBeGreaterThan(10);
    expect(share.left).toBeLessThan(200);
  });

  test('near its end is decided at the leader, who has the rest', () => {
    const fleet = countFleet(10);
    fleet.spend('a', 'c', 1);
    fleet.spend('b', 'c', 1);
    fleet.pass(60);
    const admitted = fleet.spendEach('b', 'c', 10);
    expect(admitted).toBeGreaterThan(0);
    let atLeader = 0;
    fleet.pass(3000, () => {
      if (fleet.spend('b', 'c', 1) === AT_LEADER) atLeader += 1;
    });
    expect(atLeader).toBeGreaterThan(0);
  });

  test('gets back what a replica does not need any more, for others', () => {
    const fleet = countFleet(1000);
    fleet.pass(3000, () => fleet.spendEach('a', 'c', 4));
    const { at, wall } = fleet.moment;
    const share = fleet.holder('a').shareOf('c', at, wall) as HeldCount;
    expect(share.left).toBeGreaterThan(5);
    fleet.pass(10_000);
    expect(share.left).toBeLessThanOrEqual(3);
    expect(bookOf(fleet).totals.returned).toBeGreaterThan(0);
    expect(bookOf(fleet).taken).toBe(bookOf(fleet).totals.used + bookOf(fleet).outstanding);
  });

  test('that is lowered below what is out comes back, and is shared out anew', () => {
    const fleet = countFleet(1000);
    fleet.pass(3000, () => fleet.spendEach('a', 'c', 4));
    const { used } = bookOf(fleet).totals;
    fleet.track('c', { ...COUNT, limit: used }, 'a', 'b');
    fleet.set('c', { ...COUNT, limit: used });
    let admitted = 0;
    fleet.pass(5000, () => (admitted += fleet.spendEach('a', 'c', 4)));
    expect(bookOf(fleet).outstanding).toBe(0);
    // Only what was spent until the next refresh told of it.
    expect(admitted).toBeLessThan(300);
    expect(fleet.spend('a', 'c', 1)).toBe(OVER);
  });

  test('of a session that is over is stranded, and the rest goes on', () => {
    const fleet = countFleet(1000);
    fleet.pass(3000, () => fleet.spendEach('b', 'c', 4));
    const { outstanding } = bookOf(fleet);
    fleet.holders.delete('b');
    fleet.pass(11_000);
    expect(bookOf(fleet).totals.stranded).toBe(outstanding);
    expect(fleet.ledger.sessions.size).toBe(1);
    let admitted = 0;
    fleet.pass(20_000, () => (admitted += fleet.spendEach('a', 'c', 5)));
    expect(admitted).toBe(
      1000 - bookOf(fleet).totals.stranded - (bookOf(fleet).totals.used - admitted),
    );
  });

  test('is begun again by what the ledger says, when its holder had forgotten it', () => {
    const fleet = new Fleet('a');
    const quota: Quota = { ...COUNT, unit: Unit.DAY };
    fleet.track('c', quota, 'a');
    let admitted = 0;
    fleet.pass(3000, () => (admitted += fleet.spendEach('a', 'c', 1)));
    fleet.pass(70_000);
    expect(fleet.spend('a', 'c', 1)).toBe(UNKNOWN);
    expect(bookOf(fleet).outstanding).toBe(0);
    fleet.track('c', quota, 'a');
    fleet.pass(30_000, () => (admitted += fleet.spendEach('a', 'c', 10)));
    expect(admitted).toBe(1000);
  });
});

describe('a rate quota', () => {
  function rateFleet(quota: Quota = RATE): Fleet {
    const fleet = new Fleet('a', 'b');
    fleet.track('r', quota, 'a', 'b');
    return fleet;
  }

  test('is shared by what is wanted; who is idle keeps a floor', () => {
    const fleet = rateFleet();
    fleet.pass(10_000, () => fleet.spendEach('a', 'r', 10));
    expect(sizeOf(fleet, 'a')!.rate).toBeGreaterThanOrEqual(90);
    expect(sizeOf(fleet, 'b')).toMatchObject({ rate: 5 });
    let admitted = 0;
    fleet.pass(10_000, () => {
      fleet.spendEach('a', 'r', 10);
      admitted += fleet.spendEach('b', 'r', 10);
    });
    expect(sizeOf(fleet, 'a')!.rate).toBeLessThanOrEqual(55);
    expect(sizeOf(fleet, 'b')!.rate).toBeGreaterThanOrEqual(45);
    expect(admitted).toBeGreaterThan(240);
    expect(rateBookOf(fleet).held.rate).toBeGreaterThanOrEqual(95);
  });

  test('is not shifted for a trifle', () => {
    const fleet = rateFleet();
    const pace = (a: number, b: number) => () => {
      fleet.spendEach('a', 'r', a);
      fleet.spendEach('b', 'r', b);
    };
    fleet.pass(10_000, pace(9, 9));
    const before = sizeOf(fleet, 'a');
    const count = fleet.outcomes.length;
    fleet.pass(10_000, pace(9, 9));
    expect(sizeOf(fleet, 'a')).toEqual(before);
    expect(fleet.outcomes.slice(count)).toEqual([]);
  });

  test('gives a sick replica less', () => {
    const fleet = rateFleet();
    const ask = fleet.ask.bind(fleet);
    fleet.ask = (name) => ({ ...ask(name), health: name === 'b' ? 0.25 : 1 });
    fleet.pass(15_000, () => {
      fleet.spendEach('a', 'r', 20);
      fleet.spendEach('b', 'r', 20);
    });
    expect(sizeOf(fleet, 'a')!.rate).toBeGreaterThanOrEqual(75);
    expect(sizeOf(fleet, 'b')!.rate).toBeLessThanOrEqual(25);
  });

  test('that is lowered is kept by all within a lease, acknowledged or not', () => {
    const fleet = rateFleet();
    const both = () => {
      fleet.spendEach('a', 'r', 10);
      fleet.spendEach('b', 'r', 10);
    };
    fleet.pass(10_000, both);
    fleet.set('r', { ...RATE, limit: 40, burst: 10 });
    fleet.pass(200, both);
    // b is cut off: it goes on with what it has, until its deadline.
    const b = fleet.holder('b');
    fleet.holders.delete('b');
    fleet.pass(9000, () => fleet.spendEach('a', 'r', 10));
    expect(sizeOf(fleet, 'a')!.rate).toBeLessThanOrEqual(25);
    fleet.pass(1200, () => fleet.spendEach('a', 'r', 10));
    expect(b.spend('r', 1, fleet.now, fleet.moment.wall)).toBe(LAPSED);
    fleet.pass(RENEW_MS, () => fleet.spendEach('a', 'r', 10));
    expect(rateBookOf(fleet).held).toEqual({ rate: 40, burst: 10 });
    expect(sizeOf(fleet, 'a')).toEqual({ rate: 40, burst: 10 });
  });

  test('that is less than one each is the leader’s alone', () => {
    const fleet = rateFleet({ ...RATE, limit: 1, burst: 1 });
    fleet.pass(8000, () => {
      fleet.spend('a', 'r', 1);
      fleet.spend('b', 'r', 1);
    });
    expect(sizeOf(fleet, 'a')).toEqual({ rate: 1, burst: 1 });
    expect(fleet.spend('b', 'r', 1)).toBe(AT_LEADER);
  });

  test('of a replica that does not want it any more is given to others', () => {
    const fleet = rateFleet();
    fleet.pass(5000, () => fleet.spendEach('b', 'r', 10));
    fleet.pass(70_000, () => fleet.spendEach('a', 'r', 10));
    expect(fleet.spend('b', 'r', 1)).toBe(UNKNOWN);
    expect(sizeOf(fleet, 'a')).toEqual({ rate: 100, burst: 20 });
  });
});
