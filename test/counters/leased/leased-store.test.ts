/** What a replica answers from its share, from the leader, and by failure modes. */
import { describe, expect, test } from 'vitest';
import { SpendResult } from '../../../src/core/quota/spend-result.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import { FAILURE_MODES } from '../../../src/core/verdict/failure-mode.ts';
import type { Charge } from '../../../src/limiter/counter-store.ts';
import { charge, group, groupOf, type TestCharge } from '../../contract/charges.ts';
import { DECIDE_MS, LeasedFleet, type LeasedReplica } from './leased-fleet.ts';

const minute = (its: Partial<TestCharge> = {}): TestCharge => ({
  key: 'a',
  isLeased: true,
  unit: Unit.MINUTE,
  limit: 1000,
  ...its,
});
const perSecond = (its: Partial<TestCharge> = {}): TestCharge =>
  minute({ key: 'r', unit: Unit.SECOND, limit: 100, ...its });

async function askOne(replica: LeasedReplica, its: TestCharge): Promise<Charge> {
  const [settled] = await replica.ask(group(its));
  expect(settled?.failure).toBe(null);
  return settled?.charges[0] as Charge;
}
const isOver = ({ after, limit }: Charge): boolean => after > limit;

describe('a count', () => {
  test('is asked of the leader first, then spent of the share, which nobody else hears of', async () => {
    const fleet = new LeasedFleet('lead', 'b');
    const b = fleet.replica('b');
    expect(isOver(await askOne(b, minute()))).toBe(false);
    fleet.pass(100);
    expect(isOver(await askOne(b, minute()))).toBe(false);
    expect(b.store.counts.results).toMatchObject({ leader: 1, share: 1 });
    expect(fleet.questions).toHaveLength(1);
    expect(b.memory.keyCount).toBe(0);
  });

  test('settles before it returns when the share suffices', async () => {
    const fleet = new LeasedFleet('lead', 'b');
    const b = fleet.replica('b');
    await askOne(b, minute());
    fleet.pass(100);
    const its = group(minute());
    its.failure = { code: 'timeout', text: 'of before' };
    let settled = 0;
    b.store.charge([its], { settled: () => (settled += 1) });
    expect(settled).toBe(1);
    expect(its.failure).toBe(null);
  });

  test('reads what is left here and what nobody held when the leader answered', async () => {
    const fleet = new LeasedFleet('lead');
    const lead = fleet.replica('lead');
    await askOne(lead, minute());
    fleet.pass(100);
    const read = await askOne(lead, minute({ hits: 2 }));
    expect(read).toMatchObject({ before: 1, after: 3 });
    const { at, wall } = fleet.moment;
    expect(read.resetMs).toBe(60_000 - (wall % 60_000));
    const held = fleet.holder('lead').shareOf('a', at, wall);
    expect(held?.left).toBeGreaterThan(0);
    expect(held?.left).toBeLessThan(997);
  });

  test('reads what others hold as spent', async () => {
    const fleet = new LeasedFleet('lead', 'b');
    const b = fleet.replica('b');
    fleet.track('a', { kind: 'count', limit: 1000, unit: Unit.MINUTE }, 'lead');
    fleet.pass(200, () => fleet.spendEach('lead', 'a', 20));
    await askOne(b, minute());
    fleet.pass(100);
    const read = await askOne(b, minute());
    expect(read.before).toBeGreaterThan(20);
    expect(read.after).toBe(read.before + 1);
    expect(read.after).toBeLessThan(1000);
  });

  test('that is used up reads beyond its limit with all hits, and is charged nothing', async () => {
    const fleet = new LeasedFleet('lead');
    const lead = fleet.replica('lead');
    let admitted = 0;
    for (let at = 0; at < 30; at += 1) {
      if (!isOver(await askOne(lead, minute({ limit: 20 })))) admitted += 1;
      fleet.pass(50);
    }
    expect(admitted).toBe(20);
    const read = await askOne(lead, minute({ limit: 20, hits: 3 }));
    expect(read).toMatchObject({ before: 20, after: 23, left: 0 });
    expect(lead.store.counts.results.over).toBe(11);
  });

  test('of more hits than its limit is over without a question', async () => {
    const fleet = new LeasedFleet('lead');
    const lead = fleet.replica('lead');
    expect(isOver(await askOne(lead, minute({ limit: 20, hits: 21 })))).toBe(true);
    expect(isOver(await askOne(lead, minute({ key: 'b', limit: 0 })))).toBe(true);
    expect(fleet.questions).toHaveLength(0);
  });

  test('is only read by a peek', async () => {
    const fleet = new LeasedFleet('lead');
    const lead = fleet.replica('lead');
    await askOne(lead, minute({ hits: 5 }));
    fleet.pass(100);
    expect(await askOne(lead, minute({ hits: 0 }))).toMatchObject({ before: 5, after: 5 });
    expect(await askOne(lead, minute({ hits: 0 }))).toMatchObject({ before: 5, after: 5 });
    expect(isOver(await askOne(lead, minute({ key: 'z', limit: 0, hits: 0 })))).toBe(false);
  });

  test('takes back what was spent here, and not more', async () => {
    const fleet = new LeasedFleet('lead');
    const lead = fleet.replica('lead');
    await askOne(lead, minute({ limit: 10, hits: 6 }));
    fleet.pass(100);
    expect(isOver(await askOne(lead, minute({ limit: 10, hits: 4 })))).toBe(false);
    expect(isOver(await askOne(lead, minute({ limit: 10 })))).toBe(true);
    const refund = minute({ limit: 10, hits: 3, isRefund: true });
    expect(await askOne(lead, refund)).toMatchObject({ before: 10, after: 7 });
    expect(isOver(await askOne(lead, minute({ limit: 10, hits: 3 })))).toBe(false);
    expect(isOver(await askOne(lead, minute({ limit: 10 })))).toBe(true);
    expect(await askOne(lead, minute({ limit: 10, hits: 90, isRefund: true }))).toMatchObject({
      before: 10,
      after: 0,
    });
    expect(isOver(await askOne(lead, minute({ limit: 10, hits: 10 })))).toBe(false);
    expect(isOver(await askOne(lead, minute({ limit: 10 })))).toBe(true);
  });

  test('begins anew with its window', async () => {
    const fleet = new LeasedFleet('lead');
    const lead = fleet.replica('lead');
    fleet.now = 1000;
    for (let at = 0; at < 20; at += 1) await askOne(lead, minute({ limit: 10 }));
    expect(isOver(await askOne(lead, minute({ limit: 10 })))).toBe(true);
    const { wall } = fleet.moment;
    fleet.pass(60_000 - (wall % 60_000) + 50);
    expect(isOver(await askOne(lead, minute({ limit: 10 })))).toBe(false);
  });
});

describe('a rate', () => {
  test('has its burst at once when it was at rest, says how much is left, and is over then', async () => {
    const fleet = new LeasedFleet('lead');
    const lead = fleet.replica('lead');
    const reads: Charge[] = [];
    for (let at = 0; at < 12; at += 1) reads.push(await askOne(lead, perSecond()));
    expect(reads.map(isOver)).toEqual([...Array(10).fill(false), true, true]);
    expect(reads.map(({ left }) => left)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]);
    expect(reads[0]).toMatchObject({ before: 9, after: 10, resetMs: 1000 });
    expect(reads[9]).toMatchObject({ before: 99, after: 100 });
  });

  test('of more hits than its burst never passes', async () => {
    const fleet = new LeasedFleet('lead');
    const lead = fleet.replica('lead');
    expect(isOver(await askOne(lead, perSecond({ hits: 11 })))).toBe(true);
    expect(isOver(await askOne(lead, perSecond({ hits: 10 })))).toBe(false);
  });

  test('takes back what was spent this second', async () => {
    const fleet = new LeasedFleet('lead');
    const lead = fleet.replica('lead');
    await askOne(lead, perSecond({ hits: 10 }));
    expect(isOver(await askOne(lead, perSecond()))).toBe(true);
    await askOne(lead, perSecond({ hits: 4, isRefund: true }));
    expect(isOver(await askOne(lead, perSecond({ hits: 4 })))).toBe(false);
    expect(isOver(await askOne(lead, perSecond()))).toBe(true);
  });

  test('with some to spare is lent to who has too little, by the leader', async () => {
    const fleet = new LeasedFleet('lead', 'b');
    const b = fleet.replica('b');
    await askOne(b, perSecond({ limit: 1000 }));
    fleet.pass(3000);
    let admitted = 0;
    for (let at = 0; at < 60; at += 1) {
      if (!isOver(await askOne(b, perSecond({ limit: 1000 })))) admitted += 1;
    }
    const { share, leader } = b.store.counts.results;
    expect(share + leader).toBe(admitted + 1);
    expect(leader).toBeGreaterThan(1);
    expect(admitted).toBeGreaterThan(40);
  });
});

describe('what nobody can say in time', () => {
  test.each(FAILURE_MODES)('is answered by the failure mode %s, and says so', async (mode) => {
    const fleet = new LeasedFleet('lead', 'b');
    fleet.cutOff.add('b');
    const b = fleet.replica('b');
    const [settled] = await b.ask(group(minute({ failureMode: mode, limit: 3 })));
    const its = settled?.charges[0] as Charge;
    if (mode === 'error') {
      expect(settled?.failure).toMatchObject({ code: 'lease' });
      expect(its.degraded).toBe(null);
    } else {
      expect(settled?.failure).toBe(null);
      expect(its.degraded).toBe('lease');
      expect(isOver(its)).toBe(mode === 'closed');
    }
    expect(b.store.counts.degraded).toEqual(new Map([[mode, 1]]));
    expect(b.store.counts.results.lapsed).toBe(1);
  });

  test('is not asked again for a while, unless an answer comes', async () => {
    const fleet = new LeasedFleet('lead', 'b');
    fleet.cutOff.add('b');
    const b = fleet.replica('b');
    for (let at = 0; at < 5; at += 1) await b.ask(group(minute({ failureMode: 'open' })));
    expect(fleet.questions).toHaveLength(1);
    fleet.now += 201;
    await b.ask(group(minute({ failureMode: 'open' })));
    expect(fleet.questions).toHaveLength(2);
    fleet.cutOff.delete('b');
    fleet.refresh('b');
    expect(isOver(await askOne(b, minute()))).toBe(false);
    expect(b.store.counts.results.lapsed).toBe(6);
  });

  test('is answered when the caller’s time is up, however long the leader takes', async () => {
    const fleet = new LeasedFleet('lead', 'b');
    fleet.word = () => new Promise(() => {});
    const b = fleet.replica('b');
    const late = group(minute({ failureMode: 'closed' }));
    const due = groupOf([charge(minute({ key: 'b', failureMode: 'closed' }))], { deadlineMs: 1 });
    const answers = Promise.all([b.ask(late), b.ask(due)]);
    fleet.now += DECIDE_MS;
    const [[first], [second]] = await answers;
    expect([first, second].map((its) => its?.charges[0]?.degraded)).toEqual(['lease', 'lease']);
    expect(b.store.waiting).toBe(0);
  });

  test('is answered at the end of the store', async () => {
    const fleet = new LeasedFleet('lead', 'b');
    fleet.word = () => new Promise(() => {});
    const b = fleet.replica('b');
    const answer = b.ask(group(minute({ failureMode: 'closed' })));
    expect(b.store.waiting).toBe(1);
    await b.store.close();
    expect((await answer)[0]?.charges[0]?.degraded).toBe('lease');
    const after = await b.ask(group(minute({ failureMode: 'closed' })));
    expect(after[0]?.charges[0]?.degraded).toBe('lease');
  });

  test('is what a holder of a lease has after its end, and not before', async () => {
    const fleet = new LeasedFleet('lead', 'b');
    const b = fleet.replica('b');
    await askOne(b, minute());
    fleet.pass(3000, () => fleet.spendEach('b', 'a', 1));
    fleet.cutOff.add('b');
    fleet.now += 5000;
    expect((await askOne(b, minute())).degraded).toBe(null);
    fleet.now += 5000;
    expect((await askOne(b, minute({ failureMode: 'closed' }))).degraded).toBe('lease');
  });
});

describe('a share that is used up', () => {
  /** Of 1000, all but a few hits are with the leader. */
  async function nearlyOut() {
    const fleet = new LeasedFleet('lead', 'b');
    fleet.now = 60_000 - (fleet.moment.wall % 60_000);
    const b = fleet.replica('b');
    await askOne(b, minute());
    fleet.pass(100);
    const { at, wall } = fleet.moment;
    const left = fleet.holder('b').shareOf('a', at, wall)?.left ?? 0;
    await askOne(b, minute({ hits: left }));
    return { fleet, b };
  }

  test('is over when the leader does not say in time whether there is more: no failure mode', async () => {
    const { fleet, b } = await nearlyOut();
    fleet.word = () => new Promise(() => {});
    const asked = askOne(b, minute({ failureMode: 'open' }));
    await Promise.resolve();
    fleet.now += DECIDE_MS;
    const its = await asked;
    expect([isOver(its), its.degraded]).toEqual([true, null]);
    expect(b.store.counts.results).toMatchObject({ withheld: 1, lapsed: 0 });
  });

  test('is over when nobody leads, as long as the lease holds', async () => {
    const { fleet, b } = await nearlyOut();
    fleet.cutOff.add('b');
    const its = await askOne(b, minute({ failureMode: 'open' }));
    expect([isOver(its), its.degraded]).toEqual([true, null]);
    fleet.now += 11_000;
    expect((await askOne(b, minute({ failureMode: 'open' }))).degraded).toBe('lease');
  });

  test('is made good by what the leader admits too late, for those who come next in the window', async () => {
    const { fleet, b } = await nearlyOut();
    const { promise, resolve } = Promise.withResolvers<void>();
    fleet.word = async () => {
      await promise;
      return { result: SpendResult.ADMITTED, admitted: 3 };
    };
    const late = askOne(b, minute({ hits: 3 }));
    await Promise.resolve();
    fleet.now += DECIDE_MS;
    expect(isOver(await late)).toBe(true);
    resolve();
    await new Promise(setImmediate);
    fleet.word = async () => ({ result: SpendResult.OVER, admitted: 0 });
    const next = [];
    for (const hits of [2, 2, 1]) next.push(isOver(await askOne(b, minute({ hits }))));
    expect(next).toEqual([false, true, false]);
    expect(b.store.counts.wastedHits).toBe(0);
  });

  test('has nothing of what was admitted in a window that is over', async () => {
    const { fleet, b } = await nearlyOut();
    const { promise, resolve } = Promise.withResolvers<void>();
    fleet.word = async () => {
      await promise;
      return { result: SpendResult.ADMITTED, admitted: 3 };
    };
    const late = askOne(b, minute({ hits: 3, failureMode: 'open' }));
    await Promise.resolve();
    fleet.now += 60_000;
    await late;
    resolve();
    await new Promise(setImmediate);
    expect(b.store.counts.wastedHits).toBe(3);
  });
});

describe('a limit that everybody asks for and nobody has', () => {
  test('costs one question at a time, with all that wait, and none while the answer is known', async () => {
    const fleet = new LeasedFleet('lead', 'b');
    const { promise, resolve } = Promise.withResolvers<void>();
    fleet.word = async () => {
      await promise;
      return { result: SpendResult.OVER, admitted: 0 };
    };
    const b = fleet.replica('b');
    const answers = Array.from({ length: 50 }, () => askOne(b, minute()));
    await Promise.resolve();
    const more = Array.from({ length: 50 }, () => askOne(b, minute()));
    expect(fleet.questions).toMatchObject([{ hits: 50, least: 1 }]);
    resolve();
    expect((await Promise.all([...answers, ...more])).every(isOver)).toBe(true);
    expect(isOver(await askOne(b, minute()))).toBe(true);
    expect(fleet.questions).toHaveLength(1);
    fleet.now += 101;
    expect(isOver(await askOne(b, minute()))).toBe(true);
    expect(fleet.questions).toHaveLength(2);
  });

  test('is dealt out in order, as far as it suffices', async () => {
    const fleet = new LeasedFleet('lead', 'b');
    const words = [
      { result: SpendResult.ADMITTED, admitted: 5 },
      { result: SpendResult.OVER, admitted: 0 },
      { result: SpendResult.OVER, admitted: 0 },
    ];
    fleet.word = async () => words.shift() ?? null;
    const b = fleet.replica('b');
    const hits = [2, 4, 2, 3];
    const answers = await Promise.all(hits.map((its) => askOne(b, minute({ hits: its }))));
    expect(answers.map(isOver)).toEqual([false, true, false, true]);
    expect(fleet.questions).toMatchObject([
      { hits: 11, least: 2 },
      { hits: 7, least: 4 },
      { hits: 3, least: 3 },
    ]);
    expect(b.store.counts.wastedHits).toBe(1);
  });

  test('is tried by the share again when an answer has come meanwhile', async () => {
    const fleet = new LeasedFleet('lead', 'b');
    const { promise, resolve } = Promise.withResolvers<void>();
    fleet.word = async () => {
      await promise;
      return { result: SpendResult.ADMITTED, admitted: 1 };
    };
    const b = fleet.replica('b');
    const first = askOne(b, minute());
    await Promise.resolve();
    const second = askOne(b, minute());
    fleet.refresh('b');
    resolve();
    await Promise.all([first, second]);
    expect(fleet.questions).toHaveLength(1);
    expect(b.store.counts.results).toMatchObject({ leader: 1, share: 1 });
  });
});
