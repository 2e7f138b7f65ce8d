import { expect, test } from 'vitest';
import { leasedCounters } from '../../../src/core/rules/leased-counters.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import { Check } from '../../../src/core/verdict/check.ts';
import { compileDomain, testDescriptor } from '../../support/rules.ts';

const leased = (limit: number) => ({
  requestsPerUnit: limit,
  unit: Unit.MINUTE,
  isLeased: true as const,
});

const shop = compileDomain('shop', [
  { key: 'path', value: '/a', limit: leased(10) },
  { key: 'path', value: '/b', limit: '5/minute' },
  { key: 'path', value: '/c*', limit: leased(1) },
  { key: 'path', limit: leased(2) },
  { key: 'tenant', value: 't', children: [{ key: 'path', value: '/a', limit: leased(20) }] },
  { key: 'user', children: [{ key: 'path', value: '/a', limit: leased(3) }] },
]);
const other = compileDomain('other', [{ key: 'path', value: '/a', limit: leased(30) }]);

test('the counters of leased limits are those that a limits file names in full', () => {
  const found = leasedCounters([shop, other], 10);
  expect(found.map(({ limit, unit }) => [limit, unit])).toEqual([
    [10, Unit.MINUTE],
    [20, Unit.MINUTE],
    [30, Unit.MINUTE],
  ]);
  const check = new Check();
  shop.match(testDescriptor('tenant=t,path=/a'), check);
  expect(found[1]?.key).toBe(check.key);
});

test('are so many at most', () => {
  expect(leasedCounters([shop, other], 2)).toHaveLength(2);
  expect(leasedCounters([], 2)).toEqual([]);
});
