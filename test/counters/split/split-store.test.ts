/** Groups with counters in several stores, when the stores do not agree or one of them fails. */
import { describe, expect, test } from 'vitest';
import { Unit } from '../../../src/core/rules/unit.ts';
import { GuardedCounterStore } from '../../../src/counters/guarded/guarded-counter-store.ts';
import { MemoryCounterStore } from '../../../src/counters/memory/memory-counter-store.ts';
import { SplitCounterStore } from '../../../src/counters/split/split-counter-store.ts';
import {
  type ChargeGroup,
  type ChargeOutcome,
  ChargePolicy,
  type StoreFailure,
} from '../../../src/limiter/counter-store.ts';
import { ask, askOne, charge, groupOf, readings, type TestCharge } from '../../contract/charges.ts';
import { until } from '../../support/child.ts';
import { FailingStore } from '../guarded/failing-store.ts';

const HOUR_MS = 3_600_000;
const GONE: StoreFailure = { code: 'unavailable', text: 'gone' };
const SLOW: StoreFailure = { code: 'timeout', text: 'slow' };

/** Two stores; keys say by their first letter in which they are: `a1`, `b1`. */
class Rig {
  wall = 100 * HOUR_MS;
  clock = 0;
  readonly a = new FailingStore(() => this.wall);
  readonly b = new FailingStore(() => this.wall);
  readonly split = new SplitCounterStore({
    name: 'split',
    stores: [this.a, this.b],
    placeOf: ({ key }) => (key.startsWith('a') ? 0 : 1),
    monotonic: () => this.clock,
  });
  readonly local = new MemoryCounterStore({ now: () => this.wall });
  readonly guard = new GuardedCounterStore({
    inner: this.split,
    local: { store: this.local, replicas: 1, now: () => this.wall },
    monotonic: () => this.clock,
  });

  /** What the stores say themselves. */
  async counts(...keys: string[]): Promise<string[]> {
    const peek = (key: string) =>
      askOne(key.startsWith('a') ? this.a.memory : this.b.memory, { key, hits: 0 });
    return (await Promise.all(keys.map(peek))).map((its) => its.split('>')[0] as string);
  }
}

type Its = Partial<Omit<ChargeGroup, 'charges'>>;

function groupWith(its: Its, ...charges: TestCharge[]): ChargeGroup {
  return groupOf(charges.map(charge), its);
}

const ALL: Its = {};
const STOP: Its = { policy: ChargePolicy.STOP_WHEN_OVER };
const WHOLE: Its = { policy: ChargePolicy.ALL_OR_NOTHING };

/** `before>after` of every charge, whatever the group's failure. */
function read({ charges }: ChargeGroup): string[] {
  return charges.map(({ before, after }) => `${before}>${after}`);
}

async function askSplit(rig: Rig, its: ChargeGroup): Promise<ChargeGroup> {
  return (await ask(rig.split, [its]))[0] as ChargeGroup;
}

describe('a batch over two stores', () => {
  test('goes to each that it concerns as one call', async () => {
    const rig = new Rig();
    const groups = [
      groupWith(ALL, { key: 'a1' }, { key: 'b1' }),
      groupWith(ALL, { key: 'a1' }),
      groupWith(ALL, { key: 'b2' }, { key: 'a2' }, { key: 'b1' }),
    ];
    expect(readings(await ask(rig.split, groups))).toEqual([
      ['0>1', '0>1'],
      ['1>2'],
      ['0>1', '0>1', '1>2'],
    ]);
    expect([rig.a.calls, rig.b.calls]).toEqual([1, 1]);
    await ask(rig.split, [groupWith(ALL, { key: 'a1' })]);
    expect([rig.a.calls, rig.b.calls]).toEqual([2, 1]);
  });

  test('is as immediate as its slowest store', () => {
    const memory = () => new MemoryCounterStore({ now: () => 0 });
    const of = (...stores: [MemoryCounterStore | FailingStore, MemoryCounterStore]) =>
      new SplitCounterStore({ name: 's', stores, placeOf: () => 0, monotonic: () => 0 });
    expect(of(memory(), memory()).immediate).toBe(true);
    expect(of(new FailingStore(() => 0), memory()).immediate).toBe(false);
  });
});

describe('charges that depend on one another', () => {
  const cases: [string, Its, string[], string[], string[]][] = [
    ['STOP: one over', STOP, ['5>5', '10>11'], ['5', '11'], []],
    ['WHOLE: one over', WHOLE, ['5>5', '10>11'], ['5', '10'], []],
    ['ALL: one over', ALL, ['5>6', '10>11'], ['6', '11'], []],
  ];
  test.each(cases)('%s', async (_, its, expected, counts) => {
    const rig = new Rig();
    await ask(rig.split, [groupWith(ALL, { key: 'a1', hits: 5 }, { key: 'b1', hits: 10 })]);
    const asked = await askSplit(rig, groupWith(its, { key: 'a1' }, { key: 'b1' }));
    expect(read(asked)).toEqual(expected);
    expect(asked.failure).toBeNull();
    expect(await rig.counts('a1', 'b1')).toEqual(counts);
    expect(rig.split.giveBacks.givenBackHits).toBe(its === ALL ? 0 : 1);
  });

  test('refunds of a group that is refused stay made', async () => {
    const rig = new Rig();
    await ask(rig.split, [groupWith(ALL, { key: 'a1', hits: 5 }, { key: 'b1', hits: 10 })]);
    const its = groupWith(WHOLE, { key: 'a1', isRefund: true }, { key: 'a1' }, { key: 'b1' });
    expect(read(await askSplit(rig, its))).toEqual(['5>4', '4>4', '10>11']);
    expect(await rig.counts('a1', 'b1')).toEqual(['4', '10']);
  });

  test('what did not fit below the largest count is not given back', async () => {
    const rig = new Rig();
    const max = Number.MAX_SAFE_INTEGER;
    await ask(rig.split, [groupWith(ALL, { key: 'a1', hits: max - 1 }, { key: 'b1', hits: 10 })]);
    const free = { key: 'a1', hits: 5, isBinding: false };
    expect(read(await askSplit(rig, groupWith(WHOLE, free, { key: 'b1' })))).toEqual([
      `${max - 1}>${max - 1}`,
      '10>11',
    ]);
    expect(await rig.counts('a1')).toEqual([String(max - 1)]);
  });
});

describe('a store of two that fails', () => {
  test('does not keep what the other was not told from being charged to it', async () => {
    const rig = new Rig();
    for (const store of [rig.a, rig.b]) store.become(GONE);
    const local = { failureMode: 'local' } as const;
    const its = groupWith(ALL, { key: 'a1', ...local }, { key: 'b1', ...local });
    await ask(rig.guard, [its]);
    rig.a.become(null);
    rig.guard.replaySoon();
    await until(
      () => rig.guard.replayedHits,
      (hits) => hits === 1,
    );
    expect(await rig.counts('a1', 'b1')).toEqual(['1', '0']);
    expect(rig.guard.ledgerEntries).toBe(1);
  });

  test('fails its own charges alone', async () => {
    const rig = new Rig();
    rig.b.become(GONE);
    const its = await askSplit(rig, groupWith(ALL, { key: 'b1' }, { key: 'a1' }, { key: 'b2' }));
    expect(its.failure).toMatchObject(GONE);
    expect(its.failure?.parts?.map(({ charges }) => charges.map(({ key }) => key))).toEqual([
      ['b1', 'b2'],
    ]);
    expect(read(its)[1]).toBe('0>1');
  });

  test('with both gone each part has its own reason', async () => {
    const rig = new Rig();
    rig.a.become(SLOW);
    rig.b.become(GONE);
    const { failure } = await askSplit(rig, groupWith(ALL, { key: 'a1' }, { key: 'b1' }));
    expect(failure).toMatchObject(SLOW);
    expect(failure?.parts?.map((part) => part.failure?.code)).toEqual(['timeout', 'unavailable']);
  });

  test('leaves nothing made of a group that is made whole or not at all', async () => {
    const rig = new Rig();
    rig.b.become(GONE);
    const its = await askSplit(rig, groupWith(WHOLE, { key: 'a1', hits: 2 }, { key: 'b1' }));
    expect(its.failure?.parts?.flatMap(({ charges }) => charges)).toHaveLength(2);
    expect(await rig.counts('a1')).toEqual(['0']);
  });

  test('does not hide that another store refused the whole', async () => {
    const rig = new Rig();
    rig.b.become(GONE);
    const its = await askSplit(rig, groupWith(WHOLE, { key: 'a1', limit: 0 }, { key: 'b1' }));
    expect(its.failure?.parts?.flatMap(({ charges }) => charges.map(({ key }) => key))).toEqual([
      'b1',
    ]);
    expect(read(its)[0]).toBe('0>1');
    expect(await rig.counts('a1')).toEqual(['0']);
  });

  test('is answered for by failure modes, and no charge of the others is made twice', async () => {
    const rig = new Rig();
    rig.b.become(GONE);
    const local = { failureMode: 'local' } as const;
    const groups = [
      groupWith(ALL, { key: 'a1', ...local }, { key: 'b1', ...local }),
      groupWith(STOP, { key: 'a1', ...local }, { key: 'b1', ...local }),
      groupWith(WHOLE, { key: 'a1', ...local }, { key: 'b1', ...local }),
    ];
    const settled = await ask(rig.guard, groups);
    expect(settled.map(({ failure }) => failure)).toEqual([null, null, null]);
    const degraded = settled.map(({ charges }) => charges.map((its) => its.degraded !== null));
    expect(degraded).toEqual([
      [false, true],
      [false, true],
      [true, true],
    ]);
    rig.b.become(null);
    await askOne(rig.guard, { key: 'a9' });
    await expect.poll(() => rig.guard.ledgerEntries).toBe(0);
    expect(await rig.counts('a1', 'b1')).toEqual(['3', '3']);
    expect(rig.guard.replayedHits).toBe(4);
  });

  test('fails what must not be answered otherwise, and nothing else', async () => {
    const rig = new Rig();
    rig.b.become(GONE);
    const modes = [{ failureMode: 'open' }, { failureMode: 'error' }] as const;
    const its = groupWith(ALL, { key: 'a1' }, { key: 'b1', ...modes[0] }, { key: 'b2' });
    const [settled] = await ask(rig.guard, [its]);
    expect(settled?.failure).toMatchObject(GONE);
    expect(read(its).slice(0, 2)).toEqual(['0>1', '0>0']);
    expect([...rig.guard.degradedCounts.keys()].sort()).toEqual([
      'error unavailable',
      'open unavailable',
    ]);
  });

  const outcomes: [ChargeOutcome, string, string][] = [
    ['made', '0', 'confirmedHits'],
    ['unknown', '0', 'unknownHits'],
    ['not-made', '1', 'replayedHits'],
  ];
  test.each(outcomes)(
    'a part that turns out to be %s speaks for itself',
    async (known, b1, name) => {
      const rig = new Rig();
      rig.b.become({ ...SLOW, outcome: { onKnown: (listener) => listener(known) } });
      const local = { failureMode: 'local' } as const;
      await ask(rig.guard, [groupWith(WHOLE, { key: 'a1', ...local }, { key: 'b1', ...local })]);
      rig.b.become(null);
      await askOne(rig.guard, { key: 'a9' });
      await expect.poll(() => rig.guard.ledgerEntries).toBe(0);
      expect(await rig.counts('a1', 'b1')).toEqual(['1', b1]);
      expect(rig.guard[name as 'replayedHits']).toBe(known === 'not-made' ? 2 : 1);
    },
  );
});

describe('what is given back', () => {
  test('a retry of a request with an id is charged anew after it', async () => {
    const rig = new Rig();
    const retry = () => groupWith({ ...WHOLE, requestId: 'r' }, { key: 'a1' }, { key: 'b1' });
    rig.b.become(GONE);
    await askSplit(rig, retry());
    expect(await rig.counts('a1')).toEqual(['0']);
    rig.b.become(null);
    expect(read(await askSplit(rig, retry()))).toEqual(['0>1', '0>1']);
    expect(read(await askSplit(rig, retry()))).toEqual(['0>1', '0>1']);
    expect(await rig.counts('a1', 'b1')).toEqual(['1', '1']);
  });

  test('a retry of a request that was refused gives nothing back twice', async () => {
    const rig = new Rig();
    await askOne(rig.split, { key: 'a1', hits: 5 });
    const retry = () =>
      groupWith({ ...WHOLE, requestId: 'r' }, { key: 'a1' }, { key: 'b1', limit: 0 });
    for (let round = 0; round < 3; round += 1) {
      expect(read(await askSplit(rig, retry()))).toEqual(['5>5', '0>1']);
      expect(await rig.counts('a1', 'b1')).toEqual(['5', '0']);
    }
  });

  test('is lost and counted when its store fails just then', async () => {
    const rig = new Rig();
    rig.b.become(GONE);
    const { charge: chargeInner } = rig.a;
    rig.a.charge = (groups, listener) => {
      chargeInner.call(rig.a, groups, listener);
      rig.a.become(GONE);
    };
    const its = groupWith(WHOLE, { key: 'a1', hits: 3 }, { key: 'b1' });
    await askSplit(rig, its);
    expect(rig.split.giveBacks).toMatchObject({ givenBackHits: 0, lostHits: 3 });
    expect(await rig.counts('a1')).toEqual(['3']);
  });

  const times: [string, number, number][] = [
    ['in time', 100, 3],
    ['with a doubt about whether the window still lasts', 500, 0],
    ['after the window', 1500, 0],
  ];
  test.each(times)('%s', async (_, tookMs, givenBackHits) => {
    const rig = new Rig();
    const { charge: chargeInner } = rig.b;
    rig.b.charge = (groups, listener) => {
      rig.clock += tookMs;
      chargeInner.call(rig.b, groups, listener);
    };
    await askSplit(
      rig,
      groupWith(WHOLE, { key: 'a1', unit: Unit.SECOND, hits: 3 }, { key: 'b1', limit: 0 }),
    );
    const lostHits = 3 - givenBackHits;
    expect(rig.split.giveBacks).toMatchObject({ givenBackHits, lostHits });
  });
});

describe('the life of several stores', () => {
  test('they are well when all are, and say when that changes', () => {
    const rig = new Rig();
    const heard: boolean[] = [];
    rig.split.onHealth((its) => heard.push(its));
    expect(rig.split.isHealthy).toBe(true);
    rig.a.become(GONE);
    rig.b.become(GONE);
    rig.a.become(null);
    expect(rig.split.isHealthy).toBe(false);
    rig.b.become(null);
    expect(heard).toEqual([false, true]);
  });

  test('a start waits for all, and says what failed', async () => {
    const rig = new Rig();
    await rig.split.start();
    rig.b.start = () => Promise.reject(new Error('no b'));
    await expect(rig.split.start()).rejects.toThrow('no b');
    await rig.split.close();
  });
});
