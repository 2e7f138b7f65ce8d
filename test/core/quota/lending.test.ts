/** What replicas get beyond their wants, at rest and in need; hits that are taken back; limits that change. */
import { describe, expect, test } from 'vitest';
import type { HeldCount } from '../../../src/core/quota/held-count.ts';
import type { HeldRate } from '../../../src/core/quota/held-rate.ts';
import type { CountGrant, RateGrant } from '../../../src/core/quota/message.ts';
import { QUOTA_DEFAULTS } from '../../../src/core/quota/options.ts';
import type { Quota } from '../../../src/core/quota/quota.ts';
import { SpendResult } from '../../../src/core/quota/spend-result.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import { Fleet } from './support/fleet.ts';

const { ADMITTED, OVER, SHORT, AT_LEADER } = SpendResult;
const COUNT: Quota = { kind: 'count', limit: 1000, unit: Unit.HOUR };
const RATE: Quota = { kind: 'rate', limit: 100, unit: Unit.SECOND, burst: 10 };

const rateOf = (fleet: Fleet, name: string): HeldRate =>
  fleet.holder(name).find('r')?.share as HeldRate;
const countOf = (fleet: Fleet, name: string): HeldCount =>
  fleet.holder(name).find('c')?.share as HeldCount;

describe('a rate at rest', () => {
  test('gives its whole burst to the first who asks, if nobody else could', () => {
    const fleet = new Fleet('a');
    fleet.track('r', RATE, 'a');
    fleet.spend('a', 'r', 1);
    const [grant] = fleet.refresh('a') as RateGrant[];
    expect(grant).toMatchObject({ rate: 100, burst: 10, tokens: 10 });
    expect(fleet.spendEach('a', 'r', 12)).toBe(10);
  });

  test('tells so in one answer only, whoever asks next', () => {
    const fleet = new Fleet('a', 'b');
    fleet.track('r', RATE, 'a', 'b');
    fleet.spend('a', 'r', 1);
    fleet.spend('b', 'r', 1);
    const first = fleet.refresh('a')[0] as RateGrant;
    expect(first.tokens).toBeGreaterThan(0);
    expect(fleet.refresh('a')[0]).toMatchObject({ tokens: 0 });
    const other = fleet.refresh('b')[0] as RateGrant;
    expect(other).toMatchObject({ tokens: 0 });
    expect(other.rate).toBeGreaterThan(0);
  });

  test('begins empty when the answer that said so was lost', () => {
    const fleet = new Fleet('a');
    fleet.track('r', RATE, 'a');
    fleet.answer(fleet.ask('a'));
    fleet.refresh('a');
    expect(rateOf(fleet, 'a').size.rate).toBe(100);
    expect(fleet.spend('a', 'r', 1)).toBe(OVER);
  });

  test('is one again after its holders have left for as long as the burst takes to fill', () => {
    const fleet = new Fleet('lead', 'a', 'b');
    fleet.track('r', RATE, 'a');
    fleet.pass(1000, () => fleet.spend('a', 'r', 1));
    fleet.holder('a').leave();
    for (let round = 0; round < 4 && !fleet.holder('a').hasLeft; round += 1) fleet.refresh('a');
    expect(fleet.ledger.books.get('r')?.shares.size).toBe(0);
    fleet.track('r', RATE, 'b');
    fleet.tick();
    expect(fleet.refresh('b')[0]).toMatchObject({ tokens: 0 });
    fleet.holder('b').leave();
    for (let round = 0; round < 4 && !fleet.holder('b').hasLeft; round += 1) fleet.refresh('b');
    fleet.now += 250;
    fleet.tick();
    fleet.now += 300;
    fleet.join('c');
    fleet.track('r', RATE, 'c');
    const [grant] = fleet.refresh('c') as RateGrant[];
    expect(grant?.tokens).toBeGreaterThan(0);
  });

  test('is not forgotten by the ledger before that, so that nobody takes it for new', () => {
    const fleet = new Fleet('lead', 'a');
    const slow: Quota = { kind: 'rate', limit: 1, unit: Unit.MINUTE, burst: 1 };
    fleet.track('r', slow, 'a');
    fleet.pass(3000);
    fleet.holder('a').leave();
    fleet.pass(20_000);
    expect(fleet.ledger.books.has('r')).toBe(true);
    fleet.pass(60_000);
    expect(fleet.ledger.books.has('r')).toBe(false);
  });

  test('that admits nothing can be forgotten at once', () => {
    const fleet = new Fleet('lead', 'a');
    fleet.track('r', { ...RATE, limit: 0 }, 'a');
    fleet.pass(3000);
    fleet.holder('a').leave();
    fleet.pass(2000);
    expect(fleet.ledger.books.has('r')).toBe(false);
  });
});

describe('a rate that is not all wanted', () => {
  test('is lent beyond wants, and some is kept for who comes', () => {
    const fleet = new Fleet('lead', 'a', 'b');
    fleet.track('r', { ...RATE, limit: 1000, burst: 100 }, 'a', 'b');
    fleet.pass(5000, () => fleet.spend('a', 'r', 1));
    expect(rateOf(fleet, 'a').size.rate).toBeGreaterThan(200);
    expect(rateOf(fleet, 'b').size.rate).toBeGreaterThan(150);
    expect(fleet.ledger.books.get('r')).toMatchObject({ kind: 'rate' });
    const { free } = fleet.ledger.books.get('r') as unknown as { free: { rate: number } };
    expect(free.rate).toBeGreaterThan(100);
  });

  test('has who is out ask the leader, and is over where all is wanted', () => {
    const fleet = new Fleet('lead', 'a', 'b');
    fleet.track('r', RATE, 'lead', 'a', 'b');
    fleet.pass(3000, () => fleet.spend('a', 'r', 1));
    fleet.spendEach('a', 'r', 20);
    expect(fleet.spend('a', 'r', 1)).toBe(AT_LEADER);
    fleet.pass(10_000, () => {
      for (const name of ['lead', 'a', 'b']) fleet.spendEach(name, 'r', 20);
    });
    fleet.spendEach('a', 'r', 20);
    expect(fleet.spend('a', 'r', 1)).toBe(OVER);
    expect(fleet.spend('lead', 'r', 10)).toBe(OVER);
  });
});

describe('more at once than a share has', () => {
  test('is given if nobody holds it, and asked for at once', () => {
    const fleet = new Fleet('lead', 'a');
    fleet.track('c', COUNT, 'a');
    fleet.spend('a', 'c', 1);
    fleet.refresh('a');
    expect(fleet.spend('a', 'c', 900)).toBe(SHORT);
    expect(fleet.holder('a').isHurried).toBe(true);
    expect(fleet.holder('a').nextRequestAt).toBe(QUOTA_DEFAULTS.urgentMs);
    const request = fleet.ask('a');
    expect(request.wants[0]).toMatchObject({ need: 900 });
    expect(fleet.ask('a').wants[0]).toMatchObject({ need: 0 });
    const answer = fleet.answer(request);
    fleet.holder('a').receive(answer, fleet.now, fleet.moment.wall);
    expect(fleet.spend('a', 'c', 900)).toBe(ADMITTED);
  });

  test('is not given when there is less: a smaller piece is', () => {
    const fleet = new Fleet('lead', 'a');
    fleet.track('c', COUNT, 'lead', 'a');
    fleet.spend('lead', 'c', 600);
    fleet.refresh('lead');
    fleet.spend('lead', 'c', 600);
    fleet.spend('a', 'c', 500);
    const [grant] = fleet.refresh('a') as CountGrant[];
    expect(grant?.granted).toBeLessThan(400);
    expect(grant?.free).toBe(1000 - 600 - (grant?.granted ?? 0));
  });

  test('is asked for sooner by the leader itself', () => {
    const fleet = new Fleet('a');
    fleet.track('c', COUNT, 'a');
    fleet.refresh('a');
    fleet.holder('a').isAtLeader = true;
    expect(fleet.spend('a', 'c', 900)).toBe(SHORT);
    expect(fleet.holder('a').nextRequestAt).toBe(5);
  });
});

describe('hits that are taken back', () => {
  test('of a count can be spent again, though the ledger was told of them', () => {
    const fleet = new Fleet('a');
    fleet.track('c', COUNT, 'a');
    fleet.spend('a', 'c', 1000);
    fleet.refresh('a');
    expect(fleet.spend('a', 'c', 1000)).toBe(ADMITTED);
    fleet.refresh('a');
    const share = countOf(fleet, 'a');
    expect(share.unspend(2000, fleet.now)).toBe(1000);
    expect([share.left, share.returnable]).toEqual([1000, 0]);
    expect(fleet.spend('a', 'c', 400)).toBe(ADMITTED);
    fleet.holder('a').leave();
    for (let round = 0; round < 4 && !fleet.holder('a').hasLeft; round += 1) fleet.refresh('a');
    expect(fleet.ledger.problem()).toBe(null);
    const outcomes = fleet.outcomes.filter(({ outcome }) => outcome.kind === 'reported');
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([{ kind: 'reported', excess: 0 }]);
  });

  test('of a window that is over are none', () => {
    const fleet = new Fleet('a');
    fleet.track('c', COUNT, 'a');
    fleet.spend('a', 'c', 5);
    fleet.refresh('a');
    fleet.spend('a', 'c', 5);
    const share = countOf(fleet, 'a');
    expect(share.unspend(5, share.endsAt)).toBe(0);
    expect(share.pay(5, share.endsAt)).toBe(0);
  });

  test('of a rate are those of the present second, and no more than the bucket holds', () => {
    const fleet = new Fleet('a');
    fleet.track('r', RATE, 'a');
    fleet.refresh('a');
    const share = rateOf(fleet, 'a');
    expect(share.unspend(3, fleet.now)).toBe(0);
    expect(fleet.spend('a', 'r', 8)).toBe(ADMITTED);
    expect(share.unspend(30, fleet.now)).toBe(8);
    expect(share.unspend(30, fleet.now)).toBe(0);
    expect(share.left).toBe(10);
    fleet.spend('a', 'r', 4);
    fleet.now += 1100;
    expect(share.unspend(4, fleet.now)).toBe(0);
  });
});

describe('a limit that changes', () => {
  const limits = (fleet: Fleet) => fleet.ledger.books.get('c')?.quota.limit;

  test('is what more than half of its replicas say, once', () => {
    const fleet = new Fleet('a', 'b', 'c');
    fleet.track('c', COUNT, 'a', 'b', 'c');
    fleet.pass(3000);
    fleet.track('c', { ...COUNT, limit: 2000 }, 'a');
    fleet.pass(3000);
    expect(limits(fleet)).toBe(1000);
    fleet.track('c', { ...COUNT, limit: 2000 }, 'b');
    fleet.pass(3000);
    expect(limits(fleet)).toBe(2000);
    fleet.pass(3000);
    const set = fleet.outcomes.filter(({ command }) => command.kind === 'set-quota');
    expect(set).toHaveLength(2);
  });

  test('is not taken from those who happen to be heard first by a new leader', () => {
    const fleet = new Fleet('a', 'b', 'c');
    fleet.track('c', COUNT, 'a', 'b', 'c');
    fleet.pass(3000);
    fleet.term = 2;
    fleet.lead('a');
    fleet.track('c', { ...COUNT, limit: 5 }, 'a');
    fleet.refresh('a');
    fleet.now += 300;
    fleet.tick();
    expect(limits(fleet)).toBe(1000);
    fleet.pass(5000);
    expect(limits(fleet)).toBe(1000);
  });

  test('is told at once by who has the new one', () => {
    const fleet = new Fleet('a');
    fleet.track('c', COUNT, 'a');
    fleet.refresh('a');
    fleet.track('c', COUNT, 'a');
    expect(fleet.holder('a').nextRequestAt).toBe(QUOTA_DEFAULTS.renewMs);
    fleet.track('c', { ...COUNT, limit: 5 }, 'a');
    expect(fleet.holder('a').nextRequestAt).toBe(QUOTA_DEFAULTS.urgentMs);
  });

  test('is not taken when replicas say three things, of another kind, or nonsense', () => {
    const fleet = new Fleet('a', 'b', 'c');
    fleet.track('c', COUNT, 'a', 'b', 'c');
    fleet.pass(3000);
    for (const [name, limit] of Object.entries({ a: 1, b: 2, c: 3 })) {
      fleet.track('c', { ...COUNT, limit }, name);
    }
    fleet.pass(3000);
    expect(limits(fleet)).toBe(1000);
    const odd: Quota[] = [
      { ...RATE, unit: Unit.HOUR },
      { ...COUNT, limit: -1 },
    ];
    for (const quota of odd) {
      fleet.track('c', quota, 'a', 'b', 'c');
      fleet.pass(3000);
    }
    expect(fleet.ledger.books.get('c')?.quota).toEqual(COUNT);
  });
});
