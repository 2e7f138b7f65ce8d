/** What every CounterStore must do, as one suite that each adapter's tests run. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UNIT_NAMES, UNIT_SECONDS, Unit } from '../../src/core/rules/unit.ts';
import type { WallMs } from '../../src/core/time.ts';
import {
  type ChargeGroup,
  ChargePolicy,
  COUNT_MAX,
  type CounterStore,
} from '../../src/limiter/counter-store.ts';
import { ask, askOne, charge, group, groupOf, Model, readings, stopGroup } from './charges.ts';
import { dependentGroupsContract } from './dependent-groups.ts';
import { HOSTILE_KEYS } from './hostile-keys.ts';

export interface ContractRig {
  readonly store: CounterStore;
  /** The clock that cuts the store's windows. */
  now(): Promise<WallMs>;
  /** Resolves when that clock is at `time` or past it. */
  reach(time: WallMs): Promise<void>;
  /** Within a batch, groups of policy STOP_WHEN_OVER take their turn after all others. */
  readonly vectorsLast: boolean;
  /**
   * Counters live in several places: groups that are decided on the whole are not one step there, and
   * equal one-by-one calls only one at a time.
   */
  readonly isSplit?: boolean;
  close(): Promise<void>;
}

const HITS = [0, 1, 2, 7, 1000, COUNT_MAX - 1, COUNT_MAX];
const LIMITS = [0, 1, 8, 1000, COUNT_MAX];
/** Of groups that callers make. */
const POLICIES = [ChargePolicy.ALL, ChargePolicy.STOP_WHEN_OVER, ChargePolicy.ALL_OR_NOTHING];
/** Batches of the property, by store: a real Redis takes longer for each. */
const PROPERTY_RUNS = 150;

export function counterStoreContract(name: string, makeRig: () => Promise<ContractRig>): void {
  describe(`${name} as a counter store`, () => {
    let rig: ContractRig;
    let store: CounterStore;
    let made = 0;
    /** A key that no other test has. */
    const fresh = (rest = '') => `${(made += 1)}:${rest}`;
    beforeAll(async () => {
      rig = await makeRig();
      store = rig.store;
    });
    afterAll(() => rig.close());

    /** Awaits a time with at least `ms` left in the current second. */
    const withinSecond = async (ms: number) => {
      const now = await rig.now();
      if (1000 - (now % 1000) < ms) await rig.reach(now + 1000 - (now % 1000));
    };

    test('counts up from nothing, and tells the count before and after', async () => {
      const key = fresh();
      expect(await askOne(store, { key })).toBe('0>1');
      expect(await askOne(store, { key, hits: 5 })).toBe('1>6');
    });

    test.each(
      UNIT_SECONDS.slice(1).map((seconds, index) => [UNIT_NAMES[index + 1], seconds, index + 1]),
    )('tells the end of a window of a %s', async (_, seconds, unit) => {
      const earliest = await rig.now();
      const groups = await ask(store, [group({ key: fresh(), unit: unit as Unit })]);
      const latest = await rig.now();
      const length = seconds * 1000;
      const resetMs = groups[0]?.charges[0]?.resetMs as number;
      expect(resetMs).toBeGreaterThanOrEqual(1);
      expect(resetMs).toBeLessThanOrEqual(length);
      const slack = latest - earliest;
      const expected = length - (earliest % length);
      // The charge was made between both looks at the clock; in between a window may have ended.
      expect((expected - resetMs + length) % length).toBeLessThanOrEqual(slack);
    });

    test('keeps a count until its window ends, and not longer', async () => {
      const key = fresh();
      const unit = Unit.SECOND;
      await withinSecond(400);
      const start = await rig.now();
      const end = start - (start % 1000) + 1000;
      expect(await askOne(store, { key, unit, hits: 3 })).toBe('0>3');
      expect(await askOne(store, { key, unit })).toBe('3>4');
      await rig.reach(end);
      expect(await askOne(store, { key, unit, hits: 0 })).toBe('0>0');
      expect(await askOne(store, { key, unit })).toBe('0>1');
    });

    test('a window ends for each unit on its own', async () => {
      const key = fresh();
      await withinSecond(400);
      const end = (await rig.now()) + 1000;
      await ask(store, [group({ key: `${key}s`, unit: Unit.SECOND }, { key: `${key}h` })]);
      await rig.reach(end);
      const second = await ask(store, [
        group({ key: `${key}s`, unit: Unit.SECOND }, { key: `${key}h` }),
      ]);
      expect(readings(second)).toEqual([['0>1', '1>2']]);
    });

    test('deals the hits of a batch out in order', async () => {
      const [a, b] = [fresh('a'), fresh('b')];
      const groups = await ask(store, [
        group({ key: a, hits: 2 }, { key: b }),
        group({ key: a, hits: 3 }),
        group({ key: b, hits: 4 }, { key: a }, { key: a }),
      ]);
      expect(readings(groups)).toEqual([['0>2', '0>1'], ['2>5'], ['1>5', '5>6', '6>7']]);
    });

    test('gives back, never below 0', async () => {
      const key = fresh();
      await askOne(store, { key, hits: 5 });
      expect(await askOne(store, { key, hits: 2, isRefund: true })).toBe('5>3');
      expect(await askOne(store, { key, hits: 9, isRefund: true })).toBe('3>0');
      expect(await askOne(store, { key, hits: 9, isRefund: true })).toBe('0>0');
      expect(await askOne(store, { key })).toBe('0>1');
    });

    test('charges, refunds and peeks of one counter in one batch keep their order', async () => {
      const key = fresh();
      const groups = await ask(store, [
        group({ key, hits: 0 }),
        group({ key, hits: 4 }),
        group({ key, hits: 0 }),
        group({ key, hits: 6, isRefund: true }, { key, hits: 0 }, { key, hits: 2 }),
        group({ key, hits: 1, isRefund: true }),
      ]);
      expect(readings(groups)).toEqual([['0>0'], ['0>4'], ['4>4'], ['4>0', '0>0', '0>2'], ['2>1']]);
    });

    test('a peek reads and changes nothing', async () => {
      const key = fresh();
      expect(await askOne(store, { key, hits: 0 })).toBe('0>0');
      await askOne(store, { key, hits: 7 });
      expect(await askOne(store, { key, hits: 0 })).toBe('7>7');
      expect(await askOne(store, { key, hits: 0 })).toBe('7>7');
    });

    test('counts stay at COUNT_MAX', async () => {
      const key = fresh();
      expect(await askOne(store, { key, hits: COUNT_MAX })).toBe(`0>${COUNT_MAX}`);
      expect(await askOne(store, { key, hits: COUNT_MAX })).toBe(`${COUNT_MAX}>${COUNT_MAX}`);
      expect(await askOne(store, { key })).toBe(`${COUNT_MAX}>${COUNT_MAX}`);
      const one = { key, hits: 1, isRefund: true };
      expect(await askOne(store, one)).toBe(`${COUNT_MAX}>${COUNT_MAX - 1}`);
      const groups = await ask(store, [group({ key }), group({ key, hits: 8 }), group({ key })]);
      const max = `${COUNT_MAX}>${COUNT_MAX}`;
      expect(readings(groups)).toEqual([[`${COUNT_MAX - 1}>${COUNT_MAX}`], [max], [max]]);
    });

    dependentGroupsContract(() => store, fresh);

    test('what a request made is not given back in the next window', async () => {
      const [key, requestId] = [fresh(), fresh('id')];
      const unit = Unit.SECOND;
      await withinSecond(400);
      const start = await rig.now();
      await ask(store, [groupOf(group({ key, unit, hits: 3 }).charges, { requestId })]);
      await rig.reach(start - (start % 1000) + 1000);
      expect(await askOne(store, { key, unit, hits: 2 })).toBe('0>2');
      const { charges } = group({ key, unit, hits: 3, isRefund: true });
      const back = groupOf(charges, { requestId, policy: ChargePolicy.GIVE_BACK });
      expect(readings(await ask(store, [back]))).toEqual([['2>2']]);
    });

    test.each(Object.entries(HOSTILE_KEYS))('counts under a key of %s', async (_, rest) => {
      const key = fresh(rest);
      expect(await askOne(store, { key })).toBe('0>1');
      expect(await askOne(store, { key })).toBe('1>2');
      expect(readings(await ask(store, [stopGroup({ key }, { key: `${key}!` })]))).toEqual([
        ['2>3', '0>1'],
      ]);
    });

    test('no two keys share a counter', async () => {
      const prefix = fresh();
      const rests = [...Object.values(HOSTILE_KEYS), 'A', 'a', 'a ', ' a', 'á', 'a\u0301', 'a\0'];
      const charges = rests.map((rest, index) => ({ key: prefix + rest, hits: index + 1 }));
      await ask(store, [group(...charges)]);
      const peeks = charges.map(({ key }) => ({ key, hits: 0 }));
      const expected = charges.map(({ hits }) => `${hits}>${hits}`);
      expect(readings(await ask(store, [group(...peeks)]))).toEqual([expected]);
    });

    test('settles once, with the array it was given, however little that holds', async () => {
      for (const groups of [[], [group()], [group(), group({ key: fresh() })]]) {
        expect(await ask(store, groups)).toBe(groups);
        expect(groups.map(({ failure }) => failure)).toEqual(groups.map(() => null));
      }
    });

    test('a success takes back an earlier failure', async () => {
      const its: ChargeGroup = group({ key: fresh() });
      its.failure = { code: 'timeout', text: 'before' };
      await ask(store, [its]);
      expect(its.failure).toBeNull();
    });

    test('refuses a group with a charge that has no unit, and serves the others', async () => {
      const [a, b] = [fresh(), fresh()];
      const none = { key: b, unit: Unit.UNKNOWN };
      const groups = await ask(store, [group({ key: a }), group(none), group({ key: a })]);
      expect(readings(groups)).toEqual([['0>1'], ['refused'], ['1>2']]);
      const beyond = { key: b, unit: 8 as Unit };
      const vectors = await ask(store, [stopGroup({ key: a }, beyond), group({ key: a })]);
      expect(readings(vectors)).toEqual([['refused'], ['2>3']]);
    });

    test('batches answer what one-by-one calls would have', async () => {
      const someCharge = fc.record({
        key: fc.constantFrom('p', 'q', 'r'),
        hits: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.constantFrom(...HITS)),
        limit: fc.constantFrom(...LIMITS),
        isRefund: fc.boolean(),
        isBinding: fc.boolean(),
      });
      const someGroup = fc.record({
        charges: fc.array(someCharge, { maxLength: 4 }),
        policy: fc.constantFrom(...POLICIES),
      });
      const batches = fc.array(fc.array(someGroup, { maxLength: 8 }), { maxLength: 4 });
      await fc.assert(
        fc.asyncProperty(batches, async (its) => {
          const prefix = fresh();
          const model = new Model();
          for (const batch of its) {
            const groups = batch.map(({ charges, policy }) =>
              groupOf(
                charges.map((one) => charge({ ...one, key: prefix + one.key })),
                { policy },
              ),
            );
            for (const some of rig.isSplit === true ? apart(groups) : [groups]) {
              const expected = model.answer(some, rig.vectorsLast);
              expect(readings(await ask(store, some))).toEqual(expected);
            }
          }
        }),
        { numRuns: PROPERTY_RUNS },
      );
    });
  });
}

/** The batch, or its groups one by one when they depend on what others of it read. */
function apart(groups: ChargeGroup[]): ChargeGroup[][] {
  const isPlain = groups.every(({ policy }) => policy === ChargePolicy.ALL);
  return isPlain ? [groups] : groups.map((one) => [one]);
}
