import { describe, expect, it } from 'vitest';
import type { RuleStats } from '../../../src/core/counting/rule-stats.ts';
import type { Rule } from '../../../src/core/rules/rule.ts';
import { Code, REMAINING_UNLIMITED } from '../../../src/core/verdict/answer.ts';
import { Check } from '../../../src/core/verdict/check.ts';
import { limitHeaders, speakingCheck } from '../../../src/core/verdict/headers.ts';
import { overallCode, settleCheck, settleWhole } from '../../../src/core/verdict/settle.ts';
import { testRule } from '../../support/rules.ts';

function settled(
  before: number,
  after: number,
  extra: Partial<Rule> = {},
  isRefund = false,
): Check {
  const check = new Check();
  check.rule = testRule(extra);
  check.stats = check.rule.stats;
  check.hits = Math.abs(after - before);
  check.isRefund = isRefund;
  Object.assign(check, { before, after, resetMs: 1500 });
  settleCheck(check);
  return check;
}

function counts(check: Check): number[] {
  const { withinLimit, nearLimit, overLimit, shadowMode } = check.stats as RuleStats;
  return [withinLimit, nearLimit, overLimit, shadowMode];
}

describe('settleCheck', () => {
  it.each([
    // before, after, code, remaining, [within, near, over, shadow]
    ['well within', 0, 1, Code.OK, 9, [1, 0, 0, 0]],
    ['at the near threshold', 7, 8, Code.OK, 2, [1, 0, 0, 0]],
    ['past the near threshold', 8, 9, Code.OK, 1, [1, 1, 0, 0]],
    ['across the near threshold', 6, 10, Code.OK, 0, [4, 2, 0, 0]],
    ['a peek at the limit', 10, 10, Code.OK, 0, [0, 0, 0, 0]],
    ['one past the limit', 10, 11, Code.OVER_LIMIT, 0, [0, 0, 1, 0]],
    ['across the limit', 9, 12, Code.OVER_LIMIT, 0, [0, 1, 2, 0]],
    ['across near and limit', 0, 11, Code.OVER_LIMIT, 0, [0, 2, 1, 0]],
    ['a peek beyond the limit', 11, 11, Code.OVER_LIMIT, 0, [0, 0, 0, 0]],
  ] as const)('%s', (_name, before, after, code, remaining, stats) => {
    const check = settled(before, after);
    expect([check.code, check.remaining, counts(check)]).toEqual([code, remaining, stats]);
  });

  it('answers OK in shadow mode, counts it, and leaves nothing remaining', () => {
    const check = settled(9, 12, { shadowMode: true });
    expect([check.code, check.remaining, counts(check)]).toEqual([Code.OK, 0, [0, 1, 2, 2]]);
  });

  it('answers every refund OK and counts it nowhere else', () => {
    const check = settled(20, 15, {}, true);
    expect([check.code, check.remaining, counts(check)]).toEqual([Code.OK, 0, [0, 0, 0, 0]]);
  });

  it('leaves what is above the count after a refund', () => {
    expect(settled(9, 4, {}, true).remaining).toBe(6);
  });

  it('bans with a limit of 0, peeks included once counted', () => {
    expect(settled(0, 1, { requestsPerUnit: 0, nearThreshold: 0 }).code).toBe(Code.OVER_LIMIT);
    expect(settled(0, 0, { requestsPerUnit: 0, nearThreshold: 0 }).code).toBe(Code.OK);
  });

  it('gives an unlimited rule the largest remaining', () => {
    const check = settled(0, 0, { unlimited: true });
    expect([check.code, check.remaining]).toEqual([Code.OK, REMAINING_UNLIMITED]);
  });

  it.each([false, true])('counts what the over-limit cache knew, shadow %s', (shadowMode) => {
    const check = new Check();
    check.rule = testRule({ shadowMode });
    check.stats = check.rule.stats;
    check.hits = 3;
    check.isKnownOver = true;
    settleCheck(check);
    expect(check.code).toBe(shadowMode ? Code.OK : Code.OVER_LIMIT);
    expect(counts(check)).toEqual([0, 0, 3, shadowMode ? 3 : 0]);
    expect(check.stats.overLimitWithLocalCache).toBe(3);
  });

  it('leaves an unmatched descriptor OK', () => {
    const check = new Check();
    settleCheck(check);
    expect([check.code, check.remaining]).toEqual([Code.OK, 0]);
  });
});

describe('settleWhole', () => {
  /** Hits, and what the store read: of `10` an hour, near from 8. */
  type Row = readonly [hits: number, before: number, after: number, extra?: Partial<Check>];

  function settledWhole(rows: readonly Row[]): [Code, number, number[]][] {
    const all = rows.map(([hits, before, after, extra = {}]) => {
      const check = new Check();
      check.rule = testRule({ shadowMode: extra.isBinding === false });
      check.stats = check.rule.stats;
      return Object.assign(check, { hits, before, after }, extra);
    });
    settleWhole(all);
    return all.map((check) => [check.code, check.remaining, counts(check)]);
  }

  const shadow = { isBinding: false };
  it.each<[string, Row[], [Code, number, number[]][]]>([
    [
      'all pass: as alone',
      [
        [1, 0, 1],
        [2, 7, 9],
      ],
      [
        [Code.OK, 9, [1, 0, 0, 0]],
        [Code.OK, 1, [2, 1, 0, 0]],
      ],
    ],
    [
      'one is over: all its hits are, and the other counts nothing',
      [
        [3, 9, 12],
        [3, 9, 9],
      ],
      [
        [Code.OVER_LIMIT, 0, [0, 0, 3, 0]],
        [Code.OK, 1, [0, 0, 0, 0]],
      ],
    ],
    [
      'a counter that was named twice counts its own hits',
      [
        [1, 9, 9],
        [1, 9, 11],
      ],
      [
        [Code.OK, 1, [0, 0, 0, 0]],
        [Code.OVER_LIMIT, 0, [0, 0, 1, 0]],
      ],
    ],
    [
      'one in shadow mode is over: all are charged',
      [
        [1, 10, 11, shadow],
        [1, 0, 1],
      ],
      [
        [Code.OK, 0, [0, 0, 1, 1]],
        [Code.OK, 9, [1, 0, 0, 0]],
      ],
    ],
    [
      'one in shadow mode was over before, and another is: neither is charged',
      [
        [1, 12, 12, shadow],
        [1, 10, 11],
      ],
      [
        [Code.OK, 0, [0, 0, 0, 0]],
        [Code.OVER_LIMIT, 0, [0, 0, 1, 0]],
      ],
    ],
    [
      'the over-limit cache knew one',
      [
        [2, 0, 0, { isKnownOver: true }],
        [0, 4, 4],
      ],
      [
        [Code.OVER_LIMIT, 0, [0, 0, 2, 0]],
        [Code.OK, 6, [0, 0, 0, 0]],
      ],
    ],
    [
      'one was not served',
      [
        [1, 0, 99, { isUnserved: true }],
        [1, 0, 1],
      ],
      [
        [Code.OK, 0, [0, 0, 0, 0]],
        [Code.OK, 9, [1, 0, 0, 0]],
      ],
    ],
    [
      'a refund beside one that is over',
      [
        [2, 5, 3, { isRefund: true }],
        [1, 10, 11],
      ],
      [
        [Code.OK, 7, [0, 0, 0, 0]],
        [Code.OVER_LIMIT, 0, [0, 0, 1, 0]],
      ],
    ],
    [
      'one answered in place of the store, beside one that is over',
      [
        [1, 0, 0, { degraded: 'timeout' }],
        [1, 10, 11, { degraded: 'timeout' }],
      ],
      [
        [Code.OK, 10, [0, 0, 0, 0]],
        [Code.OVER_LIMIT, 0, [0, 0, 1, 0]],
      ],
    ],
  ])('%s', (_name, rows, want) => {
    expect(settledWhole(rows)).toEqual(want);
  });

  it('leaves unmatched and unlimited descriptors as they are', () => {
    const [free, none] = [new Check(), new Check()];
    free.rule = testRule({ unlimited: true });
    settleWhole([free, none]);
    expect([free.remaining, none.remaining]).toEqual([REMAINING_UNLIMITED, 0]);
  });
});

/** `hard!` is a hard rule that is over, `quota` a quota rule that is not, and so on. */
function checks(...words: string[]): Check[] {
  return words.map((word) => {
    const check = new Check();
    const kind = word.replace('!', '');
    if (kind !== 'none') {
      check.rule = testRule({ quotaMode: kind === 'quota', unlimited: kind === 'free' });
    }
    check.code = word.endsWith('!') ? Code.OVER_LIMIT : Code.OK;
    return check;
  });
}

describe('overallCode', () => {
  it.each([
    ['hard', false, Code.OK],
    ['hard!', false, Code.OVER_LIMIT],
    ['hard hard!', false, Code.OVER_LIMIT],
    ['quota! quota', false, Code.OK],
    ['quota! quota!', false, Code.OVER_LIMIT],
    ['quota!', false, Code.OVER_LIMIT],
    ['quota! hard', false, Code.OVER_LIMIT],
    ['quota hard!', false, Code.OVER_LIMIT],
    ['quota! free', false, Code.OVER_LIMIT],
    ['quota! none', false, Code.OVER_LIMIT],
    ['none', false, Code.OK],
    ['free', false, Code.OK],
    ['hard!', true, Code.OVER_LIMIT],
    ['hard! hard', true, Code.OK],
    ['hard! quota!', true, Code.OVER_LIMIT],
    ['hard! none', true, Code.OK],
    ['hard! free', true, Code.OVER_LIMIT],
    ['free', true, Code.OK],
  ] as const)('%s, quota for all %s', (words, isQuotaForAll, want) => {
    expect(overallCode(checks(...words.split(' ')), isQuotaForAll)).toBe(want);
  });
});

describe('limitHeaders', () => {
  const names = { limit: 'L', remaining: 'R', reset: 'T' };
  function withRemaining(words: string[], remaining: number[]): Check[] {
    const list = checks(...words);
    for (const [index, check] of list.entries()) check.remaining = remaining[index] as number;
    return list;
  }

  it('are none when no descriptor has a limit', () => {
    expect(limitHeaders(checks('none', 'free'), names, false)).toBeNull();
  });

  it('speak for the limit, what remains and whole seconds', () => {
    expect(limitHeaders([settled(3, 4)], names, false)).toEqual([
      { key: 'L', value: '10' },
      { key: 'R', value: '6' },
      { key: 'T', value: '2' },
    ]);
  });

  it.each([
    ['the least remaining', ['hard', 'hard'], [5, 3], false, 1],
    ['the first on ties', ['hard', 'hard'], [3, 3], false, 0],
    ['one that is over', ['hard', 'hard!'], [0, 0], false, 1],
    ['the last that is over', ['hard!', 'hard', 'hard!'], [0, 0, 0], false, 2],
    ['not a quota that is over', ['hard', 'quota!'], [0, 0], false, 0],
    ['no one over when all are quotas', ['hard', 'hard!'], [0, 0], true, 0],
  ] as const)('speak for %s', (_name, words, remaining, isQuotaForAll, want) => {
    const list = withRemaining([...words], [...remaining]);
    expect(speakingCheck(list, isQuotaForAll)).toBe(list[want]);
  });
});
