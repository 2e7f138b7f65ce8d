/** Two replicas that charge a counter in a real Redis ahead. */
import { expect, test } from 'vitest';
import { Unit } from '../../../src/core/rules/unit.ts';
import { PrepaidCounterStore } from '../../../src/counters/prepaid/prepaid-counter-store.ts';
import { RedisCounterStore } from '../../../src/counters/redis/redis-counter-store.ts';
import type { Charge, ChargeGroup, CounterStore } from '../../../src/limiter/counter-store.ts';
import { ask, askOne, group } from '../../contract/charges.ts';
import { startRig } from '../redis/rig.ts';

const LIMIT = 30_000;
const HOT = { key: 'hot', unit: Unit.WEEK, limit: LIMIT } as const;
/** Requests of one replica that are under way together. */
const TOGETHER = 50;

function prepaid(inner: CounterStore): PrepaidCounterStore {
  const monotonic = (): number => performance.now();
  return new PrepaidCounterStore({ inner, monotonic, hitsPerSecond: 100, keysMax: 10 });
}

/** Asks gently until the counter is charged ahead; gives how many were admitted. */
async function heat(store: PrepaidCounterStore): Promise<number> {
  let admitted = 0;
  for (; store.keyCount === 0; admitted += 1) {
    await ask(store, [group(HOT)]);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return admitted;
}

/** Asks until it is refused for good; gives how many were admitted. */
async function exhaust(store: PrepaidCounterStore): Promise<number> {
  let admitted = await heat(store);
  for (let refused = 0; refused < 5 * TOGETHER; ) {
    const asked = await Promise.all(
      Array.from({ length: TOGETHER }, () => ask(store, [group(HOT)])),
    );
    for (const [settled] of asked) {
      const { after } = (settled as ChargeGroup).charges[0] as Charge;
      if (settled?.failure === null && after <= LIMIT) admitted += 1;
      else refused += 1;
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return admitted;
}

test('admit its whole limit between them and not one hit more, some of it in memory', async () => {
  await using rig = await startRig();
  const other = new RedisCounterStore({
    address: { host: '127.0.0.1', port: rig.server.port },
    keyFormat: 'exact',
    timeoutMs: 5000,
    onEvent: () => {},
  });
  await other.start();
  const stores = [prepaid(rig.store), prepaid(other)];
  for (const store of stores) await store.start();
  const admitted = await Promise.all(stores.map((store) => exhaust(store)));
  const sum = admitted.reduce((all, its) => all + its, 0);
  const spent = stores.reduce((all, { counts }) => all + counts.spentHits, 0);
  expect(sum).toBeLessThanOrEqual(LIMIT);
  expect(sum).toBeGreaterThanOrEqual(LIMIT * 0.99);
  expect(spent).toBeGreaterThan(0);
  await stores[1]?.close();
  await stores[0]?.close();
});

test('leave behind what they spent, and give the rest back', async () => {
  await using rig = await startRig();
  const store = prepaid(rig.store);
  await store.start();
  let asked = 0;
  while (store.counts.spentHits < 100) {
    await Promise.all(
      Array.from({ length: 20 }, () => ask(store, [group({ ...HOT, limit: 1e9 })])),
    );
    asked += 20;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const key = { ...HOT, hits: 0 };
  expect(await askOne(rig.store, key)).not.toBe(`${asked}>${asked}`);
  const looking = new RedisCounterStore({
    address: { host: '127.0.0.1', port: rig.server.port },
    keyFormat: 'exact',
    timeoutMs: 5000,
    onEvent: () => {},
  });
  await looking.start();
  await store.close();
  expect(await askOne(looking, key)).toBe(`${asked}>${asked}`);
  await looking.close();
});
