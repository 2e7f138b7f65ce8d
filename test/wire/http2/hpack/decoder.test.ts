import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HpackDecoder } from '../../../../src/wire/http2/hpack/decoder.ts';
import { encodeHeaders } from '../../../../src/wire/http2/hpack/encoder.ts';
import { FieldList } from '../../../../src/wire/http2/hpack/field-list.ts';

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
}

function decode(decoder: HpackDecoder, block: Uint8Array, bytesMax = 1 << 20): string[] | null {
  const list = new FieldList(bytesMax);
  if (!decoder.decode(block, 0, block.length, list)) return null;
  return list.fields.map((field) => `${field.name}: ${field.value}`);
}

const FIRST_REQUEST = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'];
const REQUESTS = [
  FIRST_REQUEST,
  [...FIRST_REQUEST, 'cache-control: no-cache'],
  [
    ':method: GET',
    ':scheme: https',
    ':path: /index.html',
    ':authority: www.example.com',
    'custom-key: custom-value',
  ],
];
const DATE = 'Mon, 21 Oct 2013 20:13:2';
const COOKIE = 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1';
const RESPONSES = [
  [
    ':status: 302',
    'cache-control: private',
    `date: ${DATE}1 GMT`,
    'location: https://www.example.com',
  ],
  [
    ':status: 307',
    'cache-control: private',
    `date: ${DATE}1 GMT`,
    'location: https://www.example.com',
  ],
  [
    ':status: 200',
    'cache-control: private',
    `date: ${DATE}2 GMT`,
    'location: https://www.example.com',
    'content-encoding: gzip',
    `set-cookie: ${COOKIE}`,
  ],
];

/** RFC 7541, appendix C: several blocks on one connection, with the table's size after each. */
const SEQUENCES = [
  {
    name: 'C.3 requests without Huffman',
    tableBytesMax: 4096,
    lists: REQUESTS,
    sizes: [57, 110, 164],
    blocks: [
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ],
  },
  {
    name: 'C.4 requests with Huffman',
    tableBytesMax: 4096,
    lists: REQUESTS,
    sizes: [57, 110, 164],
    blocks: [
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ],
  },
  {
    name: 'C.5 responses without Huffman, with evictions',
    tableBytesMax: 256,
    lists: RESPONSES,
    sizes: [222, 222, 215],
    blocks: [
      '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133' +
        '2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70' +
        '6c65 2e63 6f6d',
      '4803 3330 37c1 c0bf',
      '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d' +
        '54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049' +
        '5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e' +
        '3d31',
    ],
  },
  {
    name: 'C.6 responses with Huffman, with evictions',
    tableBytesMax: 256,
    lists: RESPONSES,
    sizes: [222, 222, 215],
    blocks: [
      '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6' +
        '2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
      '4883 640e ffc1 c0bf',
      '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab' +
        '77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f' +
        '9587 3160 65c0 03ed 4ee5 b106 3d50 07',
    ],
  },
];

describe('HPACK decoder, examples of RFC 7541', () => {
  it.each(SEQUENCES)('$name', ({ tableBytesMax, lists, sizes, blocks }) => {
    const decoder = new HpackDecoder(tableBytesMax);
    for (const [i, block] of blocks.entries()) {
      expect(decode(decoder, hex(block))).toEqual(lists[i]);
      expect(decoder.tableBytes).toBe(sizes[i]);
    }
  });

  it.each([
    [
      'C.2.1 literal, indexed',
      '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
      'custom-key: custom-header',
      55,
    ],
    ['C.2.2 literal, not indexed', '040c 2f73 616d 706c 652f 7061 7468', ':path: /sample/path', 0],
    [
      'C.2.3 literal, never indexed',
      '1008 7061 7373 776f 7264 0673 6563 7265 74',
      'password: secret',
      0,
    ],
    ['C.2.4 indexed', '82', ':method: GET', 0],
  ])('%s', (_name, block, field, tableBytes) => {
    const decoder = new HpackDecoder(4096);
    expect(decode(decoder, hex(block))).toEqual([field]);
    expect(decoder.tableBytes).toBe(tableBytes);
  });
});

describe('HPACK decoder, broken blocks', () => {
  it.each([
    ['index 0', '80'],
    ['an index beyond both tables', 'be'],
    ['a name index beyond both tables', '7f 00 01 61'],
    ['an integer without its end', 'ff 80'],
    ['an integer beyond any bound', 'ff ff ff ff ff ff 7f'],
    ['an integer of empty continuation bytes', 'ff 80 80 80 80 80 80 80 80 00'],
    ['a literal without a name', '00'],
    ['a literal without a value', '00 01 61'],
    ['a text longer than the block', '00 01 61 05 61'],
    ['a text of a broken length', '00 01 61 7f ff'],
    ['Huffman text with the end symbol', '00 01 61 84 ff ff ff ff'],
    ['Huffman padding of eight bits', '00 01 61 82 1f ff'],
    ['Huffman padding of zeros', '00 01 61 81 18'],
    ['a size update above the allowed size', '3f e2 1f'],
    ['a size update after a field', '82 20'],
    ['three size updates', '20 20 20 82'],
  ])('%s is refused', (_name, block) => {
    expect(decode(new HpackDecoder(4096), hex(block))).toBeNull();
  });
});

describe('HPACK decoder, the dynamic table', () => {
  it('is emptied by a size update to 0, and refilled after one back', () => {
    const decoder = new HpackDecoder(4096);
    decode(decoder, hex('40 01 61 01 62'));
    expect(decode(decoder, hex('20 3f e1 1f 40 01 63 01 64 be'))).toEqual(['c: d', 'c: d']);
    expect(decoder.tableBytes).toBe(34);
  });

  it('is emptied by a field larger than it, which is decoded all the same', () => {
    const decoder = new HpackDecoder(40);
    decode(decoder, hex('40 01 61 01 62'));
    expect(decode(decoder, hex('40 05 61 61 61 61 61 05 62 62 62 62 62'))).toEqual([
      'aaaaa: bbbbb',
    ]);
    expect(decoder.tableBytes).toBe(0);
  });

  it('changes its generation with every change and only then', () => {
    const decoder = new HpackDecoder(4096);
    decode(decoder, hex('82 04 01 2f'));
    expect(decoder.generation).toBe(0);
    decode(decoder, hex('40 01 61 01 62'));
    expect(decoder.generation).toBe(1);
    decode(decoder, hex('20'));
    expect(decoder.generation).toBe(2);
  });

  it('keeps what a plain list of newest fields would keep', () => {
    const names = fc.array(fc.stringMatching(/^[a-z]{1,20}$/), { maxLength: 80 });
    fc.assert(
      fc.property(names, fc.integer({ min: 0, max: 600 }), (texts, bytesMax) => {
        const decoder = new HpackDecoder(bytesMax);
        let kept: string[] = [];
        for (const text of texts) {
          const literal = Uint8Array.from([0x40, text.length, ...Buffer.from(text), 0]);
          decode(decoder, literal);
          kept = fitting([text, ...kept], bytesMax);
        }
        const all = Uint8Array.from(kept.map((_text, age) => 0x80 | (62 + age)).slice(0, 60));
        expect(decode(decoder, all)).toEqual(kept.map((text) => `${text}: `).slice(0, 60));
      }),
    );
  });
});

function fitting(texts: string[], bytesMax: number): string[] {
  let bytes = 0;
  const rest = texts.findIndex((text) => {
    bytes += text.length + 32;
    return bytes > bytesMax;
  });
  return rest < 0 ? texts : texts.slice(0, rest);
}

describe('HPACK decoder and encoder', () => {
  it('give back any fields', () => {
    const latin1 = fc
      .array(fc.integer({ min: 0, max: 255 }), { maxLength: 300 })
      .map((codes) => String.fromCharCode(...codes));
    fc.assert(
      fc.property(fc.array(fc.tuple(latin1, latin1), { maxLength: 8 }), (fields) => {
        const block = encodeHeaders(fields);
        const texts = fields.map(([name, value]) => `${name}: ${value}`);
        expect(decode(new HpackDecoder(0), block)).toEqual(texts);
      }),
    );
  });

  it('answer any bytes without an exception', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 8 }), (blocks) => {
        const decoder = new HpackDecoder(128);
        for (const block of blocks) decode(decoder, block, 500);
        expect(decoder.tableBytes).toBeLessThanOrEqual(128);
      }),
      { numRuns: 2000 },
    );
  });

  it('use one byte for a field of the static table', () => {
    expect(encodeHeaders([[':status', '200']])).toEqual(hex('88'));
  });
});

describe('a field list', () => {
  it('measures what is beyond its bound without keeping it', () => {
    const decoder = new HpackDecoder(4096);
    const list = new FieldList(100);
    const bomb = Uint8Array.from([0x40, 1, 0x61, 1, 0x62, ...new Array<number>(500).fill(0xbe)]);
    expect(decoder.decode(bomb, 0, bomb.length, list)).toBe(true);
    expect(list.isTooLarge).toBe(true);
    expect(list.fields).toHaveLength(2);
    list.clear();
    expect(list.isTooLarge).toBe(false);
  });
});
