import { describe, expect, it } from 'vitest';
import { isUnit, msUntilReset, Unit, unitFromName } from '../../../src/core/rules/unit.ts';

describe('unitFromName', () => {
  it.each([
    ['second', Unit.SECOND],
    ['MINUTE', Unit.MINUTE],
    ['dAY', Unit.DAY],
    ['week', Unit.WEEK],
    ['unknown', Unit.UNKNOWN],
    ['', Unit.UNKNOWN],
    ['fortnight', Unit.UNKNOWN],
  ])('%s', (name, unit) => {
    expect(unitFromName(name)).toBe(unit);
  });
});

describe('isUnit', () => {
  it.each([
    [0, false],
    [1, true],
    [7, true],
    [8, false],
    [-1, false],
  ])('%i: %s', (value, want) => {
    expect(isUnit(value)).toBe(want);
  });
});

describe('msUntilReset', () => {
  it.each([
    ['the first millisecond of a window', Unit.SECOND, 5_000, 1000],
    ['the last millisecond', Unit.SECOND, 5_999, 1],
    ['weeks from Thursday 00:00 UTC', Unit.WEEK, Date.UTC(2026, 0, 1), 604_800_000],
    ['an hour', Unit.HOUR, 3_600_000 * 5 + 1, 3_599_999],
  ])('%s', (_name, unit, now, want) => {
    expect(msUntilReset(unit, now)).toBe(want);
  });
});
