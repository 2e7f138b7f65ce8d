/** `on_store_failure` and `critical`: who inherits them from whom, what is refused, and where they arrive. */
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RuleStats } from '../../src/core/counting/rule-stats.ts';
import { DomainCompiler } from '../../src/core/rules/domain-rules.ts';
import { exactKeyFormat } from '../../src/core/rules/key-format.ts';
import type { DescriptorConfig } from '../../src/core/rules/limits-file.ts';
import { Check } from '../../src/core/verdict/check.ts';
import { FAILURE_MODES, type FailureMode } from '../../src/core/verdict/failure-mode.ts';
import { CheckedLimits } from '../../src/rules/check-limits.ts';
import { parseLimits } from '../../src/rules/parse-limits.ts';
import { ParseWorker } from '../../src/rules/parse-worker.ts';
import { formatProblem } from '../../src/rules/problem.ts';
import { limitsDirectory } from './support.ts';

/** A file with these lines at its top and a chain of descriptors `a`, `b`, `c`, each below the one before. */
function chainOf(root: string, ...fields: readonly string[]): string {
  let text = `domain: d\n${root === '' ? '' : `${root}\n`}descriptors:\n`;
  for (const [depth, own] of fields.entries()) {
    const indent = '  '.repeat(2 * depth + 1);
    const key = 'abc'[depth];
    const said = own === '' ? '' : `, ${own}`;
    const below = depth + 1 < fields.length ? `, descriptors: [\n` : '';
    text += `${depth === 0 ? `${indent}- ` : indent}{key: ${key}${said}, ${LIMIT}${below}`;
  }
  return `${text}${'}]'.repeat(fields.length - 1)}}\n`;
}
const LIMIT = 'rate_limit: {unit: hour, requests_per_unit: 1}';

/** What each descriptor of a valid file came to: `mode`, with `!` when critical, `?` when told not to be. */
function saidIn(descriptors: Iterable<DescriptorConfig>): string {
  const words = Array.from(descriptors, (descriptor) => {
    const { failureMode, isCritical } = descriptor;
    expect('failureMode' in descriptor).toBe(failureMode !== undefined);
    expect('isCritical' in descriptor).toBe(isCritical !== undefined);
    return `${failureMode ?? '-'}${isCritical === undefined ? '' : isCritical ? '!' : '?'}`;
  });
  return words.join(' ');
}

function parsed(text: string): readonly DescriptorConfig[] {
  const { config, problems } = parseLimits('f', text);
  expect(problems.map(formatProblem)).toEqual([]);
  return config?.descriptors ?? [];
}

const INHERITED: readonly (readonly [string, readonly string[], string])[] = [
  ['', ['', '', ''], '- - -'],
  ['on_store_failure: open', ['', '', ''], 'open open open'],
  ['', ['on_store_failure: closed', '', ''], 'closed closed closed'],
  ['', ['', 'on_store_failure: error', ''], '- error error'],
  ['', ['', '', 'on_store_failure: local'], '- - local'],
  ['on_store_failure: open', ['', 'on_store_failure: closed', ''], 'open closed closed'],
  [
    'on_store_failure: open',
    ['on_store_failure: closed', 'on_store_failure: error', 'on_store_failure: local'],
    'closed error local',
  ],
  ['critical: true', ['', '', ''], '-! -! -!'],
  ['critical: true', ['', 'critical: false', ''], '-! -? -?'],
  ['critical: false', ['', 'critical: true', 'critical: false'], '-? -! -?'],
  ['', ['critical: true', '', 'critical: false'], '-! -! -?'],
  ['', ['critical: ~', 'critical: yes', ''], '- -! -!'],
  [
    'on_store_failure: open',
    ['critical: true', 'on_store_failure: closed', 'critical: off'],
    'open! closed! closed?',
  ],
  ['critical: true', ['on_store_failure: error', '', ''], 'error! error! error!'],
];

describe('on_store_failure and critical', () => {
  test.each(INHERITED)('top %j, descriptors %j: %s', (root, fields, said) => {
    expect(saidIn(parsed(chainOf(root, ...fields)))).toBe(said);
  });

  test.each(INHERITED)('at the end of the file: %j, descriptors %j', (root, fields, said) => {
    expect(saidIn(parsed(`${chainOf('', ...fields)}${root}\n`))).toBe(said);
  });

  test.each(
    FAILURE_MODES.flatMap((mode) => [
      [mode, mode],
      [mode.toUpperCase(), mode],
      [`"${mode[0]?.toUpperCase()}${mode.slice(1)}"`, mode],
      [`!!str ${mode}`, mode],
    ]),
  )('%s is the mode %s', (written, mode) => {
    expect(saidIn(parsed(chainOf(`on_store_failure: ${written}`, '')))).toBe(mode);
    expect(saidIn(parsed(chainOf('', `on_store_failure: ${written}`)))).toBe(mode);
  });

  test('a sibling inherits nothing', () => {
    const text = `domain: d
descriptors:
  - {key: a, on_store_failure: open, critical: true, descriptors: [{key: b}]}
  - {key: c, descriptors: [{key: b, on_store_failure: closed}, {key: e}]}
`;
    expect(saidIn(parsed(text))).toBe('open! open! - closed -');
  });

  test('come with an anchor and a merge like other keys', () => {
    const text = `domain: d
descriptors:
  - &safe {key: a, on_store_failure: closed, critical: true}
  - {<<: *safe, key: b}
  - {<<: *safe, key: c, on_store_failure: open}
`;
    expect(saidIn(parsed(text))).toBe('closed! closed! open!');
  });

  test('which descriptors say it themselves is kept', () => {
    const text = chainOf('on_store_failure: open', '', 'on_store_failure: open', 'critical: true');
    expect(parseLimits('f', text).ownModes).toEqual([1]);
    expect(parseLimits('f', chainOf('', '')).ownModes).toEqual([]);
  });
});

describe('a file without them', () => {
  test('comes to exactly the fields it came to before there were any', () => {
    expect(parsed('domain: d\ndescriptors: [{key: k, descriptors: [{key: j}]}]\n')).toStrictEqual(
      ['k', 'j'].map((key, depth) => ({
        depth,
        key,
        value: '',
        limit: null,
        shadowMode: false,
        quotaMode: false,
        detailedMetric: false,
        valueToMetric: false,
        shareThreshold: false,
        metadata: null,
      })),
    );
  });
});

const CHOICES = 'on_store_failure must be local, open, closed or error';

describe('a value that is none', () => {
  test.each([
    ['on_store_failure: opne', `on_store_failure ${CHOICES}, not 'opne'`],
    ['on_store_failure: "open "', `on_store_failure ${CHOICES}, not 'open '`],
    ['on_store_failure: ""', `on_store_failure ${CHOICES}, not ''`],
    ['on_store_failure:', `on_store_failure ${CHOICES}, not null`],
    ['on_store_failure: off', `on_store_failure ${CHOICES}, not false`],
    ['on_store_failure: 5', `on_store_failure ${CHOICES}, not 5`],
    ['on_store_failure: 1.5', `on_store_failure error checking config: ${CHOICES}, not 1.5`],
    ['on_store_failure: []', `on_store_failure ${CHOICES}, not a list`],
    ['on_store_failure: {key: open}', `on_store_failure ${CHOICES}, not a map`],
    ['critical: very', "critical critical must be true or false, not 'very'"],
    ['critical: 1', 'critical critical must be true or false, not 1'],
    ['critical: "true"', "critical critical must be true or false, not 'true'"],
  ])('%s is one problem with its place', (line, problem) => {
    const column = line.indexOf(':') + (line.includes(' ') ? 3 : 2);
    const errors = (text: string): string[] =>
      parseLimits('f', text)
        .problems.filter(({ severity }) => severity === 'error')
        .map(formatProblem);
    expect(errors(`domain: d\n${line}\n`)).toEqual([`f:2:${column} ${problem}`]);
    expect(errors(`domain: d\ndescriptors:\n  - key: k\n    ${line}\n`)).toEqual([
      `f:4:${column + 4} descriptors[0].${problem}`,
    ]);
  });

  test('is what the check with the flags of the reference prints', () => {
    const [problem] = parseLimits('f', 'domain: d\non_store_failure: x\n').problems;
    expect(problem?.reference).toBe(`${CHOICES}, not 'x'`);
  });

  test('keeps the file from being used', () => {
    expect(parseLimits('f', chainOf('on_store_failure: x', '')).config).toBeNull();
    expect(parseLimits('f', chainOf('', 'on_store_failure: x')).config).toBeNull();
  });
});

describe('in the wrong place', () => {
  test.each(['on_store_failure: open', 'critical: true'])(
    '%s is a warning and does nothing',
    (line) => {
      const [key] = line.split(':') as [string];
      const text = `domain: d
descriptors:
  - key: k
    rate_limit:
      unit: hour
      requests_per_unit: 1
      ${line}
      replaces:
        - name: n
          ${line}
`;
      const { problems, config } = parseLimits('f', text);
      const nothing = `'${key}' does nothing here: it belongs to the top of the file or a descriptor`;
      expect(problems.map(formatProblem)).toEqual([
        `f:7:7 descriptors[0].rate_limit.${key} warning: ${nothing}`,
        `f:10:11 descriptors[0].rate_limit.replaces[0].${key} warning: ${nothing}`,
      ]);
      expect(saidIn(config?.descriptors ?? [])).toBe('-');
    },
  );
});

/** Two files of one domain: what the top of one says is not said in the other. */
const MERGED = {
  a: 'domain: d\non_store_failure: open\ncritical: true\ndescriptors: [{key: a}, {key: b, on_store_failure: error}]\n',
  b: 'domain: d\ndescriptors: [{key: c}, {key: e, critical: false}]\n',
  c: 'domain: d\ndescriptors: [{key: f}]\non_store_failure: closed\n',
};
const MERGED_SAID = 'open! error! - -? closed';

describe('files of one domain that are merged', () => {
  test('each speak for their own descriptors', () => {
    const texts = Object.entries(MERGED).map(([file, text]) => ({ file, text }));
    const checked = new CheckedLimits(texts, true);
    expect(checked.outcomes.flatMap(({ problems }) => problems)).toEqual([]);
    const all = texts.flatMap(({ file }) => checked.parsed(file).config?.descriptors ?? []);
    expect(saidIn(all)).toBe(MERGED_SAID);
  });

  test('come through the loading thread as they are', async () => {
    const worker = new ParseWorker();
    onTestFinished(() => worker.close());
    const path = limitsDirectory(MERGED);
    const directory = { path, ignoreDotFiles: false };
    await worker.check({ directory, merge: true, known: new Map() });
    const files = ['a', 'b', 'c'].map((file) => join(path, file));
    const received: DescriptorConfig[] = [];
    for await (const slice of worker.descriptors(files)) received.push(...slice);
    expect(saidIn(received)).toBe(MERGED_SAID);
    const texts = Object.values(MERGED);
    expect(received).toStrictEqual(texts.flatMap((text) => parsed(text)));
  });
});

describe('a compiled rule', () => {
  test.each<[string, FailureMode, boolean]>([
    [chainOf('', ''), 'local', false],
    [chainOf('on_store_failure: open', ''), 'open', false],
    [chainOf('on_store_failure: open', 'on_store_failure: error, critical: true'), 'error', true],
    [chainOf('critical: true', 'critical: false'), 'local', false],
  ])('of %j answers %s', (text, failureMode, isCritical) => {
    const compiler = new DomainCompiler('d', {
      keyFormat: exactKeyFormat(''),
      nearLimitRatio: 0.8,
      failureMode: 'local',
      bindStats: () => new RuleStats(),
      bindCallerStats: () => new RuleStats(),
    });
    for (const descriptor of parsed(text)) compiler.add(descriptor);
    const check = new Check();
    const entries = [{ key: 'a', value: 'v' }];
    const descriptor = { entries, limit: null, hitsAddend: 1, isNegativeHits: false };
    compiler.finish().match(descriptor, check);
    expect(check).toMatchObject({ failureMode, isCritical });
  });
});
