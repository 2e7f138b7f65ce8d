/** What failure mode `local` admitted is paid by the share once there is one. */
import { describe, expect, test } from 'vitest';
import { SpendResult } from '../../../src/core/quota/spend-result.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import { LocalDebts } from '../../../src/counters/leased/local-debts.ts';
import { charge, group } from '../../contract/charges.ts';
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
