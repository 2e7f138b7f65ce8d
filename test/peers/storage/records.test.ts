/** Bytes: numbers, records, frames, snapshots, identities; what is torn and what is damaged. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isTemporary, segmentName, segmentNumber } from '../../../src/peers/storage/file-names.ts';
import { readFrame, SECTOR_BYTES, sealFrame } from '../../../src/peers/storage/frame.ts';
import { decodeIdentity, encodeIdentity } from '../../../src/peers/storage/identity.ts';
import {
  decodeRecord,
  encodeRecord,
  type LogRecord,
} from '../../../src/peers/storage/log-record.ts';
import {
  encodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  scanSegment,
} from '../../../src/peers/storage/segment.ts';
import { decodeSnapshot, encodeSnapshot } from '../../../src/peers/storage/snapshot-file.ts';
import { ByteReader, ByteWriter } from '../../../src/peers/storage/varints.ts';
import { entries, entry, snapshotOf } from './support/persists.ts';

const MAX = Number.MAX_SAFE_INTEGER;
const record: LogRecord = {
  term: 3,
  vote: 'a',
  snapshot: { index: 0, term: 0 },
  truncateFrom: null,
  entries: entries(1, 3),
};

describe('a number', () => {
  test.each([0, 1, 127, 128, 16_383, 16_384, 2 ** 32, MAX])('%i comes back', (number) => {
    const writer = new ByteWriter(8, 0);
    writer.number(number);
    const reader = new ByteReader(writer.finish());
    expect(reader.number()).toBe(number);
    expect(() => reader.finish()).not.toThrow();
  });

  test.each([
    ['that ends too early', [0x80], 'ends within a number'],
    ['of nine bytes', Array<number>(8).fill(0x80), 'too long'],
    ['above 2^53 − 1', Array<number>(7).fill(0xff).concat(0x7f), 'too large'],
  ])('%s is refused', (_name, bytes, problem) => {
    expect(() => new ByteReader(Uint8Array.from(bytes)).number()).toThrow(problem);
  });

  test('a block that ends too early, or has bytes behind it, is refused', () => {
    expect(() => new ByteReader(Uint8Array.from([2, 1])).block()).toThrow('within a block');
    expect(() => new ByteReader(Uint8Array.from([1])).finish()).toThrow('1 bytes follow');
  });
});

describe('a record', () => {
  const count = fc.maxSafeNat();
  const anyRecord = fc
    .record({
      term: count,
      vote: fc.option(fc.string({ minLength: 1, unit: 'binary' }), { nil: null }),
      snapshot: fc.record({ index: count, term: count }),
      truncateFrom: fc.option(fc.integer({ min: 1, max: MAX }), { nil: null }),
      first: fc.integer({ min: 1, max: 2 ** 50 }),
      logged: fc.array(
        fc.record({ term: count, payload: fc.option(fc.uint8Array(), { nil: null }) }),
      ),
    })
    .map(({ first, logged, ...rest }) => ({
      ...rest,
      entries: logged.map((one, i) => ({ index: first + i, ...one })),
    }));

  test('comes back as it was written', () => {
    fc.assert(
      fc.property(anyRecord, fc.maxSafeNat(), (one, number) => {
        const frame = readFrame(encodeRecord(one, number), 0);
        if ('what' in frame) throw new Error(frame.what);
        expect(frame.number).toBe(number);
        expect(decodeRecord(frame.payload)).toEqual(one);
      }),
    );
  });

  test('of other bytes is refused, never misread into a crash', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        try {
          decodeRecord(bytes);
        } catch (error) {
          // A vote that is no UTF-8 is a TypeError of the decoder.
          expect(error instanceof RangeError || error instanceof TypeError).toBe(true);
        }
      }),
    );
  });
});

/** A segment with these records, from number 1. */
function segment(...records: readonly LogRecord[]): Uint8Array {
  const frames = records.map((one, i) => encodeRecord(one, i + 1));
  return new Uint8Array(Buffer.concat([encodeSegmentHeader(1), ...frames]));
}

const one = segment(record);
const two = segment(record, { ...record, truncateFrom: 2, entries: entries(2, 4) });
/** Where the second begins. */
const second = one.length;

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

function zeroed(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return bytes.slice().fill(0, from, to);
}

describe('a segment', () => {
  test('gives its records with their places', () => {
    const { records, damage } = scanSegment(two, 1);
    expect(damage).toBeNull();
    expect(records.map(({ offset, bytes }) => [offset, bytes])).toEqual([
      [SEGMENT_HEADER_BYTES, second - SEGMENT_HEADER_BYTES],
      [second, two.length - second],
    ]);
    expect(records[1]?.record.entries).toEqual(entries(2, 4));
  });

  test('cut anywhere within its last record is torn there, and keeps what is before', () => {
    for (let size = second + 1; size < two.length; size++) {
      const { records, damage } = scanSegment(two.subarray(0, size), 1);
      expect(records).toHaveLength(1);
      expect(damage).toMatchObject({ offset: second, isTorn: true });
    }
  });

  test('with a sector of its last record not written is torn there', () => {
    for (let at = 0; at < two.length; at += SECTOR_BYTES) {
      const [from, to] = [Math.max(at, second), at + SECTOR_BYTES];
      if (to <= second) continue;
      const { records, damage } = scanSegment(zeroed(two, from, to), 1);
      expect(records).toHaveLength(1);
      expect(damage, `sector at ${at}`).toMatchObject({ offset: second, isTorn: true });
    }
  });

  test('with any bit turned is damaged, not torn: what was written was whole', () => {
    for (let at = 0; at < two.length; at++) {
      const { damage } = scanSegment(flipped(two, at), 1);
      // A length that points past the end is the one that cannot be told; the header's CRC does.
      expect(damage, `byte ${at}`).toMatchObject({ isTorn: false });
    }
  });

  test('with a sector of an earlier record lost is damaged: a record follows', () => {
    expect(scanSegment(zeroed(two, 512, 1024), 1).damage).toMatchObject({ isTorn: false });
    expect(scanSegment(zeroed(two, 0, 512), 1).damage).toMatchObject({ offset: 0, isTorn: false });
    expect(scanSegment(zeroed(two, SEGMENT_HEADER_BYTES, 512), 1).damage).toMatchObject({
      offset: SEGMENT_HEADER_BYTES,
      isTorn: false,
    });
  });

  test.each([
    ['nothing', new Uint8Array(), true],
    ['part of the header', one.subarray(0, 7), true],
    ['zeros', new Uint8Array(2000), true],
    ['the rest but not the first sector', zeroed(one, 0, 512), true],
    ['the header of another', encodeSegmentHeader(2), false],
  ])('that holds %s has no header', (_name, bytes, isTorn) => {
    expect(scanSegment(bytes, 1)).toMatchObject({ records: [], damage: { offset: 0, isTorn } });
  });

  test('with a record of another number is damaged', () => {
    const other = Buffer.concat([encodeSegmentHeader(1), encodeRecord(record, 2)]);
    const { damage } = scanSegment(new Uint8Array(other), 1);
    expect(damage).toEqual({ offset: 20, what: 'record 2 where 1 belongs', isTorn: false });
  });

  test('with a whole record of something else is damaged', () => {
    const frame = sealFrame(new Uint8Array(30).fill(0xff), 1);
    const { damage } = scanSegment(
      new Uint8Array(Buffer.concat([encodeSegmentHeader(1), frame])),
      1,
    );
    expect(damage?.isTorn).toBe(false);
    expect(damage?.what).toContain('the record makes no sense: it ends within a number');
  });

  test('may hold in a payload what looks like the beginning of a record', () => {
    const inner = new TextDecoder('latin1').decode(encodeRecord(record, 7).subarray(0, 4));
    const odd = segment({ ...record, entries: [entry(1, 1, inner.repeat(300))] });
    expect(scanSegment(odd, 1).records).toHaveLength(1);
    expect(scanSegment(zeroed(odd, 20, 512), 1).damage).toMatchObject({ isTorn: true });
  });
});

describe('a snapshot file', () => {
  const file = encodeSnapshot(snapshotOf(5, 2));

  test('comes back, an empty one too', () => {
    expect(decodeSnapshot(file)).toEqual(snapshotOf(5, 2));
    expect(decodeSnapshot(encodeSnapshot(snapshotOf(5, 2, '')))).toEqual(snapshotOf(5, 2, ''));
  });

  test('with any bit turned or any byte missing is refused', () => {
    for (let at = 0; at < file.length; at++) {
      expect(decodeSnapshot(flipped(file, at)), `byte ${at}`).toMatch(/fails? (?:its|their) check/);
      expect(decodeSnapshot(file.subarray(0, at)), `size ${at}`).toMatch(/fail|ends within/);
    }
  });
});

describe('an identity', () => {
  const identity = { format: 1, clusterId: 'c', nodeId: 'a', starts: 3 };
  const text = new TextDecoder().decode(encodeIdentity(identity));

  test('comes back, and can be read by a person', () => {
    expect(decodeIdentity(encodeIdentity(identity))).toEqual(identity);
    expect(text).toContain('"nodeId": "a"');
  });

  test.each([
    ['', 'JSON'],
    ['5', 'it has no format'],
    ['null', 'it has no format'],
    ['{"format": 2}', 'its format is 2, this version of Weir knows 1'],
    ['{"format": 1}', 'a field is missing'],
    [text.replace('"a"', '"b"'), 'it was changed'],
  ])('%j is refused', (wrong, problem) => {
    expect(decodeIdentity(new TextEncoder().encode(wrong))).toContain(problem);
  });
});

test('names sort as their numbers do, and other names are not ours', () => {
  expect(segmentName(9) < segmentName(10)).toBe(true);
  expect(segmentNumber(segmentName(MAX))).toBe(MAX);
  expect(['log-1', 'log-', 'x.tmp'].map(segmentNumber)).toEqual([null, null, null]);
  expect(['x.tmp', `${segmentName(1)}.tmp`, 'lock-9-1.tmp'].map(isTemporary)).toEqual([
    false,
    true,
    true,
  ]);
});
