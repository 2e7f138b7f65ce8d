import { describe, expect, it } from 'vitest';
import { HITS_UNSET, type RateLimitRequest } from '../../../src/core/rules/request.ts';
import { decodeRateLimitRequest } from '../../../src/wire/rls/decode-request.ts';
import { MalformedMessage } from '../../../src/wire/rls/malformed-message.ts';
import { GROUP_DEPTH_MAX } from '../../../src/wire/rls/wire-reader.ts';
import { bytesField, concat, hex, numberField, tag, textField, varint } from './wire-bytes.ts';

const EMPTY: RateLimitRequest = { domain: '', descriptors: [], hitsAddend: 0 };

function request(overrides: Partial<RateLimitRequest>): RateLimitRequest {
  return { ...EMPTY, ...overrides };
}

function oneDescriptor(
  overrides: Partial<RateLimitRequest['descriptors'][number]>,
): RateLimitRequest {
  const none = { entries: [], limit: null, hitsAddend: HITS_UNSET, isNegativeHits: false };
  return request({ descriptors: [{ ...none, ...overrides }] });
}

const descriptor = (...fields: Uint8Array[]): Uint8Array => bytesField(2, concat(...fields));
const groups = (depth: number): Uint8Array =>
  concat(
    ...Array.from({ length: depth }, () => tag(9, 3)),
    ...Array.from({ length: depth }, () => tag(9, 4)),
  );

describe('what is accepted', () => {
  const cases: [name: string, bytes: Uint8Array, expected: RateLimitRequest][] = [
    ['no bytes at all', hex(''), EMPTY],
    ['a domain', hex('0a 01 61'), request({ domain: 'a' })],
    ['an empty domain', hex('0a 00'), EMPTY],
    ['hits of the request', hex('18 05'), request({ hitsAddend: 5 })],
    [
      'the most hits of the request',
      hex('18 ff ff ff ff 0f'),
      request({ hitsAddend: 2 ** 32 - 1 }),
    ],
    ['hits beyond 32 bits, cut down', hex('18 81 80 80 80 10'), request({ hitsAddend: 1 })],
    [
      'hits of -1 as a signed writer sends it',
      hex('18 ff ff ff ff ff ff ff ff ff 01'),
      request({ hitsAddend: 2 ** 32 - 1 }),
    ],
    [
      'a varint padded to ten bytes',
      hex('18 85 80 80 80 80 80 80 80 80 00'),
      request({ hitsAddend: 5 }),
    ],
    [
      'a length padded to ten bytes',
      hex('0a 81 80 80 80 80 80 80 80 80 00 61'),
      request({ domain: 'a' }),
    ],
    ['a tag padded to five bytes', hex('8a 80 80 80 00 01 61'), request({ domain: 'a' })],
    ['the last of two domains', hex('0a 01 61 0a 01 62'), request({ domain: 'b' })],
    ['the last of two hits', hex('18 05 18 00'), EMPTY],
    [
      'fields in any order',
      hex('18 02 12 00 0a 01 61'),
      { ...oneDescriptor({}), domain: 'a', hitsAddend: 2 },
    ],
    ['an empty descriptor', hex('12 00'), oneDescriptor({})],
    ['an empty entry', hex('12 02 0a 00'), oneDescriptor({ entries: [{ key: '', value: '' }] })],
    [
      'key and value',
      hex('12 08 0a 06 0a 01 6b 12 01 76'),
      oneDescriptor({ entries: [{ key: 'k', value: 'v' }] }),
    ],
    [
      'value before key',
      hex('12 08 0a 06 12 01 76 0a 01 6b'),
      oneDescriptor({ entries: [{ key: 'k', value: 'v' }] }),
    ],
    [
      'the last of two keys',
      hex('12 08 0a 06 0a 01 6b 0a 01 6c'),
      oneDescriptor({ entries: [{ key: 'l', value: '' }] }),
    ],
    [
      'two entries in their order',
      descriptor(bytesField(1, textField(1, 'a')), bytesField(1, textField(1, 'b'))),
      oneDescriptor({
        entries: [
          { key: 'a', value: '' },
          { key: 'b', value: '' },
        ],
      }),
    ],
    [
      'an entry after the limit',
      descriptor(bytesField(2, hex('08 01')), bytesField(1, textField(1, 'a'))),
      oneDescriptor({ entries: [{ key: 'a', value: '' }], limit: { requestsPerUnit: 1, unit: 0 } }),
    ],
    [
      'an override',
      hex('12 06 12 04 08 07 10 03'),
      oneDescriptor({ limit: { requestsPerUnit: 7, unit: 3 } }),
    ],
    [
      'an empty override',
      hex('12 02 12 00'),
      oneDescriptor({ limit: { requestsPerUnit: 0, unit: 0 } }),
    ],
    [
      'an override in two parts, merged',
      hex('12 08 12 02 08 07 12 02 10 03'),
      oneDescriptor({ limit: { requestsPerUnit: 7, unit: 3 } }),
    ],
    [
      'an override said twice, the later number winning',
      hex('12 0a 12 04 08 07 10 03 12 02 08 09'),
      oneDescriptor({ limit: { requestsPerUnit: 9, unit: 3 } }),
    ],
    [
      'a unit beyond the enum',
      hex('12 04 12 02 10 63'),
      oneDescriptor({ limit: { requestsPerUnit: 0, unit: 99 } }),
    ],
    [
      'a negative unit',
      hex('12 0d 12 0b 10 ff ff ff ff ff ff ff ff ff 01'),
      oneDescriptor({ limit: { requestsPerUnit: 0, unit: -1 } }),
    ],
    ['hits of a descriptor', hex('12 04 1a 02 08 03'), oneDescriptor({ hitsAddend: 3 })],
    ['hits of 0, a peek', hex('12 04 1a 02 08 00'), oneDescriptor({ hitsAddend: 0 })],
    ['hits present but empty: 0', hex('12 02 1a 00'), oneDescriptor({ hitsAddend: 0 })],
    [
      'hits merged with an empty part',
      hex('12 06 1a 02 08 03 1a 00'),
      oneDescriptor({ hitsAddend: 3 }),
    ],
    [
      'hits beyond 32 bits',
      descriptor(bytesField(3, numberField(1, 2n ** 32n))),
      oneDescriptor({ hitsAddend: 2 ** 32 }),
    ],
    [
      'the most hits of a descriptor',
      descriptor(bytesField(3, numberField(1, 2n ** 53n - 1n))),
      oneDescriptor({ hitsAddend: Number.MAX_SAFE_INTEGER }),
    ],
    ['negative hits', hex('12 02 20 01'), oneDescriptor({ isNegativeHits: true })],
    ['a bool of 2', hex('12 02 20 02'), oneDescriptor({ isNegativeHits: true })],
    ['a bool of 0 on two bytes', hex('12 03 20 80 00'), oneDescriptor({})],
    ['a bool of 2^32', hex('12 06 20 80 80 80 80 10'), oneDescriptor({ isNegativeHits: true })],
    ['a bool taken back', hex('12 04 20 01 20 00'), oneDescriptor({})],
    ['an unknown varint', hex('78 96 01 0a 01 61'), request({ domain: 'a' })],
    [
      'an unknown varint of ten bytes',
      hex('78 ff ff ff ff ff ff ff ff ff 01 0a 01 61'),
      request({ domain: 'a' }),
    ],
    ['an unknown fixed64', hex('79 01 02 03 04 05 06 07 08 0a 01 61'), request({ domain: 'a' })],
    ['an unknown fixed32', hex('7d 01 02 03 04 0a 01 61'), request({ domain: 'a' })],
    ['unknown bytes', hex('7a 03 ff ff ff 0a 01 61'), request({ domain: 'a' })],
    ['an unknown group', hex('7b 08 01 7a 01 ff 7c 0a 01 61'), request({ domain: 'a' })],
    ['an unknown group in a group', hex('7b 4b 4c 7c 0a 01 61'), request({ domain: 'a' })],
    [
      'groups as deep as the bound',
      concat(groups(GROUP_DEPTH_MAX), hex('0a 01 61')),
      request({ domain: 'a' }),
    ],
    ['the largest field number', hex('f8 ff ff ff 0f 01 0a 01 61'), request({ domain: 'a' })],
    ['a domain sent as a varint: unknown', hex('08 05 0a 01 61'), request({ domain: 'a' })],
    ['hits sent as bytes: unknown', hex('1a 01 05'), EMPTY],
    ['a descriptor sent as a group: unknown', hex('13 0a 01 61 14'), EMPTY],
    [
      'unknown fields in descriptor, entry, override and wrapper',
      descriptor(
        hex('78 01'),
        bytesField(1, concat(hex('7d 01 02 03 04'), textField(1, 'k'))),
        bytesField(2, concat(hex('7a 01 ff'), numberField(1, 7))),
        bytesField(3, concat(hex('7b 7c'), numberField(1, 3))),
      ),
      oneDescriptor({
        entries: [{ key: 'k', value: '' }],
        limit: { requestsPerUnit: 7, unit: 0 },
        hitsAddend: 3,
      }),
    ],
  ];
  it.each(cases)('%s', (_name, bytes, expected) => {
    expect(decodeRateLimitRequest(bytes)).toEqual(expected);
  });
});

describe('text', () => {
  const texts = [
    'a',
    'a'.repeat(20),
    'a'.repeat(21),
    'a'.repeat(64),
    'a'.repeat(65),
    'a'.repeat(70_000),
    'a\0b',
    'é',
    '\u007f\u0080\u07ff\u0800\uffff',
    '\ufeffmarked',
    '日本'.repeat(30),
    '😀',
  ];
  it.each(texts)('comes back as it was sent (%#)', (text) => {
    const entry = concat(textField(1, text), textField(2, text));
    const bytes = concat(textField(1, text), descriptor(bytesField(1, entry)));
    const expected = request({
      ...oneDescriptor({ entries: [{ key: text, value: text }] }),
      domain: text,
    });
    expect(decodeRateLimitRequest(bytes)).toEqual(expected);
    expect(decodeRateLimitRequest(bytes)).toEqual(expected);
  });

  it('keeps apart texts that take the same place in the cache', () => {
    const domains = Array.from({ length: 5000 }, (_, i) => `domain-${i}`);
    for (const domain of [...domains, ...domains.toReversed()]) {
      expect(decodeRateLimitRequest(textField(1, domain)).domain).toBe(domain);
    }
  });
});

describe('text that was read before', () => {
  it('never lets bytes pass that are its Latin-1 and not its UTF-8', () => {
    for (let i = 0; i < 5000; i++) {
      const domain = `${i}é`;
      expect(decodeRateLimitRequest(textField(1, domain)).domain).toBe(domain);
      const latin1 = bytesField(1, new Uint8Array(Buffer.from(domain, 'latin1')));
      expect(() => decodeRateLimitRequest(latin1)).toThrow('domain is not valid UTF-8');
    }
  });
});

describe('what is refused', () => {
  const cases: [name: string, bytes: Uint8Array, message: string][] = [
    ['a tag cut short', hex('8a'), 'message cut short at byte 1'],
    ['a varint cut short', hex('18 80'), 'message cut short at byte 2'],
    ['a missing varint', hex('18'), 'message cut short at byte 1'],
    ['a missing length', hex('0a'), 'message cut short at byte 1'],
    ['a length beyond the message', hex('0a 02 61'), 'length 2 beyond the end at byte 1'],
    [
      'a length beyond the embedded message',
      hex('12 02 0a 01 00'),
      'length 1 beyond the end at byte 3',
    ],
    [
      'a text beyond the entry',
      hex('12 05 0a 02 0a 02 61 62'),
      'length 2 beyond the end at byte 5',
    ],
    ['a varint across the end of a message', hex('12 01 20 01'), 'message cut short at byte 3'],
    ['a length of 2^31', hex('0a 80 80 80 80 08'), 'length beyond 2^31-1 at byte 1'],
    ['a length of 2^32', hex('0a 80 80 80 80 10'), 'length beyond 2^31-1 at byte 1'],
    ['a length of -1', hex('0a ff ff ff ff ff ff ff ff ff 01'), 'length beyond 2^31-1 at byte 1'],
    ['a skipped length beyond the message', hex('7a 05 00'), 'length 5 beyond the end at byte 1'],
    [
      'a varint of eleven bytes',
      hex('18 80 80 80 80 80 80 80 80 80 80 00'),
      'varint longer than 10 bytes at byte 1',
    ],
    [
      'a skipped varint of eleven bytes',
      hex('78 80 80 80 80 80 80 80 80 80 80 00'),
      'varint longer than 10 bytes at byte 1',
    ],
    ['a tag of six bytes', hex('8a 80 80 80 80 00 01 61'), 'tag beyond 32 bits at byte 0'],
    ['a tag beyond 32 bits', hex('8a 80 80 80 10 01 61'), 'tag beyond 32 bits at byte 0'],
    ['field number 0', hex('02 00'), 'field number 0 at byte 0'],
    ['wire type 6', hex('0e 00'), 'wire type 6 at byte 1'],
    ['wire type 7', hex('7f'), 'wire type 7 at byte 1'],
    ['an end of group alone', hex('7c'), 'end of a group that was never begun at byte 1'],
    ['a group never ended', hex('7b 08 01'), 'message cut short at byte 3'],
    ['a group ended by another', hex('7b 84 01'), 'end of another group at byte 3'],
    ['a group ended beyond its message', hex('12 01 7b 7c'), 'message cut short at byte 3'],
    [
      'groups deeper than the bound',
      groups(GROUP_DEPTH_MAX + 1),
      `groups nested deeper than ${GROUP_DEPTH_MAX} at byte ${GROUP_DEPTH_MAX + 1}`,
    ],
    ['a fixed64 cut short', hex('79 01 02 03 04 05 06 07'), 'message cut short at byte 1'],
    ['a fixed32 cut short', hex('7d 01 02 03'), 'message cut short at byte 1'],
    [
      'hits of 2^53',
      descriptor(bytesField(3, numberField(1, 2n ** 53n))),
      'hits_addend beyond the bound of 2^53-1 at byte 5',
    ],
    [
      'hits of 2^64-1',
      descriptor(bytesField(3, numberField(1, 2n ** 64n - 1n))),
      'hits_addend beyond the bound of 2^53-1 at byte 5',
    ],
    ['a domain that is not UTF-8', hex('0a 01 ff'), 'domain is not valid UTF-8 at byte 2'],
    ['an overlong UTF-8 slash', hex('0a 02 c0 af'), 'domain is not valid UTF-8 at byte 2'],
    ['a surrogate in UTF-8', hex('0a 03 ed a0 80'), 'domain is not valid UTF-8 at byte 2'],
    ['a code point cut short', hex('0a 02 e2 82'), 'domain is not valid UTF-8 at byte 2'],
    [
      'a key that is not UTF-8',
      descriptor(bytesField(1, hex('0a 01 80'))),
      'entry key is not valid UTF-8 at byte 6',
    ],
    [
      'a value that is not UTF-8',
      descriptor(bytesField(1, hex('12 01 80'))),
      'entry value is not valid UTF-8 at byte 6',
    ],
    [
      'a long value that is not UTF-8',
      descriptor(bytesField(1, bytesField(2, concat(new Uint8Array(100).fill(97), hex('ff'))))),
      'entry value is not valid UTF-8 at byte 6',
    ],
    ['JSON', new Uint8Array(Buffer.from('{"domain":"a"}')), 'length 100 beyond the end at byte 2'],
  ];
  it.each(cases)('%s', (_name, bytes, message) => {
    const decode = (): unknown => decodeRateLimitRequest(bytes);
    expect(decode).toThrow(MalformedMessage);
    expect(decode).toThrow(message);
  });

  it('tells the offset as a number too', () => {
    let offset = -1;
    try {
      decodeRateLimitRequest(hex('0a 01 61 0a 09'));
    } catch (error) {
      offset = (error as MalformedMessage).offset;
    }
    expect(offset).toBe(4);
  });

  it('does not remember a message that was refused half way', () => {
    expect(() => decodeRateLimitRequest(hex('12 05 0a 03 0a 09 61'))).toThrow(MalformedMessage);
    expect(decodeRateLimitRequest(hex('0a 01 61'))).toEqual(request({ domain: 'a' }));
  });
});

describe('a part of a larger buffer', () => {
  const whole = concat(hex('ff ff ff'), textField(1, 'shop'), hex('ff ff ff'));
  it.each([
    ['Uint8Array', whole.subarray(3, whole.length - 3)],
    ['Buffer', Buffer.from(whole).subarray(3, whole.length - 3)],
  ])('is all that is read of a %s', (_name, bytes) => {
    expect(decodeRateLimitRequest(bytes)).toEqual(request({ domain: 'shop' }));
    expect(() => decodeRateLimitRequest(bytes.subarray(0, -1))).toThrow('length 4 beyond the end');
  });
});

describe('large messages', () => {
  const UNITS = 5000;
  /** A tag, a length, text to hash, compare and decode: no byte has more than this done to it. */
  const READS_PER_BYTE_MAX = 4;
  const shapes: [name: string, unit: Uint8Array][] = [
    ['empty descriptors', hex('12 00')],
    ['unknown fields', hex('78 01')],
    ['long varints', hex('78 ff ff ff ff ff ff ff ff ff 01')],
    ['entries', descriptor(bytesField(1, textField(1, 'k')), bytesField(1, textField(2, 'v')))],
    ['a domain repeated', textField(1, 'x'.repeat(60))],
    ['unknown bytes', bytesField(9, new Uint8Array(50))],
    ['groups in a row', hex('7b 78 01 7c')],
  ];
  it.each(shapes)('cost a bounded number of reads for each byte: %s', (_name, unit) => {
    const bytes = concat(...Array.from({ length: UNITS }, () => unit));
    let reads = 0;
    const counted = new Proxy(bytes, {
      get: (target, name) => {
        reads++;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    decodeRateLimitRequest(counted);
    expect(reads / bytes.length).toBeGreaterThan(0);
    expect(reads / bytes.length).toBeLessThan(READS_PER_BYTE_MAX);
  });

  it('reads a varint of every length', () => {
    for (let bits = 0n; bits < 64n; bits++) {
      const bytes = concat(tag(3, 0), varint(1n << bits));
      expect(decodeRateLimitRequest(bytes).hitsAddend).toBe(bits < 32n ? 2 ** Number(bits) : 0);
    }
  });
});
