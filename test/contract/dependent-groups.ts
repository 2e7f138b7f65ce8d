/** The part of the contract that is about groups whose charges depend on one another, or have an id. */
import { describe, expect, test } from 'vitest';
import { ChargePolicy, type CounterStore } from '../../src/limiter/counter-store.ts';
import { ask, askOne, group, groupOf, readings, stopGroup, wholeGroup } from './charges.ts';
import { HOSTILE_KEYS } from './hostile-keys.ts';

/** `fresh` makes a key that no other test has. */
export function dependentGroupsContract(
  store: () => CounterStore,
  fresh: (rest?: string) => string,
): void {
  describe('a group that stops when over', () => {
    const cases: [string, [count: number, limit: number, hits: number][], string[]][] = [
      [
        'charges all that fit',
        [
          [0, 1, 1],
          [4, 5, 1],
        ],
        ['0>1', '4>5'],
      ],
      [
        'charges only those over',
        [
          [5, 5, 1],
          [1, 5, 1],
        ],
        ['5>6', '1>1'],
      ],
      [
        'charges all when all are over',
        [
          [5, 5, 1],
          [7, 5, 2],
        ],
        ['5>6', '7>9'],
      ],
      [
        'reads the others',
        [
          [0, 5, 1],
          [5, 5, 1],
          [2, 5, 0],
        ],
        ['0>0', '5>6', '2>2'],
      ],
      [
        'a peek beyond its limit stops the others',
        [
          [6, 5, 0],
          [1, 5, 1],
        ],
        ['6>6', '1>1'],
      ],
      [
        'a peek at its limit does not',
        [
          [5, 5, 0],
          [1, 5, 1],
        ],
        ['5>5', '1>2'],
      ],
    ];
    test.each(cases)('%s', async (_, its, expected) => {
      const keys = its.map(() => fresh());
      for (const [index, [hits]] of its.entries()) {
        if (hits > 0) await askOne(store(), { key: keys[index] as string, hits });
      }
      const charges = its.map(([, limit, hits], index) => ({
        key: keys[index] as string,
        limit,
        hits,
      }));
      expect(readings(await ask(store(), [stopGroup(...charges)]))).toEqual([expected]);
    });

    test('alone it is charged, over or not', async () => {
      const key = fresh();
      await askOne(store(), { key, hits: 10 });
      expect(readings(await ask(store(), [stopGroup({ key })]))).toEqual([['10>11']]);
    });

    test('makes every refund, and a refund stops nobody', async () => {
      const [a, b, c] = [fresh(), fresh(), fresh()];
      await ask(store(), [group({ key: a, hits: 20 }, { key: b, hits: 20 })]);
      const refund = { key: a, hits: 1, isRefund: true };
      expect(readings(await ask(store(), [stopGroup(refund, { key: c })]))).toEqual([
        ['20>19', '0>1'],
      ]);
      expect(readings(await ask(store(), [stopGroup(refund, { key: b }, { key: c })]))).toEqual([
        ['19>18', '20>21', '1>1'],
      ]);
    });

    test('decides on the counters as they were before it, also when one is named twice', async () => {
      const key = fresh();
      const twice = stopGroup({ key, limit: 1 }, { key, limit: 1 });
      expect(readings(await ask(store(), [twice]))).toEqual([['0>1', '1>2']]);
    });
  });

  describe('a group that is charged whole or not at all', () => {
    test('charges all when all fit', async () => {
      const [a, b] = [fresh(), fresh()];
      expect(readings(await ask(store(), [wholeGroup({ key: a }, { key: b, hits: 10 })]))).toEqual([
        ['0>1', '0>10'],
      ]);
    });

    test('charges none when one does not, and reads that one as over', async () => {
      const [a, b] = [fresh(), fresh()];
      await askOne(store(), { key: b, hits: 10 });
      const its = wholeGroup({ key: a }, { key: b, hits: 2 });
      expect(readings(await ask(store(), [its]))).toEqual([['0>0', '10>12']]);
      expect(await askOne(store(), { key: a, hits: 0 })).toBe('0>0');
      expect(await askOne(store(), { key: b, hits: 0 })).toBe('10>10');
    });

    test('one alone that is over is not charged', async () => {
      const key = fresh();
      await askOne(store(), { key, hits: 10 });
      expect(readings(await ask(store(), [wholeGroup({ key })]))).toEqual([['10>11']]);
      expect(await askOne(store(), { key, hits: 0 })).toBe('10>10');
    });

    test('one that does not bind turns nobody away', async () => {
      const [a, b] = [fresh(), fresh()];
      await askOne(store(), { key: a, hits: 10 });
      const its = wholeGroup({ key: a, isBinding: false }, { key: b });
      expect(readings(await ask(store(), [its]))).toEqual([['10>11', '0>1']]);
    });

    test('a counter that is named twice is judged with the hits of both', async () => {
      const key = fresh();
      const twice = wholeGroup({ key, limit: 1 }, { key, limit: 1 });
      expect(readings(await ask(store(), [twice]))).toEqual([['0>0', '0>2']]);
      expect(await askOne(store(), { key, hits: 0 })).toBe('0>0');
    });

    test('makes its refunds either way', async () => {
      const [a, b] = [fresh(), fresh()];
      await askOne(store(), { key: a, hits: 5 });
      const its = wholeGroup({ key: a, isRefund: true }, { key: b, limit: 0 });
      expect(readings(await ask(store(), [its]))).toEqual([['5>4', '0>1']]);
      expect(await askOne(store(), { key: b, hits: 0 })).toBe('0>0');
    });
  });

  describe('a request with an id', () => {
    const named = (requestId: string, ...its: Parameters<typeof group>) =>
      groupOf(group(...its).charges, { requestId });

    test('is charged once, and a retry reads what the first did', async () => {
      const [a, b, id] = [fresh(), fresh(), fresh('id')];
      const charges = [{ key: a, hits: 3 }, { key: b }];
      expect(readings(await ask(store(), [named(id, ...charges)]))).toEqual([['0>3', '0>1']]);
      await askOne(store(), { key: a });
      expect(readings(await ask(store(), [named(id, ...charges)]))).toEqual([['0>3', '0>1']]);
      expect(await askOne(store(), { key: a, hits: 0 })).toBe('4>4');
    });

    test('twice in one batch is charged once', async () => {
      const [key, id] = [fresh(), fresh('id')];
      const groups = await ask(store(), [named(id, { key }), named(id, { key })]);
      expect(readings(groups)).toEqual([['0>1'], ['0>1']]);
    });

    test('another id is charged by itself, and so is the same id over other counters', async () => {
      const [a, b, id] = [fresh(), fresh(), fresh('id')];
      await ask(store(), [named(id, { key: a })]);
      expect(readings(await ask(store(), [named(`${id}2`, { key: a })]))).toEqual([['1>2']]);
      expect(readings(await ask(store(), [named(id, { key: b })]))).toEqual([['0>1']]);
    });

    test('a refund with the id of its charge is made, once', async () => {
      const [key, id] = [fresh(), fresh('id')];
      const refund = () => named(id, { key, hits: 2, isRefund: true });
      await ask(store(), [named(id, { key, hits: 3 })]);
      expect(readings(await ask(store(), [refund(), refund()]))).toEqual([['3>1'], ['3>1']]);
      expect(readings(await ask(store(), [named(id, { key, hits: 3 })]))).toEqual([['0>3']]);
      expect(await askOne(store(), { key, hits: 0 })).toBe('1>1');
    });

    test('a refusal is remembered too', async () => {
      const [key, id] = [fresh(), fresh('id')];
      const its = () => ({ ...wholeGroup({ key, limit: 0 }), requestId: id });
      expect(readings(await ask(store(), [its(), its()]))).toEqual([['0>1'], ['0>1']]);
    });

    test('is given back once, and a retry is charged anew', async () => {
      const [a, b, id] = [fresh(), fresh(), fresh('id')];
      const charges = [{ key: a, hits: 3 }, { key: b }];
      const back = () => ({
        ...named(id, { key: a, hits: 3, isRefund: true }, { key: b, hits: 0, isRefund: true }),
        policy: ChargePolicy.GIVE_BACK,
      });
      expect(readings(await ask(store(), [back()]))).toEqual([['0>0', '0>0']]);
      await ask(store(), [named(id, ...charges)]);
      await askOne(store(), { key: a });
      expect(readings(await ask(store(), [back(), back()]))).toEqual([
        ['4>1', '1>1'],
        ['1>1', '1>1'],
      ]);
      expect(readings(await ask(store(), [named(id, ...charges)]))).toEqual([['1>4', '1>2']]);
    });

    test.each(Object.entries(HOSTILE_KEYS))('of %s', async (_, rest) => {
      const [key, id] = [fresh(), fresh(rest)];
      await ask(store(), [named(id, { key })]);
      expect(readings(await ask(store(), [named(id, { key })]))).toEqual([['0>1']]);
    });
  });
}
