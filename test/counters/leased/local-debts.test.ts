/** What failure mode `local` admitted is paid by the share once there is one. */
import { describe, expect, test } from 'vitest';
import { SpendResult } from '../../../src/core/quota/spend-result.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import { LocalDebts } from '../../../src/counters/leased/local-debts.ts';
import { ChargePolicy } from '../../../src/limiter/counter-store.ts';
import { charge, group, groupOf } from '../../contract/charges.ts';
import { LeasedFleet } from './leased-fleet.ts';

/** Nothing is tracked any more. */
const NOTHING = { find: () => undefined, retryOn: () => SpendResult.UNKNOWN };

const minute = (limit: number, hits = 1) =>
  group({ key: 'a', isLeased: true, unit: Unit.MINUTE, limit, hits, failureMode: 'local' });

async function cutOff(limit: number, hits: number) {
  const fleet = new LeasedFleet('lead', 'b');
  fleet.now = 60_000 - (fleet.moment.wall % 60_000);
  fleet.cutOff.add('b');
  const b = fleet.replica('b');
  for (let at = 0; at < hits; at += 1) await b.ask(minute(limit));
  return { fleet, b };
}

describe('what was admitted without a lease', () => {
  test('is spent of the share that comes, so that the limit holds', async () => {
    const { fleet, b } = await cutOff(20, 12);
    fleet.cutOff.delete('b');
    fleet.refresh('b');
    let admitted = 0;
    for (let at = 0; at < 40; at += 1) {
      fleet.pass(50);
      const [its] = await b.ask(minute(20));
      const one = its?.charges[0];
      if (one !== undefined && one.after <= one.limit) admitted += 1;
    }
    expect(b.store.debts).toMatchObject({ paidHits: 12, lostHits: 0 });
    expect(admitted).toBe(8);
  });

  test('is lost when its window ends first', async () => {
    const { fleet, b } = await cutOff(20, 12);
    fleet.now += 60_000;
    fleet.cutOff.delete('b');
    fleet.refresh('b');
    expect(b.store.debts).toMatchObject({ paidHits: 0, lostHits: 12 });
  });

  test('is nothing that was refused, nor of a rate', async () => {
    const { b } = await cutOff(5, 9);
    const rate = {
      key: 'r',
      isLeased: true,
      unit: Unit.SECOND,
      limit: 5,
      failureMode: 'local',
    } as const;
    await b.ask(group(rate));
    const { store } = b;
    expect(store.counts.degraded.get('local')).toBe(10);
    const fleetLess = new LocalDebts();
    fleetLess.note({ ...charge(rate), before: 0, after: 1 }, { now: 0, wall: 0 });
    fleetLess.pay(NOTHING, { now: 0, wall: 0 });
    expect(fleetLess.lostHits).toBe(0);
  });
});

describe('what was admitted without a lease, of a request that is refused after all,', () => {
  const local = { isLeased: true, unit: Unit.MINUTE, limit: 20, failureMode: 'local' } as const;

  test.each([
    ['by the store, with STOP_WHEN_OVER', ChargePolicy.STOP_WHEN_OVER, { key: 'x', limit: 0 }],
    ['by the store, with ALL_OR_NOTHING', ChargePolicy.ALL_OR_NOTHING, { key: 'x', limit: 0 }],
    [
      'by a failure mode, with STOP_WHEN_OVER',
      ChargePolicy.STOP_WHEN_OVER,
      { ...local, key: 'y', failureMode: 'closed' },
    ],
    [
      'by the failure of another, with ALL_OR_NOTHING',
      ChargePolicy.ALL_OR_NOTHING,
      { ...local, key: 'y', failureMode: 'error' },
    ],
  ] as const)('is not owed: %s', async (_, policy, other) => {
    const { fleet, b } = await cutOff(20, 0);
    await b.ask(groupOf([charge({ ...local, key: 'a', hits: 3 }), charge(other)], { policy }));
    await b.ask(group({ ...local, key: 'a', hits: 2 }));
    fleet.cutOff.delete('b');
    fleet.pass(200);
    expect(b.store.debts).toMatchObject({ paidHits: 2, lostHits: 0 });
  });

  const window = async () => {
    const { fleet } = await cutOff(20, 0);
    fleet.cutOff.delete('b');
    const shares = fleet.sharesOf('b');
    shares.track('a', { kind: 'count', limit: 20, unit: Unit.MINUTE }, fleet.now);
    const debts = new LocalDebts();
    const { at: now, wall } = fleet.moment;
    const owed = debts.note(
      { ...charge({ ...local, key: 'a', hits: 3 }), after: 3 },
      { now, wall },
    );
    const pay = (): void => {
      fleet.holder('b').retryOn(shares.find('a')!, 9, now, wall);
      fleet.refresh('b');
      debts.pay(shares, { now: fleet.now, wall: fleet.moment.wall });
    };
    const left = (): number => shares.find('a')?.share.left ?? Number.NaN;
    return { fleet, debts, owed: owed!, pay, left };
  };

  test('is spent no more where the share has paid it', async () => {
    const { fleet, debts, owed, pay, left } = await window();
    pay();
    expect([debts.paidHits, left()]).toEqual([3, 6]);
    expect(fleet.spend('b', 'a', 4)).toBe(SpendResult.ADMITTED);
    const moment = { now: fleet.now, wall: fleet.moment.wall };
    debts.takeBack(owed, moment);
    debts.takeBack(owed, moment);
    expect(left()).toBe(5);
  });

  test('is nothing to the share of another window', async () => {
    const { fleet, debts, owed, pay, left } = await window();
    pay();
    fleet.now += 60_000;
    pay();
    expect(fleet.spend('b', 'a', 1)).toBe(SpendResult.ADMITTED);
    const before = left();
    debts.takeBack(owed, { now: fleet.now, wall: fleet.moment.wall });
    expect(left()).toBe(before);
  });
});

test('debts are bounded, and what they have no room for is lost', () => {
  const debts = new LocalDebts();
  const moment = { now: 0, wall: 0 };
  for (let at = 0; at < 1030; at += 1) {
    debts.note(
      { ...charge({ key: `k${at}`, hits: 2, unit: Unit.HOUR }), before: 0, after: 2 },
      moment,
    );
  }
  expect(debts.lostHits).toBe(12);
  debts.note({ ...charge({ key: 'k0', hits: 3, unit: Unit.HOUR }), before: 2, after: 5 }, moment);
  expect(debts.lostHits).toBe(12);
  debts.note(
    { ...charge({ key: 'k0', hits: 1, unit: Unit.HOUR }), before: 0, after: 1 },
    { now: 0, wall: 3_600_000 },
  );
  expect(debts.lostHits).toBe(17);
  debts.pay(NOTHING, moment);
  expect(debts.lostHits).toBe(17 + 1023 * 2 + 1);
});
