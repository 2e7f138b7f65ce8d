import { describe, expect, it } from 'vitest';
import { formatSample } from '../../src/telemetry/sample.ts';
import {
  flatName,
  labelsOf,
  printableName,
  sanitizeStatName,
} from '../../src/telemetry/stat-name.ts';

describe('sanitising a statistic’s name', () => {
  it.each([
    ['shop.user', 'shop.user'],
    ['shop.url_http://x|y', 'shop.url_http_//x_y'],
    ['shop.remote_address_10.0.0.1', 'shop.remote_address_10_0_0_1'],
    ['shop.cidr_0.0.0.0/0.ip', 'shop.cidr_0_0_0_0/0.ip'],
    ['shop.a_1.2.3.4.b_5.6.7.8', 'shop.a_1_2_3_4.b_5_6_7_8'],
    ['shop.version_1.2.3', 'shop.version_1.2.3'],
    ['shop.ip6_::1', 'shop.ip6___1'],
  ])('%s is %s', (name, sanitised) => expect(sanitizeStatName(name)).toBe(sanitised));
});

describe('a printed name', () => {
  it.each([
    ['shop.user_a\nforged.over_limit: 9', 'shop.user_a_forged.over_limit: 9'],
    ['a\r\tb\0c\x1b[2Jd\x7fe', 'a__b_c_[2Jd_e'],
    ['a\x85b\u2028c\u2029d\x9be', 'a_b_c_d_e'],
    ['shop.name_ü€😀 "x"', 'shop.name_ü€😀 "x"'],
  ])('%j is %j', (name, printed) => expect(printableName(name)).toBe(printed));
});

describe('labels of a statistic', () => {
  it.each([
    ['shop.user', '{domain="shop",key1="user"}'],
    ['shop.user.path', '{domain="shop",key1="user",key2="path"}'],
    ['shop.user.path.deeper.still', '{domain="shop",key1="user",key2="path"}'],
    ['a.b.user', '{domain="a",key1="b",key2="user"}'],
    ['shop.', '{domain="shop",key1=""}'],
    ['shop..x', '{domain="shop",key1="",key2="x"}'],
    ['shop', '{domain="shop",key1=""}'],
    ['shop.a"b\\c\nd', '{domain="shop",key1="a\\"b\\\\c\\nd"}'],
    ['shop.wild_*', '{domain="shop",key1="wild_*"}'],
    ['shop.name_ü€😀', '{domain="shop",key1="name_ü€😀"}'],
  ])('%j is %s', (name, labels) => expect(labelsOf(name)).toBe(labels));
});

describe('a name without mapping', () => {
  it.each([
    ['a.b', 'a_b'],
    ['a-b/c d', 'a_b_c_d'],
    ['ü😀x', '__x'],
    ['a\nb{c="d"} 1', 'a_b_c__d___1'],
  ])('%j is %s', (name, flat) => expect(flatName(name)).toBe(flat));
});

describe('samples', () => {
  it.each([
    [0, '0'],
    [1, '1'],
    [999_999, '999999'],
    [1_000_000, '1e+06'],
    [1_234_567, '1.234567e+06'],
    [4_294_967_295, '4.294967295e+09'],
    [Number.MAX_SAFE_INTEGER, '9.007199254740991e+15'],
    [0.5, '0.5'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [-3, '-3'],
    [-1_000_000, '-1e+06'],
    [123_456.75, '123456.75'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, '+Inf'],
    [Number.NEGATIVE_INFINITY, '-Inf'],
  ])('%d is written %s', (value, text) => {
    expect(formatSample(value)).toBe(text);
    if (Number.isFinite(value)) expect(Number(text)).toBe(value);
  });
});
