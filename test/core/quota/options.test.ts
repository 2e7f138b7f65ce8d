import { describe, expect, test } from 'vitest';
import {
  assertQuotaOptions,
  longestMsOf,
  QUOTA_DEFAULTS,
  type QuotaOptions,
  usableMsOf,
  waitMsFor,
} from '../../../src/core/quota/options.ts';
import { isSameQuota, type Quota, quotaProblem } from '../../../src/core/quota/quota.ts';
import { Unit } from '../../../src/core/rules/unit.ts';

describe('options', () => {
  test('of the defaults are sound', () => {
    expect(() => assertQuotaOptions(QUOTA_DEFAULTS)).not.toThrow();
  });

  test.each<[Partial<QuotaOptions>, RegExp]>([
    [{ ttlMs: 0 }, /ttlMs/],
    [{ ttlMs: Number.NaN }, /ttlMs/],
    [{ drift: 0.2 }, /drift/],
    [{ marginMs: 0 }, /marginMs/],
    [{ headroom: 0.5 }, /headroom/],
    [{ electionMsMax: 3334 }, /three elections/],
    [{ renewMs: 3334 }, /three times renewMs/],
    [{ retryMs: 2501 }, /retryMs/],
    [{ urgentMs: 501 }, /urgentMs/],
    [{ drift: 0.03 }, /jump/],
  ])('%o are refused', (changed, problem) => {
    expect(() => assertQuotaOptions({ ...QUOTA_DEFAULTS, ...changed })).toThrow(problem);
  });

  test('make a grantor wait longer than any holder may spend, whatever their clocks', () => {
    const { drift } = QUOTA_DEFAULTS;
    const slowest = usableMsOf(10_000, QUOTA_DEFAULTS) / (1 - drift);
    const fastest = waitMsFor(10_000, QUOTA_DEFAULTS) / (1 + drift);
    expect(fastest).toBeGreaterThan(slowest);
    expect(longestMsOf(9900, QUOTA_DEFAULTS)).toBe(9900 / (1 - drift));
  });
});

describe('a quota', () => {
  const count: Quota = { kind: 'count', limit: 10, unit: Unit.MINUTE };
  const rate: Quota = { kind: 'rate', limit: 10, unit: Unit.DAY, burst: 1 };

  test.each<[Quota, boolean]>([
    [count, true],
    [rate, true],
    [{ ...count, limit: 0 }, true],
    [{ ...count, limit: 2 ** 32 - 1 }, true],
    [{ ...count, limit: 2 ** 32 }, false],
    [{ ...count, limit: -1 }, false],
    [{ ...count, limit: 0.5 }, false],
    [{ ...count, unit: Unit.UNKNOWN }, false],
    [{ ...count, unit: 8 as Unit }, false],
    [{ ...count, unit: Unit.YEAR }, true],
    [{ ...rate, unit: Unit.WEEK }, false],
    [{ ...rate, burst: 0 }, false],
    [{ ...rate, burst: 1.5 }, false],
  ])('%o is sound: %s', (quota, isSound) => {
    expect(quotaProblem(quota) === null).toBe(isSound);
  });

  test('is the same as another when all of it is', () => {
    expect(isSameQuota(count, { ...count })).toBe(true);
    expect(isSameQuota(rate, { ...rate })).toBe(true);
    expect(isSameQuota(count, rate)).toBe(false);
    expect(isSameQuota(count, { ...count, limit: 11 })).toBe(false);
    expect(isSameQuota(count, { ...count, unit: Unit.HOUR })).toBe(false);
    expect(isSameQuota(rate, { ...rate, burst: 2 })).toBe(false);
  });
});
