/** `quota: leased`: where it counts, what is refused, what is said of it, and how it comes to a charge. */
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SHARES_PER_SESSION_MAX } from '../../src/core/quota/bounds.ts';
import type { DescriptorConfig } from '../../src/core/rules/limits-file.ts';
import { Check } from '../../src/core/verdict/check.ts';
import { CheckedLimits } from '../../src/rules/check-limits.ts';
import { compileDomain } from '../../src/rules/compile-domain.ts';
import { parseLimits } from '../../src/rules/parse-limits.ts';
import { ParseWorker } from '../../src/rules/parse-worker.ts';
import { formatProblem } from '../../src/rules/problem.ts';
import { ruleLines } from '../../src/service/rule-lines.ts';
import { compileOptions, limitsDirectory, limitsOf } from './support.ts';

function problemsOf(text: string): string[] {
  return parseLimits('f', text).problems.map(formatProblem);
}

/** One descriptor `k=v` with these fields in its limit. */
function limited(fields: string): string {
  return `domain: d\ndescriptors:\n  - key: k\n    value: v\n    rate_limit:\n      ${fields}\n`;
}

const HOUR = 'unit: hour, requests_per_unit: 7';
const LEASED = `rate_limit: {${HOUR}, quota: leased}`;

/** What each descriptor of a valid file came to: `!` when it is leased. */
function leasedIn(descriptors: Iterable<DescriptorConfig>): string {
  return Array.from(descriptors, ({ key, limit }) => {
    expect(limit !== null && 'isLeased' in limit).toBe(limit?.isLeased === true);
    return `${key}${limit?.isLeased === true ? '!' : ''}`;
  }).join(' ');
}

describe('quota: leased', () => {
  test.each(['leased', 'LEASED', 'Leased', '"leased"', '!!str leased'])(
    'may be written %s',
    (word) => {
      const text = limited(`{${HOUR}, quota: ${word}}`);
      expect(problemsOf(text)).toEqual([]);
      expect(leasedIn(parseLimits('f', text).config?.descriptors ?? [])).toBe('k!');
    },
  );

  test.each(['second', 'minute', 'hour', 'day', 'week', 'month', 'year'])(
    'goes with %s',
    (unit) => {
      const text = limited(`{unit: ${unit}, requests_per_unit: 0, quota: leased}`);
      expect(problemsOf(text)).toEqual([]);
    },
  );

  test('holds for the limit that says it, not for those below', () => {
    const text = `domain: d
descriptors:
  - key: a
    value: v
    ${LEASED}
    descriptors:
      - {key: b, value: v, rate_limit: {${HOUR}}}
      - {key: c, value: v, ${LEASED}}
      - {key: e}
`;
    expect(problemsOf(text)).toEqual([]);
    expect(leasedIn(parseLimits('f', text).config?.descriptors ?? [])).toBe('a! b c! e');
  });

  test('comes with an anchor and a merge like other keys', () => {
    const text = `domain: d
descriptors:
  - {key: a, value: v, rate_limit: &limit {${HOUR}, quota: leased}}
  - {key: b, value: v, rate_limit: {<<: *limit, unit: day}}
`;
    expect(leasedIn(parseLimits('f', text).config?.descriptors ?? [])).toBe('a! b!');
  });

  test('comes through the loading thread, also where the file is read in pieces', async () => {
    const worker = new ParseWorker();
    onTestFinished(() => worker.close());
    const many = Array.from({ length: 3000 }, (_, index) => `k=${index}`);
    const text = `${limitsOf('d', ...many)}  - {key: last, value: v, ${LEASED}}\n`;
    const path = limitsDirectory({ a: text });
    const directory = { path, ignoreDotFiles: false };
    await worker.check({ directory, merge: false, known: new Map() });
    const received: DescriptorConfig[] = [];
    for await (const slice of worker.descriptors([join(path, 'a')])) received.push(...slice);
    expect(leasedIn(received.slice(-2))).toBe('k last!');
    expect(received).toStrictEqual(parseLimits('a', text).config?.descriptors);
  });
});

describe('a file without it', () => {
  test('comes to exactly the fields it came to before there was such a key', () => {
    const [descriptor] = parseLimits('f', limitsOf('d', 'k=v')).config?.descriptors ?? [];
    expect(descriptor?.limit).toStrictEqual({
      requestsPerUnit: 1,
      unit: descriptor?.limit?.unit,
      unlimited: false,
      name: '',
      replaces: [],
    });
  });
});

describe('a value that is none', () => {
  test.each([
    ['raft', "'raft'"],
    ['"leased "', "'leased '"],
    ['leases', "'leases'"],
    ['""', "''"],
    ['', 'null'],
    ['true', 'true'],
    ['1', '1'],
    ['[]', 'a list'],
    ['{key: leased}', 'a map'],
  ])('%j is one problem with its place, and the file is not used', (written, shown) => {
    const text = limited(`unit: hour\n      requests_per_unit: 1\n      quota: ${written}`);
    const { config, problems } = parseLimits('f', text);
    const errors = problems.filter(({ severity }) => severity === 'error');
    const message = `quota must be leased, not ${shown}`;
    expect(errors.map(formatProblem)).toEqual([
      `f:8:14 descriptors[0].rate_limit.quota ${message}`,
    ]);
    expect(errors[0]?.reference).toBe(message);
    expect(config).toBeNull();
  });

  test('is what only the key itself may be', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-zA-Z_ ]{0,9}$/), (word) => {
        const errors = problemsOf(limited(`{${HOUR}, quota: "${word}"}`));
        expect(errors.length).toBe(word.toLowerCase() === 'leased' ? 0 : 1);
      }),
    );
  });
});

describe('in the wrong place', () => {
  test('with unlimited it is an error', () => {
    expect(problemsOf(limited('{unlimited: true, quota: leased}'))).toEqual([
      'f:6:32 descriptors[0].rate_limit.quota should not specify quota when unlimited',
    ]);
    expect(problemsOf(limited('{unlimited: false, quota: leased, unit: day}'))).toEqual([
      'f:6:7 descriptors[0].rate_limit.requests_per_unit warning: requests_per_unit is missing: 0, so every request is over the limit',
    ]);
  });

  test('outside of a limit it is a warning and does nothing', () => {
    const text = `domain: d
quota: leased
descriptors:
  - key: k
    quota: leased
    rate_limit: {${HOUR}}
`;
    const nothing = "quota warning: 'quota' does nothing here: it belongs to rate_limit";
    expect(problemsOf(text)).toEqual([`f:2:1 ${nothing}`, `f:5:5 descriptors[0].${nothing}`]);
    expect(leasedIn(parseLimits('f', text).config?.descriptors ?? [])).toBe('k');
  });
});

describe('a leased limit with a counter for each value', () => {
  const many = (what: string): string =>
    `'${what}' has a counter for each value, and a replica leases ${SHARES_PER_SESSION_MAX} at most`;

  test.each<[string, string | null]>([
    [`{key: k, value: v, ${LEASED}}`, null],
    [`{key: k, ${LEASED}}`, 'k'],
    [`{key: k, value: '', ${LEASED}}`, 'k'],
    [`{key: k, value: 'v*', ${LEASED}}`, 'k_v*'],
    [`{key: k, value: 'v*', share_threshold: true, ${LEASED}}`, null],
    [`{key: 'k*', value: v, ${LEASED}}`, 'k*_v'],
    [`{key: 'k*', share_threshold: true, ${LEASED}}`, null],
    [`{key: a, descriptors: [{key: k, value: v, ${LEASED}}]}`, 'a'],
    [`{key: a, value: b, descriptors: [{key: k, value: v, ${LEASED}}]}`, null],
    [`{key: a, value: 'b*', descriptors: [{key: k, ${LEASED}}]}`, 'k'],
    [`{key: a, descriptors: [{key: b}, {key: c, value: v, rate_limit: {${HOUR}}}]}`, null],
  ])('%s: %j', (descriptor, what) => {
    const text = `domain: d\ndescriptors:\n  - ${descriptor}\n`;
    const column = descriptor.indexOf('leased') + 5;
    const path = `descriptors[0].${descriptor.includes('a,') ? 'descriptors[0].' : ''}rate_limit.quota`;
    const said = what === null ? [] : [`f:3:${column} ${path} warning: ${many(what)}`];
    expect(problemsOf(text)).toEqual(said);
    expect(parseLimits('f', text).config).not.toBeNull();
  });

  test('is said of each, beside what else is wrong', () => {
    const text = `domain: d
descriptors:
  - {key: k, rate_limit: {unit: fortnight, requests_per_unit: 1, quota: leased}}
  - {key: j, rate_limit: {unit: day, requests_per_unit: 1, quota: raft}}
  - {key: i, ${LEASED}}
`;
    const { outcomes } = new CheckedLimits([{ file: 'f', text }], false);
    const problems = outcomes.flatMap((outcome) => outcome.problems.map(formatProblem));
    expect(problems.map((line) => line.slice(0, 30))).toEqual([
      'f:4:67 descriptors[1].rate_lim',
      'f:3:33 descriptors[0].rate_lim',
      'f:3:73 descriptors[0].rate_lim',
      'f:5:68 descriptors[2].rate_lim',
    ]);
  });
});

describe('a compiled rule', () => {
  const TEXT = `domain: d
charge: all_or_nothing
descriptors:
  - {key: k, value: v, shadow_mode: true, ${LEASED}}
  - {key: j, rate_limit: {${HOUR}}}
`;
  async function* sliced(): AsyncGenerator<readonly DescriptorConfig[]> {
    const { config } = parseLimits('f', TEXT);
    yield (config?.descriptors ?? []).map((each) => ({ ...each, chargesWhole: true }) as const);
  }

  test('says of each charge whether it is leased', async () => {
    const rules = await compileDomain('d', sliced(), compileOptions);
    const isLeased = (key: string, limit: { requestsPerUnit: number; unit: number } | null) => {
      const check = new Check();
      const entries = [{ key, value: 'v' }];
      rules.match({ entries, limit, hitsAddend: 1, isNegativeHits: false }, check);
      expect(check.rule?.isLeased).toBe(check.isLeased);
      return check.isLeased;
    };
    expect(isLeased('k', null)).toBe(true);
    expect(isLeased('j', null)).toBe(false);
    // A limit that the request brings is nobody's to lease.
    expect(isLeased('k', { requestsPerUnit: 7, unit: 3 })).toBe(false);
  });

  test('is shown in /rlconfig', async () => {
    const rules = await compileDomain('d', sliced(), compileOptions);
    const set = { version: 1, domains: new Map([['d', rules]]), brokenDomains: new Set<string>() };
    expect([...ruleLines(set)]).toEqual([
      'd.k_v: unit=HOUR requests_per_unit=7, shadow_mode: true, quota_mode: false, quota: leased, charge: all_or_nothing',
      'd.j: unit=HOUR requests_per_unit=7, shadow_mode: false, quota_mode: false, charge: all_or_nothing',
    ]);
  });
});
