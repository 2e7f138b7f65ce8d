import { describe, expect, test } from 'vitest';
import { leasedQuota } from '../../../src/core/quota/leased-quota.ts';
import { LIMIT_MAX, quotaProblem } from '../../../src/core/quota/quota.ts';
import { Unit } from '../../../src/core/rules/unit.ts';

describe('the quota of a leased limit', () => {
  test.each([
    [0, 1],
    [1, 1],
    [10, 1],
    [11, 2],
    [20, 2],
    [1005, 101],
    [LIMIT_MAX, 429_496_730],
  ])('%d per second is a rate with a burst of %d', (limit, burst) => {
    expect(leasedQuota(limit, Unit.SECOND)).toEqual({
      kind: 'rate',
      limit,
      unit: Unit.SECOND,
      burst,
    });
  });

  test.each(Object.entries(Unit).filter(([, unit]) => unit > Unit.SECOND))(
    'per %s it is a count per window',
    (_name, unit) => {
      expect(leasedQuota(7, unit)).toEqual({ kind: 'count', limit: 7, unit });
    },
  );

  test('is one that the ledger takes, for any limit of a file', () => {
    for (const unit of Object.values(Unit).filter((each) => each !== Unit.UNKNOWN)) {
      for (const limit of [0, 1, 9, LIMIT_MAX]) {
        expect(quotaProblem(leasedQuota(limit, unit))).toBeNull();
      }
    }
  });
});
