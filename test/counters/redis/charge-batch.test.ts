/** What a reply says that a batch has added: by it lost calls are counted. */
import { expect, test } from 'vitest';
import { ChargeBatch } from '../../../src/counters/redis/charge-batch.ts';
import type { ChargeGroup } from '../../../src/limiter/counter-store.ts';
import { group, groupOf, stopGroup, wholeGroup } from '../../contract/charges.ts';
import { packed } from './fake-redis.ts';

/** The clock, that the batch was made, and eight calls before it. */
const HEAD = [1_000_000, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const WRONGTYPE = Buffer.from('WRONGTYPE');

const rows: [string, ChargeGroup[], number[], number, Buffer?][] = [
  ['charges of one counter', [group({ key: 'a', hits: 2 }), group({ key: 'a' })], [0], 3],
  ['a peek and a refund', [group({ key: 'a', hits: 0 }, { key: 'b', isRefund: true })], [5, 5], 0],
  ['a counter that is none', [group({ key: 'a', hits: 2 }, { key: 'b' })], [-1, 4], 1, WRONGTYPE],
  ['a whole that fits', [wholeGroup({ key: 'a', hits: 2 }, { key: 'b' })], [0, 2, 7, 8], 3],
  // What is over reads as if it had been made.
  ['a whole that is refused', [wholeGroup({ key: 'a' }, { key: 'b' })], [3, 3, 10, 11], 0],
  ['a whole over what binds nobody', [wholeGroup({ key: 'a', isBinding: false })], [10, 11], 1],
  ['one of two that stopped', [stopGroup({ key: 'a' }, { key: 'b' })], [3, 3, 10, 11], 1],
  [
    'a request with an id, and a refund in it',
    [
      groupOf(group({ key: 'a', hits: 4 }, { key: 'b', isRefund: true }).charges, {
        requestId: 'i',
      }),
    ],
    [1, 5, 9, 8],
    4,
  ],
];

test.each(rows)('%s', (_name, groups, counts, hitsAdded, ...texts) => {
  const batch = new ChargeBatch({ format: 'exact', prefix: '', tag: '' });
  for (const its of groups) batch.add(its);
  expect(batch.read([packed([...HEAD, ...counts]), ...texts])).toMatchObject({ kind: 'made' });
  expect(batch.hitsAdded).toBe(hitsAdded);
});

test('nothing, by a batch that came too late', () => {
  const batch = new ChargeBatch({ format: 'exact', prefix: '', tag: '' });
  batch.add(group({ key: 'a' }));
  expect(batch.read([packed(HEAD.with(1, 1))])).toMatchObject({ kind: 'late' });
  expect(batch.hitsAdded).toBe(0);
});
