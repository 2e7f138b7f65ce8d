import { describe, expect, test } from 'vitest';
import type { DescriptorConfig } from '../../src/core/rules/limits-file.ts';
import { Unit } from '../../src/core/rules/unit.ts';
import { ALIASED_NODES_MAX, NESTING_MAX } from '../../src/rules/bounds.ts';
import { parseLimits } from '../../src/rules/parse-limits.ts';
import { formatProblem, PROBLEMS_MAX } from '../../src/rules/problem.ts';

/** Every problem of a text, as printed, without the file's name. */
function problemsOf(text: string): string[] {
  return parseLimits('f', text).problems.map((problem) => formatProblem(problem).slice(2));
}

function descriptorsOf(text: string): readonly DescriptorConfig[] {
  const { config, problems } = parseLimits('f', text);
  expect(problems.map(formatProblem)).toEqual([]);
  return config?.descriptors ?? [];
}

/** The only descriptor of a file that holds `fields`. */
function descriptorOf(fields: string): DescriptorConfig {
  const [descriptor] = descriptorsOf(`domain: d\ndescriptors:\n  - {${fields}}\n`);
  return descriptor as DescriptorConfig;
}

const LIMIT = 'rate_limit: {unit: hour, requests_per_unit: 1}';
describe('what a file says', () => {
  test('is the pre-order list of its descriptors, with depths', () => {
    const text = `domain: d
descriptors:
  - key: a
    descriptors:
      - key: b
        value: c
        ${LIMIT}
      - key: e
  - key: f
`;
    const list = descriptorsOf(text).map(({ depth, key, value, limit }) => ({
      depth,
      key,
      value,
      isLimited: limit !== null,
    }));
    expect(list).toEqual([
      { depth: 0, key: 'a', value: '', isLimited: false },
      { depth: 1, key: 'b', value: 'c', isLimited: true },
      { depth: 1, key: 'e', value: '', isLimited: false },
      { depth: 0, key: 'f', value: '', isLimited: false },
    ]);
    expect(parseLimits('f', text).domain).toBe('d');
  });

  test('holds every field of a descriptor', () => {
    const fields =
      'key: k, value: v*, shadow_mode: on, quota_mode: yes, detailed_metric: true, ' +
      'value_to_metric: y, share_threshold: True, ' +
      'rate_limit: {unit: Week, requests_per_unit: 4294967295, name: n, replaces: [{name: m}]}';
    expect(descriptorOf(fields)).toEqual({
      depth: 0,
      key: 'k',
      value: 'v*',
      limit: {
        requestsPerUnit: 4_294_967_295,
        unit: Unit.WEEK,
        unlimited: false,
        name: 'n',
        replaces: ['m'],
      },
      shadowMode: true,
      quotaMode: true,
      detailedMetric: true,
      valueToMetric: true,
      shareThreshold: true,
      metadata: null,
    });
  });

  test('an unlimited rule has no unit', () => {
    expect(descriptorOf('key: k, rate_limit: {unlimited: true}').limit).toMatchObject({
      unlimited: true,
      unit: Unit.UNKNOWN,
      requestsPerUnit: 0,
    });
  });

  test.each([
    ['value: 010', '010'],
    ['value: 1_000', '1_000'],
    ['value: on', 'on'],
    ['value: "1.5"', '1.5'],
    ['value: 2026-01-02', '2026-01-02'],
    ['value: ~', ''],
    ['value:', ''],
    ['value: "~"', '~'],
    ['value: !!str 5', '5'],
  ])('text is taken as it is written: %s', (field, value) => {
    expect(descriptorOf(`key: k, ${field}`).value).toBe(value);
  });

  test.each([
    ['0', 0],
    ['4294967295', 4_294_967_295],
    ['010', 8],
    ['0x10', 16],
    ['1_000', 1000],
    ['+5', 5],
  ])('numbers follow YAML 1.1: %s', (text, requests) => {
    const fields = `key: k, rate_limit: {unit: hour, requests_per_unit: ${text}}`;
    expect(descriptorOf(fields).limit?.requestsPerUnit).toBe(requests);
  });

  test.each(['descriptors:', 'descriptors: []', 'descriptors: ~', ''])(
    'a domain may have no descriptors: %s',
    (line) => {
      expect(descriptorsOf(`domain: d\n${line}\n`)).toEqual([]);
    },
  );

  test('null flags and limits are as if they were left out', () => {
    expect(descriptorOf('key: k, shadow_mode: ~, rate_limit: ~, metadata: ~')).toMatchObject({
      shadowMode: false,
      limit: null,
      metadata: null,
    });
  });

  test('metadata is kept as JSON, and not checked', () => {
    const metadata =
      'metadata: {free: [1, {x: z}], 7: 1.5, on: on, big: 18446744073709551615, none: , __proto__: {a: b}}';
    const read = descriptorOf(`key: k, ${metadata}`).metadata;
    expect(JSON.stringify(read)).toBe(
      '{"7":1.5,"free":[1,{"x":"z"}],"on":true,"big":18446744073709552000,"none":null,"__proto__":{"a":"b"}}',
    );
  });

  test('only the first document of a stream is read', () => {
    expect(parseLimits('f', 'domain: a\n---\ndomain: [b\n').config?.domain).toBe('a');
  });

  test('a byte order mark and CRLF line ends change nothing', () => {
    expect(parseLimits('f', '\ufeffdomain: a\r\ndescriptors: []\r\n').config?.domain).toBe('a');
  });
});

describe('the domain of a text that is no YAML', () => {
  test.each([
    ['domain: shop', 'shop'],
    ['domain:shop', 'shop'],
    ['domain:\tshop # ours', 'shop'],
    ["domain: 'my shop'", 'my shop'],
    ['domain: "my shop"', 'my shop'],
    ['domain: shop\r', 'shop'],
    ['# limits\n---\ndomain: shop', 'shop'],
    ['descriptors: {\ndomain: shop', 'shop'],
    ['  domain: shop', null],
    ['subdomain: shop', null],
    ['domain:', null],
    ['domain:\n  shop', null],
    ["domain: ''", null],
    ['domain: # shop', null],
    ['', null],
  ])('%j: %j', (start, domain) => {
    const parsed = parseLimits('f', `- [\n${start}\n`);
    expect(parsed.config).toBeNull();
    expect(parsed.problems.length).toBeGreaterThan(0);
    expect(parsed.domain).toBe(domain);
  });
});

describe('aliases and merge keys', () => {
  test('an alias stands for the last anchor of its name before it', () => {
    const text = `domain: d
descriptors:
  - {key: a, rate_limit: &r {unit: hour, requests_per_unit: 1}}
  - {key: b, rate_limit: *r}
  - {key: c, rate_limit: &r {unit: day, requests_per_unit: 2}}
  - {key: e, rate_limit: *r}
`;
    const limits = descriptorsOf(text).map(({ limit }) => limit?.requestsPerUnit);
    expect(limits).toEqual([1, 1, 2, 2]);
  });

  test('<< fills in what follows it, and a rate_limit field by field', () => {
    const text = `domain: d
descriptors:
  - &base
    key: a
    shadow_mode: true
    rate_limit: {unit: hour, requests_per_unit: 1}
  - <<: *base
    key: b
    rate_limit: {requests_per_unit: 7}
  - <<: [{key: c, value: v}, *base]
`;
    const [, second, third] = descriptorsOf(text);
    expect(second).toMatchObject({
      key: 'b',
      shadowMode: true,
      limit: { unit: Unit.HOUR, requestsPerUnit: 7 },
    });
    expect(third).toMatchObject({ key: 'c', value: 'v', shadowMode: true });
  });

  test('<< after a key overrides it, which is warned of', () => {
    const text = 'domain: d\ndescriptors:\n  - key: a\n    <<: {key: b}\n';
    expect(problemsOf(text)).toEqual([
      "3:5 descriptors[0].key warning: '<<' overrides the 'key' given before it: put '<<' first",
    ]);
    expect(parseLimits('f', text).config?.descriptors[0]?.key).toBe('b');
  });

  test('a problem inside an alias is shown where it is written', () => {
    const text = `domain: d
descriptors:
  - {key: a, rate_limit: &r {unit: hour, requests_per_unit: 1}}
  - {key: b, rate_limit: {<<: *r, unit: foo}}
  - <<: {key: c, rate_limit: {unit: bar, requests_per_unit: 1}}
  - {key: e, rate_limit: {<<: [{unit: baz}, *r]}}
`;
    expect(problemsOf(text).map((line) => line.replace(/: must.*/, ''))).toEqual([
      "4:41 descriptors[1].rate_limit.unit invalid rate limit unit 'foo'",
      "5:37 descriptors[2].rate_limit.unit invalid rate limit unit 'bar'",
      "6:39 descriptors[3].rate_limit.unit invalid rate limit unit 'baz'",
    ]);
  });

  test.each([
    ['key: *nope', "error loading config file: yaml: unknown anchor 'nope' referenced"],
    [
      'metadata: &m {a: *m}, key: k',
      "error loading config file: yaml: anchor 'm' value contains itself",
    ],
    [
      'key: k, <<: 5',
      'error loading config file: yaml: map merge requires map or sequence of maps as the value',
    ],
  ])('%s', (fields, message) => {
    const problems = problemsOf(`domain: d\ndescriptors:\n  - {${fields}}\n`);
    expect(problems[0]).toContain(message);
  });

  test('a merge of itself ends', () => {
    const problems = problemsOf('domain: d\ndescriptors:\n  - &a\n    key: k\n    <<: *a\n');
    expect(problems[0]).toContain("anchor 'a' value contains itself");
  });
});

describe('bounds', () => {
  test('aliases of aliases are cut off', () => {
    const lines = ['x0: &x0 {a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7, h: 8, i: 9}'];
    for (let i = 1; i < 9; i++) lines.push(`x${i}: &x${i} [${`*x${i - 1},`.repeat(9)}]`);
    const text = `domain: d\ndescriptors:\n  - key: k\n    metadata:\n${lines
      .map((line) => `      ${line}\n`)
      .join('')}`;
    const problems = problemsOf(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(
      `document contains excessive aliasing: aliases stand for more than ${ALIASED_NODES_MAX} nodes`,
    );
  });

  const nested = (levels: number): string =>
    `domain: d\ndescriptors:\n  - {key: k, metadata: ${'{a: '.repeat(levels)}1${'}'.repeat(levels)}}\n`;
  /** The root, the list and the descriptor are three levels themselves. */
  const FREE_LEVELS = NESTING_MAX - 2;

  test('nesting at the bound is read, one level more is not', () => {
    expect(problemsOf(nested(FREE_LEVELS))).toEqual([]);
    const problems = problemsOf(nested(FREE_LEVELS + 1));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`nested deeper than ${NESTING_MAX} levels`);
  });

  test('64 levels of descriptors are read', () => {
    const text = `domain: d\n${'descriptors: [{key: k, '.repeat(64)}${LIMIT}${'}]'.repeat(64)}\n`;

    expect(descriptorsOf(text)).toHaveLength(64);
  });

  test.each(['[', '{', '- ', '? ', '[{'])('a text of nothing but %s is a problem', (piece) => {
    expect(problemsOf(piece.repeat(20_000)).length).toBeGreaterThan(0);
  });

  test('problems are counted out', () => {
    const text = `domain: d\ndescriptors:\n${'  - {}\n'.repeat(PROBLEMS_MAX + 5)}`;
    expect(problemsOf(text)).toHaveLength(PROBLEMS_MAX);
    expect(parseLimits('f', text).config).toBeNull();
  });
});
