/** Whatever a server answers, a batch is read to numbers or not at all. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ChargeBatch } from '../../../src/counters/redis/charge-batch.ts';
import type { Charge, ChargeGroup } from '../../../src/limiter/counter-store.ts';
import { group, wholeGroup } from '../../contract/charges.ts';
import { packed } from './fake-redis.ts';

const HEAD = [Date.now(), 0, 9, 8, 7, 0, 0, 0, 0, 0];
const GOOD = packed([...HEAD, 300, 70_000, 1, 2 ** 40, 2 ** 40 + 1, 0, 1]);

/** Reads it, and deals out what was read; null when it was taken for no reply of the script. */
function readingsOf(reply: unknown): number[] | null {
  const groups: ChargeGroup[] = [
    group({ key: 'a' }, { key: 'b', hits: 0 }),
    group({ key: 'c', isRefund: true }),
    wholeGroup({ key: 'd' }, { key: 'e' }),
  ];
  const batch = new ChargeBatch({ format: 'exact', prefix: '', tag: '' });
  for (const its of groups) batch.add(its);
  const outcome = batch.read(reply);
  if (outcome === null) return null;
  const numbers = [outcome.clock, ...outcome.made, batch.hitsAdded];
  if (outcome.kind !== 'made') return numbers;
  for (const its of groups) batch.deal(its, false);
  const readingOf = ({ before, after, resetMs }: Charge) => [before, after, resetMs];
  return [...numbers, ...groups.flatMap(({ charges }) => charges.flatMap(readingOf))];
}

function expectNumbers(reply: unknown): void {
  for (const number of readingsOf(reply) ?? []) {
    expect(Number.isSafeInteger(number) && number >= 0).toBe(true);
  }
}

test('the reply that the others are made from is read', () => {
  expect(readingsOf([GOOD])).toContain(2 ** 40 + 1);
});

test('values of any kind are no reply', () => {
  const values = fc.anything({ withNullPrototype: true });
  fc.assert(
    fc.property(values, (reply) => {
      expect(readingsOf(reply)).toBeNull();
      expect(readingsOf([GOOD, reply])).toBeNull();
    }),
  );
});

const bytes = fc.uint8Array({ maxLength: 120 });

test('bytes of any value are read to numbers, or not at all', () => {
  const texts = fc.array(fc.oneof(bytes, fc.anything()), { maxLength: 3 });
  fc.assert(fc.property(bytes, texts, (list, more) => expectNumbers([list, ...more])));
  const begun = bytes.map((rest) => Buffer.concat([GOOD.subarray(0, 12), rest]));
  fc.assert(fc.property(begun, texts, (list, more) => expectNumbers([list, ...more])));
});

test('the reply with some bytes changed, or cut, is read to numbers or not at all', () => {
  const change = fc.tuple(fc.nat(GOOD.length - 1), fc.nat(255));
  const changes = fc.array(change, { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(changes, fc.nat(GOOD.length), bytes, (its, length, text) => {
      const list = Buffer.from(GOOD);
      for (const [at, byte] of its) list[at] = byte;
      expectNumbers([list]);
      expectNumbers([list, text]);
      if (length < GOOD.length) expect(readingsOf([GOOD.subarray(0, length)])).toBeNull();
    }),
  );
});
