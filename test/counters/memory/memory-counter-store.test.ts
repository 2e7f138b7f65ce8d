import { describe, expect, test } from 'vitest';
import { Unit } from '../../../src/core/rules/unit.ts';
import { MemoryCounterStore } from '../../../src/counters/memory/memory-counter-store.ts';
import { ask, askOne, group, readings } from '../../contract/charges.ts';

const START = Date.UTC(2026, 10, 5, 12, 0, 0);
const HOUR_MS = 3_600_000;

function rig(keysMax = 1000) {
  const clock = { now: START, looks: 0 };
  const timer = { tasks: [] as (() => void)[], everyMs: 0, stops: 0 };
  const store = new MemoryCounterStore({
    now: () => {
      clock.looks += 1;
      return clock.now;
    },
    keysMax,
    repeat: (task, everyMs) => {
      timer.tasks.push(task);
      timer.everyMs = everyMs;
      return () => {
        timer.stops += 1;
      };
    },
  });
  return { clock, timer, store };
}

describe('windows by the host clock', () => {
  const edges: [string, number, string][] = [
    ['1 ms before the edge', HOUR_MS - 1, '1>2'],
    ['at the edge', HOUR_MS, '0>1'],
    ['1 ms after the edge', HOUR_MS + 1, '0>1'],
    ['many windows later', 100 * HOUR_MS, '0>1'],
  ];
  test.each(edges)('%s', async (_, later, expected) => {
    const { clock, store } = rig();
    await askOne(store, { key: 'k', unit: Unit.HOUR });
    clock.now += later;
    expect(await askOne(store, { key: 'k', unit: Unit.HOUR })).toBe(expected);
  });

  const resets: [number, number][] = [
    [0, HOUR_MS],
    [1, HOUR_MS - 1],
    [HOUR_MS - 1, 1],
    [HOUR_MS, HOUR_MS],
  ];
  test.each(resets)('%i ms into the hour the reset is %i ms away', async (into, resetMs) => {
    const { clock, store } = rig();
    clock.now += into;
    const groups = await ask(store, [group({ key: 'k', unit: Unit.HOUR })]);
    expect(groups[0]?.charges[0]?.resetMs).toBe(resetMs);
  });

  test('the clock is read once for a whole batch', async () => {
    const { clock, store } = rig();
    await ask(store, [group({ key: 'a' }, { key: 'b' }), group({ key: 'c' })]);
    expect(clock.looks).toBe(1);
  });
});

describe('a clock that goes back', () => {
  const charged = (store: MemoryCounterStore) => ask(store, [group({ key: 'k', unit: Unit.HOUR })]);

  test('by less than a window keeps the counts, and the reset within a unit', async () => {
    const { clock, store } = rig();
    await charged(store);
    clock.now -= 1;
    const [its] = await charged(store);
    expect(readings([its as never])).toEqual([['1>2']]);
    expect(its?.charges[0]?.resetMs).toBe(HOUR_MS);
    clock.now = START + 1;
    expect(readings(await charged(store))).toEqual([['2>3']]);
  });

  test('by more than a window begins a new one, so that counts never stand still', async () => {
    const { clock, store } = rig();
    await charged(store);
    clock.now -= HOUR_MS + 1;
    expect(readings(await charged(store))).toEqual([['0>1']]);
    clock.now += 2;
    expect(readings(await charged(store))).toEqual([['0>1']]);
  });
});

describe('memory of ended windows', () => {
  test('a sweep frees them, and leaves the others', async () => {
    const { clock, timer, store } = rig();
    await store.start();
    expect(timer.everyMs).toBe(500);
    const charges = [Unit.SECOND, Unit.MINUTE, Unit.HOUR].map((unit) => ({
      key: `k${unit}`,
      unit,
    }));
    await ask(store, [group(...charges)]);
    expect(store.keyCount).toBe(3);
    clock.now += 1000;
    timer.tasks[0]?.();
    expect(store.keyCount).toBe(2);
    clock.now += 60_000;
    timer.tasks[0]?.();
    expect(store.keyCount).toBe(1);
    expect(await askOne(store, { key: 'k3', unit: Unit.HOUR })).toBe('1>2');
  });

  test('the first charge of a new window frees the old one', async () => {
    const { clock, store } = rig();
    for (let id = 0; id < 100; id += 1) await askOne(store, { key: `k${id}`, unit: Unit.SECOND });
    clock.now += 1000;
    await askOne(store, { key: 'k', unit: Unit.SECOND });
    expect(store.keyCount).toBe(1);
  });

  test('starting twice sweeps once, and closing stops it and forgets all', async () => {
    const { timer, store } = rig();
    await store.start();
    await store.start();
    await askOne(store, { key: 'k' });
    await store.close();
    await store.close();
    expect(timer.tasks).toHaveLength(1);
    expect(timer.stops).toBe(1);
    expect(store.keyCount).toBe(0);
  });

  test('its own timer sweeps, and does not keep the process running', async () => {
    const store = new MemoryCounterStore({ now: Date.now });
    const timersBefore = process.getActiveResourcesInfo().filter((its) => its === 'Timeout').length;
    await store.start();
    const timers = process.getActiveResourcesInfo().filter((its) => its === 'Timeout').length;
    expect(timers).toBe(timersBefore);
    await store.close();
  });

  test('peeks and refunds keep nothing', async () => {
    const { store } = rig();
    await ask(store, [group({ key: 'a', hits: 0 }, { key: 'b', hits: 5, isRefund: true })]);
    expect(store.keyCount).toBe(0);
  });
});

/** As rules name counters. */
const named = (scope: string, rest: string) => ({ key: `${scope}${rest}`, scope, rest });

describe('counters named in two parts', () => {
  test('are apart where either part differs', async () => {
    const { store } = rig();
    for (const [scope, rest] of ['a b', 'a c', 'b b'].map((its) => its.split(' '))) {
      expect(await askOne(store, named(scope as string, rest as string))).toBe('0>1');
    }
    expect(await askOne(store, named('a', 'b'))).toBe('1>2');
    expect(store.keyCount).toBe(3);
  });

  test('may have an empty rest', async () => {
    const { store } = rig();
    await askOne(store, named('a', ''));
    expect(await askOne(store, named('a', ''))).toBe('1>2');
  });

  test('are exact however many first parts there are', async () => {
    const { clock, store } = rig();
    const scopes = Array.from({ length: 300 }, (_, id) => `s${id}=`);
    for (const before of [0, 1]) {
      for (const scope of scopes) {
        expect(await askOne(store, named(scope, 'x'))).toBe(`${before}>${before + 1}`);
      }
    }
    expect(store.keyCount).toBe(300);
    clock.now += 7 * 24 * HOUR_MS;
    expect(await askOne(store, named('s299=', 'x'))).toBe('0>1');
    expect(store.keyCount).toBe(1);
  });

  test('are evicted where most have their first part', async () => {
    const { store } = rig(100);
    for (let id = 0; id < 98; id += 1) await askOne(store, { ...named('many', `${id}`), hits: 50 });
    for (const rest of ['a', 'b', 'c']) await askOne(store, named('few', rest));
    for (const rest of ['a', 'b', 'c']) {
      expect(await askOne(store, { ...named('few', rest), hits: 0 })).toBe('1>1');
    }
    expect(store.keyCount + store.evictions).toBe(101);
    expect(store.evictions).toBeGreaterThan(0);
  });
});

describe('eviction', () => {
  const fill = async (store: MemoryCounterStore, keys: number, hits: (id: number) => number) => {
    for (let id = 0; id < keys; id += 1) await askOne(store, { key: `k${id}`, hits: hits(id) });
  };
  const countOf = (store: MemoryCounterStore, key: string) => askOne(store, { key, hits: 0 });

  test('keeps at most keysMax counters, and counts what it evicts', async () => {
    const { store } = rig(100);
    await fill(store, 250, () => 1);
    expect(store.keyCount).toBeLessThanOrEqual(100);
    expect(store.keyCount + store.evictions).toBe(250);
  });

  test('takes the smallest counts first', async () => {
    const { store } = rig(100);
    await fill(store, 100, (id) => (id === 50 ? 1 : 100 + id));
    await askOne(store, { key: 'new', hits: 200 });
    expect(await countOf(store, 'k50')).toBe('0>0');
    expect(await countOf(store, 'k99')).toBe('199>199');
    expect(await countOf(store, 'new')).toBe('200>200');
  });

  test('takes the oldest first where counts are alike', async () => {
    const { store } = rig(16);
    await fill(store, 17, () => 1);
    expect(await countOf(store, 'k0')).toBe('0>0');
    expect(await countOf(store, 'k1')).toBe('1>1');
  });

  test('tells counts beyond 2^31 apart', async () => {
    const { store } = rig(16);
    await fill(store, 17, (id) => (id === 7 ? 2 ** 40 : 2 ** 50));
    expect(await countOf(store, 'k7')).toBe('0>0');
    expect(await countOf(store, 'k0')).toBe(`${2 ** 50}>${2 ** 50}`);
  });

  test('takes from the unit with the most counters', async () => {
    const { store } = rig(100);
    await fill(store, 98, () => 50);
    for (const key of ['a', 'b', 'c']) await askOne(store, { key, unit: Unit.SECOND });
    for (const key of ['a', 'b', 'c']) {
      expect(await askOne(store, { key, unit: Unit.SECOND, hits: 0 })).toBe('1>1');
    }
    expect(store.evictions).toBeGreaterThan(0);
  });

  test('goes round the shards of a large store', async () => {
    const { store } = rig(10_000);
    await fill(store, 30_000, (id) => (id % 10 === 0 ? 100 : 1));
    expect(store.keyCount).toBeLessThanOrEqual(10_000);
    expect(store.keyCount + store.evictions).toBe(30_000);
    // One in ten is worth keeping, and there is room for all of those.
    let kept = 0;
    for (let id = 0; id < 30_000; id += 10)
      if ((await countOf(store, `k${id}`)) === '100>100') kept += 1;
    expect(kept).toBe(3000);
  });

  test('long keys are bounded by their sum; one beyond that is kept alone', async () => {
    const { store } = rig(10);
    await fill(store, 5, () => 1);
    await askOne(store, { key: 'x'.repeat(2560) });
    expect(store.keyCount).toBe(1);
    await askOne(store, { key: 'y'.repeat(65_536) });
    expect(await countOf(store, 'y'.repeat(65_536))).toBe('1>1');
    expect(store.keyCount).toBe(1);
  });

  test.each([0, -1, 1.5, Number.NaN])('a bound of %d keys is refused', (keysMax) => {
    expect(() => new MemoryCounterStore({ now: Date.now, keysMax })).toThrow(
      `keysMax must be a whole number of at least 1, not ${keysMax}`,
    );
  });
});

test('it is always healthy, settles before it returns and says who it is', () => {
  const { store } = rig();
  store.onHealth(() => {
    throw new Error('never');
  });
  let isSettled = false;
  store.charge([group({ key: 'k' })], {
    settled: () => {
      isSettled = true;
    },
  });
  expect([isSettled, store.immediate, store.isHealthy, store.name]).toEqual([
    true,
    true,
    true,
    'memory',
  ]);
});
