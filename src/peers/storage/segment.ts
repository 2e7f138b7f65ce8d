/**
 * A file of the log: a header and records, each with the number behind the one before. Only the
 * last segment is written to; the others are sealed, and have no excuse for anything that does not
 * check.
 */
import { crc32 } from 'node:zlib';
import { hasEmptySector, hasFrameBehind, readFrame } from './frame.ts';
import { decodeRecord, type LogRecord } from './log-record.ts';

/** Magic, number of the first record, CRC of both. */
export const SEGMENT_HEADER_BYTES = 20;
const MAGIC = new TextEncoder().encode('weirlog1');
const CHECKED_BYTES = 16;

export interface ScannedRecord {
  readonly offset: number;
  readonly bytes: number;
  readonly record: LogRecord;
}

/** From here on the file is no log. */
export interface Damage {
  readonly offset: number;
  readonly what: string;
  /** A crash explains it: nobody was told that what is missing had been written. */
  readonly isTorn: boolean;
}

export interface SegmentScan {
  readonly records: readonly ScannedRecord[];
  readonly damage: Damage | null;
}

export function encodeSegmentHeader(firstNumber: number): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setBigUint64(8, BigInt(firstNumber));
  view.setUint32(CHECKED_BYTES, crc32(bytes.subarray(0, CHECKED_BYTES)));
  return bytes;
}

/** All records up to the first that does not check. */
export function scanSegment(bytes: Uint8Array, firstNumber: number): SegmentScan {
  const records: ScannedRecord[] = [];
  let damage = headerDamage(bytes, firstNumber);
  let offset = SEGMENT_HEADER_BYTES;
  while (damage === null && offset < bytes.length) {
    const found = recordAt(bytes, offset, firstNumber + records.length);
    if ('what' in found) damage = found;
    else {
      records.push(found);
      offset += found.bytes;
    }
  }
  return { records, damage };
}

function headerDamage(bytes: Uint8Array, firstNumber: number): Damage | null {
  if (bytes.length < SEGMENT_HEADER_BYTES) {
    return { offset: 0, what: 'the file ends within its header', isTorn: true };
  }
  const expected = encodeSegmentHeader(firstNumber);
  if (expected.every((byte, i) => bytes[i] === byte)) return null;
  // It was written together with the first record: a crash explains it as long as nothing followed.
  const isTorn = hasEmptySector(bytes, 0, SEGMENT_HEADER_BYTES) && !hasFrameBehind(bytes, 0);
  return { offset: 0, what: `this is not the header of segment ${firstNumber}`, isTorn };
}

function recordAt(bytes: Uint8Array, offset: number, number: number): ScannedRecord | Damage {
  const frame = readFrame(bytes, offset);
  if ('what' in frame) return { offset, ...frame };
  if (frame.number !== number) {
    return { offset, what: `record ${frame.number} where ${number} belongs`, isTorn: false };
  }
  try {
    return { offset, bytes: frame.end - offset, record: decodeRecord(frame.payload) };
  } catch (error) {
    const what = `the record makes no sense: ${(error as Error).message}`;
    return { offset, what, isTorn: false };
  }
}
