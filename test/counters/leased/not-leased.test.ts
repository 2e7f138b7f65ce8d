/** What the store of leased limits leaves to the store behind it. */
import { describe, expect, test } from 'vitest';
import { Unit } from '../../../src/core/rules/unit.ts';
import { charge, group, groupOf, readings, type TestCharge } from '../../contract/charges.ts';
import { LeasedFleet } from './leased-fleet.ts';

const minute = (its: Partial<TestCharge> = {}): TestCharge => ({
  key: 'a',
  isLeased: true,
  unit: Unit.MINUTE,
  limit: 1000,
  ...its,
});
describe('what is not leased', () => {
  test('goes to the store as it is', async () => {
    const fleet = new LeasedFleet('lead');
    const lead = fleet.replica('lead');
    const groups = [group({ key: 'x' }), group({ key: 'x' }, { key: 'y' })];
    expect(readings(await lead.ask(...groups))).toEqual([['0>1'], ['1>2', '0>1']]);
    expect(readings(await lead.ask(group({ key: 'x' })))).toEqual([['2>3']]);
    expect(await lead.ask()).toEqual([]);
  });

  test.each([
    ['a key longer than any name', 'k'.repeat(600)],
    ['a key that is no text', '\ud800'],
  ])('is counted in the store for %s', async (_, key) => {
    const fleet = new LeasedFleet('lead');
    const lead = fleet.replica('lead');
    expect(readings(await lead.ask(group(minute({ key }))))).toEqual([['0>1']]);
    expect(readings(await lead.ask(group(minute({ key }), { key: 'x' })))).toEqual([
      ['1>2', '0>1'],
    ]);
    expect(lead.store.counts.results.untracked).toBe(2);
  });

  test('is what an operator wants counted by this process alone', async () => {
    const fleet = new LeasedFleet('lead');
    const lead = fleet.replica('lead');
    const its = groupOf([charge(minute())], { isLocal: true });
    expect(readings(await lead.ask(its))).toEqual([['0>1']]);
    expect(fleet.questions).toHaveLength(0);
  });

  test('without a unit is refused as in the store', async () => {
    const fleet = new LeasedFleet('lead');
    const lead = fleet.replica('lead');
    expect(readings(await lead.ask(group(minute({ unit: Unit.UNKNOWN }))))).toEqual([['refused']]);
  });
});

test('more limits than one replica can lease are counted in the store', async () => {
  const fleet = new LeasedFleet('lead');
  const lead = fleet.replica('lead');
  for (let at = 0; at < 1024; at += 1)
    fleet.track(`k${at}`, { kind: 'count', limit: 5, unit: 2 }, 'lead');
  expect(readings(await lead.ask(group(minute())))).toEqual([['0>1']]);
  expect(lead.store.counts.results.untracked).toBe(1);
});

test('tells the health and the name of the store that it is around', async () => {
  const { store } = new LeasedFleet('lead').replica('lead');
  store.onHealth(() => {});
  await store.start();
  expect([store.name, store.isHealthy, store.immediate]).toEqual(['memory', true, false]);
  await store.close();
});
