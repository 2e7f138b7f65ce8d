import { describe, expect, test } from 'vitest';
import { parseLimits } from '../../src/rules/parse-limits.ts';
import { formatProblem } from '../../src/rules/problem.ts';

/** Every problem of a text, as printed, without the file's name. */
function problemsOf(text: string): string[] {
  return parseLimits('f', text).problems.map((problem) => formatProblem(problem).slice(2));
}

const inLimit = (fields: string): string => `domain: d
descriptors:
  - key: k
    rate_limit:
${fields.replaceAll(/^/gm, '      ')}
`;

describe('problems', () => {
  test('are all found at once, each with its place, the value and the bound', () => {
    const text = `domain: d
descriptors:
  - key: a
    rate_limit:
      unit: fortnight
      requests_per_unit: -1
  - key: a
    ratelimit: {}
    shadow_mode: maybe
  - value: v
    rate_limit: {unit: hour, requests_per_unit: 1, name: n, replaces: [{name: n}, {name: ''}]}
`;
    expect(problemsOf(text)).toEqual([
      "8:5 descriptors[1].ratelimit config error, unknown key 'ratelimit'",
      '6:26 descriptors[0].rate_limit.requests_per_unit requests_per_unit must be a whole number from 0 to 4294967295, not -1',
      "9:18 descriptors[1].shadow_mode shadow_mode must be true or false, not 'maybe'",
      "5:13 descriptors[0].rate_limit.unit invalid rate limit unit 'fortnight': must be second, minute, hour, day, week, month or year",
      "7:5 descriptors[1] duplicate descriptor composite key 'd.a'",
      '10:5 descriptors[2].key descriptor has empty key',
      '11:79 descriptors[2].rate_limit.replaces[0].name replaces should not contain name of same descriptor',
      '11:90 descriptors[2].rate_limit.replaces[1].name should not have an empty replaces entry',
    ]);
  });

  test.each([
    ['requests_per_unit: 4294967296', 'whole number from 0 to 4294967295, not 4294967296'],
    ['requests_per_unit: "5"', "whole number from 0 to 4294967295, not '5'"],
    ['requests_per_unit: true', 'whole number from 0 to 4294967295, not true'],
    ['requests_per_unit: 1.5', 'error checking config: requests_per_unit must be a whole number'],
    ['requests_per_unit: 1e3', 'error checking config: requests_per_unit must be a whole number'],
    ['requests_per_unit: 18446744073709551615', 'error checking config'],
    ['unlimited: 1', 'unlimited must be true or false, not 1'],
    ['unlimited: "true"', "unlimited must be true or false, not 'true'"],
    ['unlimited: 0.5', 'error checking config: unlimited must be true or false, not 0.5'],
    ['name: 1.5', 'error checking config: name reads as the number 1.5, put it in quotes'],
    ['name: {key: x}', 'name must be text, not a map'],
    ['replaces: {name: x}', 'replaces must be a list, not a map'],
    ['replaces: x', "replaces must be a list, not 'x'"],
    ['replaces: [x]', 'yaml file contains list of type other than map: x'],
    ['replaces: [[x]]', 'yaml file contains list of type other than map: a list'],
    ['replaces: [~]', 'yaml file contains list of type other than map: <nil>'],
    ['name: [{key: x}]', 'name must be text, not a list'],
    ['name: !!int x', "cannot decode 'x' as a !!int"],
    ['? {a: b}\n: c', 'invalid map key: a key must be text, not a map or a list'],
    ['.inf: x', 'key is not of type string: +Inf'],
    ['yes: x', 'key is not of type string: true'],
    ['~: x', 'key is not of type string: <nil>'],
    [`unit: ${'x'.repeat(99)}`, 'invalid rate limit unit'],
  ])('%s', (fields, message) => {
    const errors = problemsOf(inLimit(fields)).filter((line) => !line.includes('warning'));
    expect(errors[0]).toContain(message);
  });

  test('one mistake is told once', () => {
    expect(problemsOf(inLimit('unit: hour\nrequests_per_unit: 1.5'))).toHaveLength(1);
    expect(problemsOf('domain: 1.5\n')).toHaveLength(1);
    expect(problemsOf('domain: d\ndescriptors: [[a]]\n')).toHaveLength(1);
    expect(problemsOf('domain: {key: d}\n').filter((line) => !line.includes('warning'))).toEqual([
      '1:9 domain domain must be text, not a map',
    ]);
  });

  test('long values are cut', () => {
    const [line] = problemsOf(inLimit(`unit: hour\nrequests_per_unit: ${'x'.repeat(500)}`));
    expect(line?.length).toBeLessThan(200);
  });

  test.each([
    ['- a\n- b\n', '1:1 a limits file must be a map with a domain, not a list'],
    ['just text\n', '1:1 a limits file must be a map with a domain, not text'],
    ['', '1:1 domain config file cannot have empty domain'],
    ['# only a comment\n', '1:1 domain config file cannot have empty domain'],
    ['~\n', '1:1 domain config file cannot have empty domain'],
    ['domain:\n', '1:8 domain config file cannot have empty domain'],
  ])('a file that is no limits file: %j', (text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });

  test.each([
    ["domain: 'a\n", '2:1 error loading config file: yaml: found unexpected end of stream'],
    [
      'domain: a\ndescriptors:\n\t- key: k\n',
      '3:1 error loading config file: yaml: found character that cannot start any token',
    ],
    [
      'domain: a\ndescriptors: b: c\n',
      '2:14 error loading config file: yaml: mapping values are not allowed in this context',
    ],
    [
      'domain: a\nx: \u0001\ny: z\n',
      '2:4 error loading config file: yaml: control characters are not allowed',
    ],
    [
      'domain: a\n\u0000',
      '2:1 error loading config file: yaml: control characters are not allowed',
    ],
  ])('text that is not YAML: %j', (text, problem) => {
    expect(problemsOf(text)[0]).toMatch(problem);
    expect(problemsOf(text)[0]).toBe(problem);
  });

  test.each([
    ['domain: d\ndescriptors:\n  - {key: k\n', 'd'],
    ['domain: d\ndomain: e\ndescriptors: {{\n', 'e'],
    ['domain:\ndescriptors: {{\n', null],
    ['- [', null],
    ['domain: d\nfoo: 1\n', 'd'],
  ])('the domain of a broken file is told when it can be read: %j', (text, domain) => {
    const parsed = parseLimits('f', text);
    expect(parsed.domain).toBe(domain);
    expect(parsed.config).toBeNull();
  });
});

describe('warnings', () => {
  test.each([
    [
      inLimit('unit: hour\nrequests_per_unit: 1\nshadow_mode: true'),
      "7:7 descriptors[0].rate_limit.shadow_mode warning: 'shadow_mode' does nothing here: it belongs to a descriptor",
    ],
    [
      inLimit('unit: hour'),
      '5:7 descriptors[0].rate_limit.requests_per_unit warning: requests_per_unit is missing: 0, so every request is over the limit',
    ],
    [
      inLimit('unit: foo\nunlimited: true'),
      "5:13 descriptors[0].rate_limit.unit warning: unit 'foo' is not used when unlimited",
    ],
    [
      'domain: a\ndomain: b\n',
      "2:1 domain warning: key 'domain' is given more than once: the last one counts",
    ],
    [
      'domain: a\nname: b\n',
      "2:1 name warning: 'name' does nothing here: it belongs to rate_limit or an entry of replaces",
    ],
  ])('%j', (text, warning) => {
    expect(problemsOf(text)).toEqual([warning]);
    expect(parseLimits('f', text).config).not.toBeNull();
  });
});

describe('metadata that JSON cannot hold', () => {
  test.each([
    [
      'a: .nan',
      '3:28 descriptors[0].metadata error parsing metadata: .nan is not a number that JSON can hold',
    ],
    [
      'a: [-.inf]',
      '3:29 descriptors[0].metadata error parsing metadata: -.inf is not a number that JSON can hold',
    ],
    ['[a] : b', '3:25 descriptors[0].metadata error parsing metadata: a key must be text'],
    [
      '*m : b',
      "3:25 descriptors[0].metadata error loading config file: yaml: unknown anchor 'm' referenced",
    ],
  ])('%s', (fields, problem) => {
    expect(problemsOf(`domain: d\ndescriptors:\n  - {key: k, metadata: {${fields}}}\n`)[0]).toBe(
      problem,
    );
  });

  test.each(['[a]', 'text', '5'])('must be a map, not %s', (value) => {
    const [problem] = problemsOf(`domain: d\ndescriptors:\n  - {key: k, metadata: ${value}}\n`);
    expect(problem).toContain('metadata must be a map, not');
  });
});

describe('syntax faults', () => {
  test('are told up to a number, since most follow from the first', () => {
    expect(problemsOf('"'.repeat(5000))).toHaveLength(20);
  });

  test('a text deeper than the stack is one', () => {
    expect(problemsOf('['.repeat(100_000)).join()).toContain('nested too deeply');
  });
});
