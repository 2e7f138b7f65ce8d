/** The JSON Schema as an editor uses it: on the YAML as any editor reads it. */
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import schema from '../../config/limits.schema.json' with { type: 'json' };
import { parseLimits } from '../../src/rules/parse-limits.ts';

const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(schema);
const example = readFileSync(new URL('../../config/limits/example.yaml', import.meta.url), 'utf8');

/** The fields of a descriptor, put into a file. */
const file = (fields: string): string => `domain: d\ndescriptors: [{${fields}}]\n`;

describe('the shipped example', () => {
  test('has neither errors nor warnings, for editors and for the service', () => {
    expect(validate(parse(example))).toBe(true);
    const { problems, config } = parseLimits('example.yaml', example);
    expect(problems).toEqual([]);
    expect(config?.domain).toBe('example');
  });

  test('is as right with what it shows as a comment', () => {
    const whole = example.replaceAll(/^ {2}# (?=- key| {2})/gm, '  ');
    expect(whole).not.toBe(example);
    expect(validate(parse(whole))).toBe(true);
    const { problems, config } = parseLimits('example.yaml', whole);
    expect(problems).toEqual([]);
    expect(config?.descriptors.filter(({ limit }) => limit?.isLeased)).toHaveLength(1);
  });

  test('tells editors where the schema is', () => {
    expect(example.split('\n')[0]).toBe('# yaml-language-server: $schema=../limits.schema.json');
  });
});

describe('editors', () => {
  test.each([
    'key: k',
    'key: k, value: 10, shadow_mode: true, metadata: {any: [1]}',
    'key: k, rate_limit: {unit: hour, requests_per_unit: 0}',
    'key: k, rate_limit: {unit: HoUr, requests_per_unit: 4294967295, name: n, replaces: [{name: m}]}',
    'key: k, rate_limit: {unlimited: true}',
    'key: k, rate_limit: null, descriptors: null',
    'key: k, rate_limit: {unit: hour, requests_per_unit: 5, quota: leased}',
    'key: k, rate_limit: {unit: second, requests_per_unit: 0, quota: Leased}',
    'key: k, on_store_failure: open, critical: true',
    'key: k, on_store_failure: ClosED, critical: false',
  ])('accept %s', (fields) => {
    expect(validate(parse(file(fields)))).toBe(true);
  });

  test.each([
    'value: v',
    "key: ''",
    'key: k, ratelimit: {}',
    'key: k, value: 1.5',
    'key: k, unit: hour',
    'key: k, rate_limit: {requests_per_unit: 1}',
    'key: k, rate_limit: {unit: fortnight, requests_per_unit: 1}',
    'key: k, rate_limit: {unit: hour, requests_per_unit: -1}',
    'key: k, rate_limit: {unit: hour, requests_per_unit: 4294967296}',
    'key: k, rate_limit: {unit: hour, requests_per_unit: 1.5}',
    'key: k, rate_limit: {unit: hour, unlimited: true}',
    'key: k, rate_limit: {unlimited: true, quota: leased}',
    'key: k, rate_limit: {unit: hour, requests_per_unit: 1, quota: raft}',
    'key: k, rate_limit: {unit: hour, requests_per_unit: 1, quota: ~}',
    'key: k, rate_limit: {unit: hour, quota: 1}',
    'key: k, quota: leased',
    'key: k, rate_limit: {unit: hour, requests_per_unit: 1, replaces: [n]}',
    'key: k, descriptors: {key: j}',
    'key: k, shadow_mode: maybe',
    'key: k, on_store_failure: opne',
    'key: k, on_store_failure: ~',
    'key: k, critical: very',
    'key: k, rate_limit: {unit: hour, on_store_failure: open}',
    'key: k, rate_limit: {unit: hour, critical: true}',
    'key: k, charge: all_or_nothing',
  ])('mark %s', (fields) => {
    expect(validate(parse(file(fields)))).toBe(false);
  });

  test.each([
    ['on_store_failure: LOCAL', true],
    ['critical: true', true],
    ['on_store_failure: never', false],
    ['critical: 1', false],
    ['charge: all', true],
    ['charge: All_Or_Nothing', true],
    ['charge: all-or-nothing', false],
    ['charge: ~', false],
    ['quota: leased', false],
  ])('at the top of a file, %s: %j', (line, isValid) => {
    expect(validate(parse(`domain: d\n${line}\n`))).toBe(isValid);
  });
});
