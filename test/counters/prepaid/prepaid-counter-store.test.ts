/** Hot counters that are charged ahead: fewer calls, and not one hit more than the limit. */
import { describe, expect, test } from 'vitest';
import { Unit } from '../../../src/core/rules/unit.ts';
import { type Charge, ChargePolicy } from '../../../src/limiter/counter-store.ts';
import { ask, group, groupOf, readings } from '../../contract/charges.ts';
import { PrepaidFleet, type PrepaidFleetOptions, type Replica } from './prepaid-fleet.ts';

const OPTIONS: PrepaidFleetOptions = {
  seed: 1,
  replicas: 1,
  limit: 100_000,
  hitsPerSecond: 200,
  delayMax: 0,
  lossy: 0,
};

/** A fleet whose only replica has a hot counter that is charged ahead. */
async function heated(options: Partial<PrepaidFleetOptions> = {}) {
  const fleet = new PrepaidFleet({ ...OPTIONS, ...options });
  const [replica] = fleet.replicas as [Replica];
  await replica.store.start();
  heat(fleet, replica, 3000);
  return { fleet, replica, store: replica.store };
}

/** A hit each millisecond. */
function heat(fleet: PrepaidFleet, replica: Replica, ms: number, key = 'hot'): void {
  for (let at = 0; at < ms; at += 1) {
    fleet.ask(replica, 1, key);
    fleet.pass(1);
  }
}

describe('a counter that is asked for often', () => {
  test('is charged ahead from then on: ten calls a second, or so', async () => {
    const { fleet, replica, store } = await heated();
    expect(store.keyCount).toBe(1);
    const before = fleet.calls;
    heat(fleet, replica, 2000);
    expect(fleet.calls - before).toBeLessThan(60);
    expect(store.counts.spentHits).toBeGreaterThan(1900);
  });

  test('that is asked for less often is not', async () => {
    const fleet = new PrepaidFleet(OPTIONS);
    const [replica] = fleet.replicas as [Replica];
    await replica.store.start();
    for (let at = 0; at < 500; at += 1) {
      fleet.ask(replica);
      fleet.pass(10);
    }
    expect(replica.store.keyCount).toBe(0);
    expect(fleet.calls).toBe(500);
  });

  test('settles before it returns, and reads the counter as it was charged', async () => {
    const { store, fleet, replica } = await heated();
    heat(fleet, replica, 200);
    const its = group({ key: 'hot', unit: Unit.SECOND, limit: 100_000, hits: 2 });
    its.failure = { code: 'timeout', text: 'of before' };
    let settled = 0;
    const before = fleet.calls;
    store.charge([its], { settled: () => (settled += 1) });
    expect([settled, its.failure]).toEqual([1, null]);
    expect(fleet.calls - before).toBeLessThanOrEqual(1);
    const read = its.charges[0] as Charge;
    expect(read.after).toBe(read.before + 2);
    expect(read.after).toBeLessThanOrEqual(fleet.count());
    expect(read.resetMs).toBeGreaterThan(0);
    expect(read.resetMs).toBeLessThanOrEqual(1000 - (fleet.now % 1000));
  });

  test('is given back when it has cooled down', async () => {
    const { fleet, store } = await heated();
    fleet.pass(1000 - (fleet.now % 1000));
    heat(fleet, fleet.replicas[0] as Replica, 300);
    const { spentHits } = store.counts;
    fleet.pass(199);
    const held = fleet.count();
    expect(held).toBeGreaterThan(0);
    fleet.pass(3000);
    const { chargedHits, spentHits: spent, givenBackHits, lostHits } = store.counts;
    expect([store.keyCount, spent]).toEqual([0, spentHits]);
    expect(chargedHits).toBe(spent + givenBackHits + lostHits);
  });

  test('is given back at the end, chunks under way as well', async () => {
    const { fleet, replica, store } = await heated({ delayMax: 20 });
    fleet.pass(1000 - (fleet.now % 1000));
    heat(fleet, replica, 150);
    const closed = store.close();
    fleet.pass(100);
    await closed;
    const { chargedHits, spentHits, givenBackHits, lostHits } = store.counts;
    expect(chargedHits).toBe(spentHits + givenBackHits + lostHits);
    expect(givenBackHits).toBeGreaterThan(0);
    expect(store.keyCount).toBe(0);
    fleet.ask(replica);
    fleet.pass(50);
    expect(store.keyCount).toBe(0);
  });

  test('is one of so many at most, the hottest first', async () => {
    const fleet = new PrepaidFleet({ ...OPTIONS, hitsPerSecond: 20 });
    const [replica] = fleet.replicas as [Replica];
    await replica.store.start();
    for (let at = 0; at < 3000; at += 1) {
      for (let key = 0; key < 15; key += 1)
        if (at % (key + 1) === 0) fleet.ask(replica, 1, `k${key}`);
      fleet.pass(1);
    }
    expect(replica.store.keyCount).toBe(10);
  });
});

describe('what is never answered from prepaid hits', () => {
  const cases: [string, Parameters<typeof groupOf>[1], Partial<Charge>][] = [
    ['a request with an id', { requestId: 'r' }, {}],
    ['what is counted by this process alone', { isLocal: true }, {}],
    ['a refund', {}, { isRefund: true }],
    ['a peek', {}, { hits: 0 }],
    ['the counter of another unit under the same key', {}, { unit: Unit.HOUR }],
    ['a limit that was lowered below what is counted', {}, { limit: 1 }],
    ['more hits than there are', {}, { hits: 50_000 }],
  ];
  test.each(cases)('%s', async (_, its, parts) => {
    const { fleet, store } = await heated();
    const before = fleet.calls;
    const one = { key: 'hot', unit: Unit.SECOND, limit: 100_000, ...parts };
    await ask(store, [groupOf(group(one).charges, its)]);
    expect(fleet.calls).toBeGreaterThan(before);
  });

  test('several charges', async () => {
    const { store } = await heated();
    const one = { key: 'hot', unit: Unit.SECOND, limit: 100_000 };
    const policy = ChargePolicy.ALL_OR_NOTHING;
    const whole = groupOf(group(one, { key: 'x' }).charges, { policy });
    const [[, second = ''] = []] = readings(await ask(store, [whole]));
    expect(second).toBe('0>1');
    expect(await ask(store, [])).toEqual([]);
  });
});

test('a store that cannot be asked is not asked for chunks all the time, and what is there is spent', async () => {
  const { fleet, replica, store } = await heated({ delayMax: 2 });
  fleet.pass(1000 - (fleet.now % 1000) + 100);
  heat(fleet, replica, 200);
  Object.assign(fleet.options, { lossy: 1 });
  const { spentHits } = store.counts;
  heat(fleet, replica, 100);
  expect(store.counts.spentHits).toBeGreaterThan(spentHits);
  expect(store.isHealthy).toBe(true);
  expect([store.name, store.immediate]).toEqual(['far', false]);
});

describe('replicas that charge one counter ahead', () => {
  function play(options: PrepaidFleetOptions): PrepaidFleet {
    const fleet = new PrepaidFleet(options);
    const { random } = fleet;
    for (const replica of fleet.replicas) void replica.store.start();
    while (fleet.now < 20_000) {
      // Little is wanted in every other window, so much lies prepaid at its end; then more than there is.
      const isQuiet = fleet.window % 2 === 1 || random.isTrue(0.3);
      const asked = isQuiet ? Number(random.isTrue(0.1)) : random.between(0, 8);
      for (let at = 0; at < asked; at += 1) {
        fleet.ask(random.pick(fleet.replicas), random.pick([1, 1, 1, 2, 5]));
      }
      fleet.pass(1);
      if (!random.isTrue(0.001)) continue;
      // A process dies with what it holds, and another takes its place.
      const born = fleet.join();
      void born.store.start();
      fleet.replicas[random.between(0, fleet.replicas.length - 1)] = born;
    }
    return fleet;
  }

  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'never admit more than its limit in a window, whatever is late or lost (seed %i)',
    (seed) => {
      const limit = [300, 500, 700, 1000][seed % 4] as number;
      const fleet = play({ seed, replicas: 4, limit, hitsPerSecond: 10, delayMax: 30, lossy: 0.1 });
      const sums = [...fleet.admitted.values()];
      expect(Math.max(...sums)).toBeLessThanOrEqual(limit);
      expect(Math.min(...sums.slice(0, -1))).toBeGreaterThan(0);
      expect(fleet.spentHits).toBeGreaterThan(limit);
    },
  );

  test.each([100, 1000, 3000])('admit at least 99 % of a limit of %i that all want', (limit) => {
    const options = { ...OPTIONS, replicas: 4, limit, hitsPerSecond: 50, delayMax: 3 };
    const fleet = new PrepaidFleet(options);
    for (const replica of fleet.replicas) void replica.store.start();
    while (fleet.now < 8000) {
      for (const replica of fleet.replicas) fleet.ask(replica, fleet.random.pick([1, 2]));
      fleet.pass(1);
    }
    for (let window = 0; window < 7; window += 1) {
      const sum = fleet.admitted.get(window) ?? 0;
      expect(sum, `window ${window}`).toBeLessThanOrEqual(limit);
      expect(sum, `window ${window}`).toBeGreaterThanOrEqual(limit * 0.99);
    }
    if (limit > 500) expect(fleet.spentHits).toBeGreaterThan(3 * limit);
  });
});
