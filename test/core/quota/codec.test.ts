import { describe, expect, test } from 'vitest';
import { NAME_BYTES_MAX, REPORT_ITEMS_MAX } from '../../../src/core/quota/bounds.ts';
import { MalformedBytes } from '../../../src/core/quota/byte-reader.ts';
import { decodeCommand, encodeCommand } from '../../../src/core/quota/command-codec.ts';
import { fingerprintOf } from '../../../src/core/quota/fingerprint.ts';
import { decodeLedger, encodeLedger } from '../../../src/core/quota/ledger-codec.ts';
import { LedgerBench } from './support/ledger-bench.ts';

describe('the size of what travels', () => {
  test('a full report fits into a log entry of 64 KiB', () => {
    const n = Number.MAX_SAFE_INTEGER;
    const resource = 'r'.repeat(NAME_BYTES_MAX);
    const items = Array.from({ length: REPORT_ITEMS_MAX }, () => ({
      resource,
      window: n,
      used: n,
      returned: n,
    }));
    const bytes = encodeCommand({ kind: 'report', ts: n, session: n, sequence: n, items });
    expect(bytes.length).toBeLessThan(64 * 1024);
    expect(decodeCommand(bytes)).toMatchObject({ items });
  });

  test.each([
    [[], 'cut off'],
    [[2, 0, 0], 'version 2'],
    [[1, 9, 0], 'above 8'],
    [[1, 0, 0, 0], 'left over'],
    [[1, 0, 0x80, 0], 'too long'],
    [[1, 2, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 'above'],
    [[1, 1, 0, 2, 97], 'cut off'],
    [[1, 1, 0, 1, 0xff, 0], 'UTF-8'],
    [[1, 1, 0, 0x81, 0x04], 'above 512'],
    [[1, 8, 0, 1, 97, 1, 5, 0], 'unit'],
  ])('a command of bytes %j is refused: %s', (bytes, problem) => {
    expect(() => decodeCommand(Uint8Array.from(bytes))).toThrow(MalformedBytes);
    expect(() => decodeCommand(Uint8Array.from(bytes))).toThrow(problem);
  });
});

describe('a snapshot that no ledger wrote', () => {
  const broken = (spoil: (bench: LedgerBench) => void): Uint8Array => {
    const bench = new LedgerBench();
    bench.allocate('c', 1, 10);
    bench.allocate('r', 1, 10, 1);
    spoil(bench);
    return encodeLedger(bench.ledger);
  };

  test.each<[string, (bench: LedgerBench) => void]>([
    ['sums do not add up', ({ count }) => (count.totals = { ...count.totals, used: 1 })],
    ['less taken than out', ({ count }) => (count.taken = 9)],
    [
      'a share used beyond itself',
      ({ count }) => count.shares.set(1, { ...count.shares.get(1)!, used: 11 }),
    ],
    [
      'a share of a later window',
      ({ count }) => count.shares.set(1, { ...count.shares.get(1)!, window: 11_000 }),
    ],
    ['a window that begins within another', ({ count }) => (count.window = 10_001)],
    [
      'a share of the future',
      ({ count }) => count.shares.set(1, { ...count.shares.get(1)!, generation: 99 }),
    ],
    ['a share of nobody', ({ rate }) => rate.shares.set(7, rate.shares.get(1)!)],
    [
      'a target above its share',
      ({ rate }) => rate.shares.set(1, { ...rate.shares.get(1)!, target: { rate: 11, burst: 1 } }),
    ],
    [
      'a share of nothing',
      ({ rate }) =>
        rate.shares.set(1, {
          ...rate.shares.get(1)!,
          held: { rate: 0, burst: 0 },
          target: { rate: 0, burst: 0 },
        }),
    ],
  ])('is refused: %s', (_name, spoil) => {
    expect(() => decodeLedger(broken(spoil))).toThrow(MalformedBytes);
  });

  test.each([
    [[], 'cut off'],
    [[9], 'version 9'],
    [[1, 0, 1, 1, 2, 1, 97, 0, 0, 0], 'session is of the future'],
    [[1, 0, 5, 2, 2, 1, 97, 0, 0, 1, 1, 98, 0, 0, 0], 'out of order'],
    [[1, 0, 5, 1, 2, 0, 0, 0, 0], 'name'],
    [[1, 0, 5, 0, 1, 1, 97, 0], 'no quota'],
  ])('of bytes %j is refused: %s', (bytes, problem) => {
    expect(() => decodeLedger(Uint8Array.from(bytes))).toThrow(MalformedBytes);
    expect(() => decodeLedger(Uint8Array.from(bytes))).toThrow(problem);
  });
});

describe('fingerprints', () => {
  test('of every single changed bit, and of every length, differ', () => {
    const seen = new Set([fingerprintOf(new Uint8Array(64))]);
    for (let bit = 0; bit < 512; bit += 1) {
      const bytes = new Uint8Array(64);
      bytes[bit >> 3] = 1 << (bit & 7);
      seen.add(fingerprintOf(bytes));
    }
    for (let length = 0; length < 64; length += 1) seen.add(fingerprintOf(new Uint8Array(length)));
    expect(seen.size).toBe(1 + 512 + 64);
    for (const one of seen) expect(one).toMatch(/^[0-9a-f]{16}$/);
  });
});
