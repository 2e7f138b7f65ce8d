import { describe, expect, it } from 'vitest';
import { formatDuration, parseGoDuration } from '../../src/settings/go-duration.ts';
import { nearestName } from '../../src/settings/near-name.ts';
import { parseValue } from '../../src/settings/parse-value.ts';
import type { Row, RowType } from '../../src/settings/row.ts';
import { SETTINGS_TABLE } from '../../src/settings/table.ts';

function row(type: RowType, extra: Partial<Row> = {}): Row {
  return {
    name: 'X',
    group: 'Server',
    type,
    default: '',
    doc: 'A variable.',
    status: 'built',
    origin: 'weir',
    min: 0,
    max: 10_000,
    ...extra,
  };
}

describe('durations', () => {
  it.each([
    ['0', 0],
    ['+0', 0],
    ['-0', 0],
    ['0s', 0],
    ['24h', 86_400_000],
    ['1m30s', 90_000],
    ['500ms', 500],
    ['1.5s', 1500],
    ['.5s', 500],
    ['1.s', 1000],
    ['2us', 0.002],
    ['2µs', 0.002],
    ['2μs', 0.002],
    ['3ns', 0.000003],
    ['1h2m3s4ms', 3_723_004],
    ['-1s', -1000],
    ['+1s', 1000],
    ['2562047h', 9_223_369_200_000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseGoDuration(text)).toBeCloseTo(ms, 9);
  });

  it.each(['', '1', '10', '1d', 's', '.s', '1 s', ' 1s', '1s ', '1S', '--1s', '1s-1s', '1e3s'])(
    '"%s" is none',
    (text) => expect(parseGoDuration(text)).toBeNull(),
  );

  it('is none beyond what Go can hold, or when absurdly long', () => {
    expect(parseGoDuration('2562048h')).toBeNull();
    expect(parseGoDuration('1s'.repeat(40))).toBeNull();
  });

  it.each([
    [0, '0s'],
    [250, '250ms'],
    [1000, '1s'],
    [90_000, '1m30s'],
    [3_600_000, '1h'],
    [86_400_000, '24h'],
    [1500, '1.5s'],
  ])('%d ms is written %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
    expect(parseGoDuration(text)).toBe(ms);
  });
});

describe('values by type', () => {
  it.each(['1', 't', 'T', 'TRUE', 'true', 'True'])('%s is true', (text) => {
    expect(parseValue(row('bool'), text)).toEqual({ value: true });
  });
  it.each(['0', 'f', 'F', 'FALSE', 'false', 'False'])('%s is false', (text) => {
    expect(parseValue(row('bool'), text)).toEqual({ value: false });
  });
  it.each(['yes', 'on', 'tRUE', '2', ' true'])('"%s" is no bool', (text) => {
    expect(parseValue(row('bool'), text)).toEqual({ expected: 'true or false' });
  });

  it.each([
    ['int', '0', 0],
    ['int', '+7', 7],
    ['int', '-0', 0],
    ['int', '10000', 10_000],
    ['float', '0.8', 0.8],
    ['float', '.5', 0.5],
    ['float', '1e2', 100],
    ['duration', '1s', 1000],
  ] as const)('%s %s is %d', (type, text, value) => {
    expect(parseValue(row(type), text)).toEqual({ value });
  });

  it.each([
    ['int', '010'],
    ['int', '0x10'],
    ['int', '1.0'],
    ['int', '1e3'],
    ['int', '-1'],
    ['int', '10001'],
    ['int', '99999999999999999999'],
    ['float', 'NaN'],
    ['float', 'Infinity'],
    ['float', '1,5'],
    ['float', '-0.1'],
    ['duration', '11s'],
    ['duration', '-1ms'],
  ] as const)('%s "%s" is told its range', (type, text) => {
    const result = parseValue(row(type), text) as { expected: string };
    expect(result.expected).toMatch(/from 0s? to 10/);
  });

  it.each([
    [':9090', { host: '', port: 9090 }],
    ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    ['metrics.local:65535', { host: 'metrics.local', port: 65_535 }],
  ])('%s is an address', (text, value) => {
    expect(parseValue(row('address'), text)).toEqual({ value });
  });
  it.each(['9090', 'a:', 'a:65536', '::1:80', 'http://a:80', 'a b:80', '[::1:80'])(
    '"%s" is no address',
    (text) => expect(parseValue(row('address'), text)).toHaveProperty('expected'),
  );

  it.each(['X-Limit', 'a', "!#$%&'*+-.^_`|~"])('%s is a header name', (text) => {
    expect(parseValue(row('header-name'), text)).toEqual({ value: text });
  });
  it.each(['', 'a b', 'a:b', 'a\r\nb', 'ä', 'x'.repeat(129)])('"%s" is none', (text) => {
    expect(parseValue(row('header-name'), text)).toHaveProperty('expected');
  });

  it('takes an enum in any case, and gives it in its own spelling', () => {
    const format = row('enum', { values: ['text', 'json'] });
    expect(parseValue(format, 'JSON')).toEqual({ value: 'json' });
    expect(parseValue(format, 'xml')).toEqual({ expected: 'one of text, json' });
  });

  it('keeps strings as they are, short and without control characters', () => {
    expect(parseValue(row('string'), '')).toEqual({ value: '' });
    expect(parseValue(row('path'), '/a b')).toEqual({ value: '/a b' });
    expect(parseValue(row('string'), 'a\nb')).toHaveProperty('expected');
    expect(parseValue(row('string'), 'x'.repeat(4097))).toHaveProperty('expected');
  });
});

describe('mistyped names', () => {
  const names = SETTINGS_TABLE.map(({ name }) => name);
  it.each([
    ['REDIS_TIMOUT', 'REDIS_TIMEOUT'],
    ['REDIS_TIEMOUT', 'REDIS_TIMEOUT'],
    ['LIMIT_LIMITS_HEADER', 'LIMIT_LIMIT_HEADER'],
    ['GRPC_PROT', 'GRPC_PORT'],
    ['LOG_LEVELS', 'LOG_LEVEL'],
  ])('%s is near %s', (name, nearest) => expect(nearestName(name, names)).toBe(nearest));
  it.each([
    'REDIS_SERVICE_HOST',
    'REDIS_PORT_6379_TCP',
    'GRPC_VERBOSITY',
    'GRPC_TRACE',
    'PATH',
    'PORTS',
    `REDIS_${'X'.repeat(100)}`,
  ])('%s is let alone', (name) => expect(nearestName(name, names)).toBeNull());
});
