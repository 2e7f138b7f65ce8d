import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../../src/core/rules/limits-file.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import { type Answer, Code, REMAINING_UNLIMITED } from '../../../src/core/verdict/answer.ts';
import { RateLimitResponseSchema } from '../../../src/gen/envoy/service/ratelimit/v3/rls_pb.ts';
import { encodeRateLimitResponse } from '../../../src/wire/rls/encode-response.ts';
import { STRUCT_DEPTH_MAX } from '../../../src/wire/rls/encode-struct.ts';
import { answer, rule, status } from './answers.ts';
import { toHex } from './wire-bytes.ts';

const encodeHex = (given: Answer): string => toHex(encodeRateLimitResponse(given));
const decode = (given: Answer) =>
  fromBinary(RateLimitResponseSchema, encodeRateLimitResponse(given));

describe('an answer in bytes', () => {
  const cases: [name: string, given: Answer, bytes: string][] = [
    ['a code of 0 is left out', answer({ overallCode: Code.UNKNOWN }), ''],
    ['OK', answer(), '0801'],
    ['over limit', answer({ overallCode: Code.OVER_LIMIT }), '0802'],
    [
      'a descriptor without a rule: its code alone',
      answer({ statuses: [status()] }),
      '0801 1202 0801',
    ],
    [
      'a descriptor without a rule never has a duration',
      answer({ statuses: [status({ resetSeconds: 60 })] }),
      '0801 1202 0801',
    ],
    [
      'a status that says nothing is still there',
      answer({ statuses: [status({ code: Code.UNKNOWN })] }),
      '0801 1200',
    ],
    [
      'a limit',
      answer({ statuses: [status({ rule: rule(), remaining: 9, resetSeconds: 42 })] }),
      '0801 120e 0801 1204 080a 1002 1809 2202 082a',
    ],
    [
      'a limit with a name',
      answer({
        statuses: [status({ rule: rule({ name: 'per user' }), remaining: 9, resetSeconds: 42 })],
      }),
      '0801 1218 0801 120e 080a 1002 1a08 7065722075736572 1809 2202 082a',
    ],
    [
      'nothing remaining and nothing to wait for: an empty duration',
      answer({
        overallCode: Code.OVER_LIMIT,
        statuses: [status({ code: Code.OVER_LIMIT, rule: rule() })],
      }),
      '0802 120a 0802 1204 080a 1002 2200',
    ],
    [
      'a limit of 0',
      answer({
        statuses: [
          status({ rule: rule({ requestsPerUnit: 0, unit: Unit.WEEK }), resetSeconds: 1 }),
        ],
      }),
      '0801 120a 0801 1202 1007 2202 0801',
    ],
    [
      'an unlimited rule: no limit, no duration, the most remaining',
      answer({
        statuses: [
          status({
            rule: rule({ unlimited: true, unit: Unit.UNKNOWN, name: 'free' }),
            remaining: REMAINING_UNLIMITED,
            resetSeconds: 7,
          }),
        ],
      }),
      '0801 1208 0801 18ffffffff0f',
    ],
    [
      'the largest limit',
      answer({
        statuses: [status({ rule: rule({ requestsPerUnit: 2 ** 32 - 1 }), remaining: 2 ** 31 })],
      }),
      '0801 1214 0801 1208 08ffffffff0f 1002 188080808008 2200',
    ],
    [
      'statuses in their order',
      answer({
        statuses: [status({ remaining: 1 }), status({ remaining: 2 }), status({ remaining: 3 })],
      }),
      '0801 1204 0801 1801 1204 0801 1802 1204 0801 1803',
    ],
    [
      'headers in their order',
      answer({
        responseHeaders: [
          { key: 'a', value: '1' },
          { key: 'b', value: '' },
          { key: '', value: '' },
        ],
      }),
      '0801 1a06 0a0161 120131 1a03 0a0162 1a00',
    ],
    ['no headers', answer({ responseHeaders: [] }), '0801'],
    ['empty metadata', answer({ dynamicMetadata: {} }), '0801 3200'],
    ['null', answer({ dynamicMetadata: { k: null } }), '0801 3209 0a07 0a016b 1202 0800'],
    ['false', answer({ dynamicMetadata: { k: false } }), '0801 3209 0a07 0a016b 1202 2000'],
    ['true', answer({ dynamicMetadata: { k: true } }), '0801 3209 0a07 0a016b 1202 2001'],
    [
      'a number',
      answer({ dynamicMetadata: { k: 1.5 } }),
      '0801 3210 0a0e 0a016b 1209 11000000000000f83f',
    ],
    ['0', answer({ dynamicMetadata: { k: 0 } }), '0801 3210 0a0e 0a016b 1209 110000000000000000'],
    ['−0', answer({ dynamicMetadata: { k: -0 } }), '0801 3210 0a0e 0a016b 1209 110000000000000080'],
    ['a string', answer({ dynamicMetadata: { k: 'v' } }), '0801 320a 0a08 0a016b 1203 1a0176'],
    ['an empty string', answer({ dynamicMetadata: { k: '' } }), '0801 3209 0a07 0a016b 1202 1a00'],
    ['an empty key', answer({ dynamicMetadata: { '': '' } }), '0801 3208 0a06 0a00 1202 1a00'],
    ['an empty list', answer({ dynamicMetadata: { k: [] } }), '0801 3209 0a07 0a016b 1202 3200'],
    ['an empty object', answer({ dynamicMetadata: { k: {} } }), '0801 3209 0a07 0a016b 1202 2a00'],
    [
      'a list in its order',
      answer({ dynamicMetadata: { k: ['a', null] } }),
      '0801 3212 0a10 0a016b 120b 3209 0a03 1a0161 0a02 0800',
    ],
    [
      'keys in their order',
      answer({ dynamicMetadata: { b: '', a: '' } }),
      '0801 3212 0a07 0a0162 1202 1a00 0a07 0a0161 1202 1a00',
    ],
    [
      'everything, by field number',
      answer({
        statuses: [status()],
        responseHeaders: [{ key: 'a', value: '' }],
        dynamicMetadata: {},
      }),
      '0801 1202 0801 1a03 0a0161 3200',
    ],
  ];
  it.each(cases)('%s', (_name, given, bytes) => {
    expect(encodeHex(given)).toBe(bytes.replaceAll(' ', ''));
  });
});

describe('numbers', () => {
  const edges = [
    1,
    127,
    128,
    16_383,
    16_384,
    2_097_151,
    2_097_152,
    268_435_455,
    268_435_456,
    2 ** 32 - 1,
  ];
  it.each(edges)('%d is read back as it was', (value) => {
    const given = answer({
      statuses: [status({ rule: rule({ requestsPerUnit: value }), remaining: value })],
    });
    const [read] = decode(given).statuses;
    expect([read?.currentLimit?.requestsPerUnit, read?.limitRemaining]).toEqual([value, value]);
  });
});

describe('text in an answer', () => {
  const texts = [
    ['ASCII of 127 bytes', 'a'.repeat(127)],
    ['ASCII of 128 bytes', 'a'.repeat(128)],
    ['two, three and four bytes', 'é日😀'],
    ['wide text whose length takes two bytes', '日'.repeat(60)],
    ['ASCII, then wide', `${'a'.repeat(200)}é`],
    ['longer than the room', 'x'.repeat(100_000)],
    ['wide and longer than the room', '日'.repeat(100_000)],
  ] as const;
  it.each(texts)('%s', (_name, text) => {
    const read = decode(
      answer({
        statuses: [status({ rule: rule({ name: text }) })],
        responseHeaders: [{ key: text, value: text }],
        dynamicMetadata: { [text]: text },
      }),
    );
    expect(read.statuses[0]?.currentLimit?.name).toBe(text);
    expect(read.responseHeadersToAdd[0]).toMatchObject({ key: text, value: text });
    expect(read.dynamicMetadata).toEqual({ [text]: text });
  });

  it.each([
    ['a\ud800b', 'a\ufffdb'],
    ['\udc00', '\ufffd'],
    ['\ud83d', '\ufffd'],
    ['\ude00\ud83d', '\ufffd\ufffd'],
  ])('a lone surrogate becomes U+FFFD (%#)', (text, expected) => {
    expect(decode(answer({ dynamicMetadata: { [text]: text } })).dynamicMetadata).toEqual({
      [expected]: expected,
    });
  });
});

describe('metadata', () => {
  it('keeps keys that name parts of every object', () => {
    const text = '{"__proto__":{"a":1},"constructor":"c","toString":[]}';
    const read = decode(answer({ dynamicMetadata: JSON.parse(text) as JsonObject }));
    expect(JSON.stringify(read.dynamicMetadata)).toBe(text);
  });

  it('carries numbers that JSON has no word for', () => {
    const bytes = encodeHex(answer({ dynamicMetadata: { k: Number.POSITIVE_INFINITY } }));
    expect(bytes).toContain('11000000000000f07f');
  });

  /** A value inside `depth` objects or lists. */
  function nested(depth: number, wrap: (value: JsonValue) => JsonValue): JsonValue {
    let value: JsonValue = 'core';
    for (let i = 0; i < depth; i++) value = wrap(value);
    return value;
  }
  it.each([
    ['objects', (k: JsonValue): JsonValue => ({ k })],
    ['lists', (k: JsonValue): JsonValue => [k]],
  ])('is read back at the deepest nesting: %s', (_name, wrap) => {
    const dynamicMetadata = { k: nested(STRUCT_DEPTH_MAX - 1, wrap) };
    expect(decode(answer({ dynamicMetadata })).dynamicMetadata).toEqual(dynamicMetadata);
  });

  it('is null where it is nested deeper, so that the rest can be read', () => {
    const deep = { other: 1, k: nested(5000, (k) => ({ k })) };
    const read = decode(answer({ dynamicMetadata: deep })).dynamicMetadata;
    const levels = JSON.stringify(read).match(/\{/g)?.length;
    expect([read?.['other'], levels]).toEqual([1, STRUCT_DEPTH_MAX]);
    expect(JSON.stringify(read)).toContain('{"k":null}');
  });
});

describe('the bytes returned', () => {
  it('are made anew after an answer of the same length, a larger one, and their reuse', () => {
    const given = [0, 1, 4, 256, 1, 0].map((count) =>
      answer({
        statuses: Array.from({ length: count }, () => status({ rule: rule(), remaining: count })),
      }),
    );
    for (const overallCode of [Code.OK, Code.OVER_LIMIT, Code.OK]) {
      for (const each of given) {
        const read = decode({ ...each, overallCode });
        expect(read.overallCode).toBe(overallCode);
        expect(read.statuses.map(({ limitRemaining }) => limitRemaining)).toEqual(
          each.statuses.map(({ remaining }) => remaining),
        );
        encodeRateLimitResponse(each).fill(0xff);
      }
    }
  });

  it('hold as many statuses as a request may have descriptors', () => {
    const statuses = Array.from({ length: 10_000 }, (_, i) =>
      status({ rule: rule(), remaining: i, resetSeconds: 1 }),
    );
    const read = decode(answer({ statuses }));
    expect(read.statuses.map(({ limitRemaining }) => limitRemaining)).toEqual(
      statuses.map(({ remaining }) => remaining),
    );
  });

  it('are right after an answer far larger than most', () => {
    encodeRateLimitResponse(answer({ dynamicMetadata: { k: 'x'.repeat(1_000_000) } }));
    expect(encodeHex(answer())).toBe('0801');
    expect(encodeHex(answer({ statuses: [status()] }))).toBe('080112020801');
  });
});
