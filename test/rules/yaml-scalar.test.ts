import { describe, expect, test } from 'vitest';
import { resolveScalar } from '../../src/rules/yaml-scalar.ts';

const plain = (text: string, tag?: string) => resolveScalar({ text, isPlain: true, tag });
const longTag = (name: string) => `tag:yaml.org,2002:${name}`;

describe('plain text means what it means to the reference', () => {
  test.each([
    ['', 'null', null],
    ['~', 'null', null],
    ['null', 'null', null],
    ['nUll', 'string', 'nUll'],
    ['yes', 'bool', true],
    ['On', 'bool', true],
    ['y', 'bool', true],
    ['oN', 'string', 'oN'],
    ['no', 'bool', false],
    ['OFF', 'bool', false],
    ['n', 'bool', false],
    ['0', 'int', 0],
    ['42', 'int', 42],
    ['-1', 'int', -1],
    ['+5', 'int', 5],
    ['1_000', 'int', 1000],
    ['010', 'int', 8],
    ['0o17', 'int', 15],
    ['0x1F', 'int', 31],
    ['0X1f', 'int', 31],
    ['0b11', 'int', 3],
    ['08', 'float', 8],
    ['123456789012345678', 'int', Number('123456789012345678')],
    ['9223372036854775807', 'int', 2 ** 63],
    ['9223372036854775808', 'int', 9223372036854775808n],
    ['18446744073709551615', 'int', 18446744073709551615n],
    ['18446744073709551616', 'float', 2 ** 64],
    ['-9223372036854775809', 'float', -(2 ** 63)],
    ['1.5', 'float', 1.5],
    ['1.', 'float', 1],
    ['.5', 'float', 0.5],
    ['1e3', 'float', 1000],
    ['.inf', 'float', Infinity],
    ['-.Inf', 'float', -Infinity],
    ['.nan', 'float', Number.NaN],
    ['2026-01-02', 'string', '2026-01-02'],
    ['2026-01-02 03:04:05', 'string', '2026-01-02 03:04:05'],
    ['1.2.3.4', 'string', '1.2.3.4'],
    ['-', 'string', '-'],
    ['.', 'string', '.'],
    ['12:30', 'string', '12:30'],
    ['abc', 'string', 'abc'],
  ])('%s', (text, kind, value) => {
    expect(plain(text)).toEqual({ kind, value });
  });
});

describe('quotes and tags', () => {
  test('quoted text is text', () => {
    expect(resolveScalar({ text: 'yes', isPlain: false, tag: undefined })).toEqual({
      kind: 'string',
      value: 'yes',
    });
  });

  test.each([
    ['10', 'str', { kind: 'string', value: '10' }],
    ['10', 'int', { kind: 'int', value: 10 }],
    ['10', 'float', { kind: 'float', value: 10 }],
    ['on', 'bool', { kind: 'bool', value: true }],
    ['~', 'null', { kind: 'null', value: null }],
    ['ten', 'int', null],
    ['1.5', 'int', null],
    ['10', 'bool', null],
    ['x', 'custom', { kind: 'string', value: 'x' }],
  ])('%s as !!%s', (text, tag, resolved) => {
    expect(plain(text, longTag(tag))).toEqual(resolved);
  });

  test("a file's own tags make text", () => {
    expect(plain('10', '!mine')).toEqual({ kind: 'string', value: '10' });
  });
});
