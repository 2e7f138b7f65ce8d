/**
 * Redis killed, hung and forgetful under load: every group is answered in time, and no group twice.
 */
import { expect, test } from 'vitest';
import type { ChargeGroup, CounterStore } from '../../../src/limiter/counter-store.ts';
import { ask, askOne, group, readings } from '../../contract/charges.ts';
import { until } from '../../support/child.ts';
import { startRedis } from '../../support/redis-server.ts';
import { health, startRig } from './rig.ts';

const TIMEOUT_MS = 100;
/** What a busy machine may add to a timer. */
const MARGIN_MS = 400;

interface Outcome {
  readonly code: string;
  readonly ms: number;
}

/** Asks `perTurn` single-charge groups in each turn of the loop until `isOver`; all must settle. */
async function load(store: CounterStore, perTurn: number, isOver: () => boolean) {
  const outcomes: Outcome[] = [];
  let asked = 0;
  while (!isOver()) {
    for (let i = 0; i < perTurn; i += 1) {
      const start = performance.now();
      asked += 1;
      let settled = 0;
      store.charge([group({ key: `load${asked % 50}` })], {
        settled: (groups) => {
          settled += 1;
          const code = settled > 1 ? 'settled twice' : (groups[0]?.failure?.code ?? 'ok');
          outcomes.push({ code, ms: performance.now() - start });
        },
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await until(
    () => outcomes.length,
    (count) => count === asked,
  );
  return outcomes;
}

function codesOf(outcomes: readonly Outcome[]): string[] {
  return [...new Set(outcomes.map(({ code }) => code))].sort();
}

const slowest = (outcomes: readonly Outcome[]) => Math.max(...outcomes.map(({ ms }) => ms));

test('killed under load: every group fails at once, and counts again after a restart', async () => {
  await using rig = await startRig({ timeoutMs: TIMEOUT_MS });
  let isOver = false;
  const loading = load(rig.store, 5, () => isOver);
  await until(
    () => rig.store.charges,
    (count) => count > 100,
  );
  const lost = health(rig.store, false);
  await rig.server.kill();
  await lost;
  expect(await askOne(rig.store, { key: 'k' })).toBe('unavailable');
  const back = health(rig.store, true);
  await using again = await startRedis({ port: rig.server.port });
  await back;
  isOver = true;
  const outcomes = await loading;
  expect(codesOf(outcomes)).toEqual(['ok', 'unavailable']);
  expect(slowest(outcomes)).toBeLessThan(TIMEOUT_MS + MARGIN_MS);
  expect(await askOne(rig.store, { key: 'k' })).toBe('0>1');
  expect(rig.store.reconnects).toBe(1);
  expect(again.port).toBe(rig.server.port);
  expect(rig.events.map(({ kind }) => kind)).toContain('lost');
});

test('hung under load: groups time out, it is left, and counting resumes after', async () => {
  await using rig = await startRig({ timeoutMs: TIMEOUT_MS, silenceMaxMs: 600 });
  let isOver = false;
  const loading = load(rig.store, 5, () => isOver);
  await until(
    () => rig.store.charges,
    (count) => count > 100,
  );
  const lost = health(rig.store, false);
  rig.server.freeze();
  await lost;
  expect(rig.store.timeouts).toBeGreaterThan(0);
  const back = health(rig.store, true);
  rig.server.thaw();
  await back;
  isOver = true;
  const outcomes = await loading;
  expect(codesOf(outcomes)).toEqual(['ok', 'timeout', 'unavailable']);
  expect(slowest(outcomes)).toBeLessThan(TIMEOUT_MS + MARGIN_MS);
  expect(await askOne(rig.store, { key: 'after' })).toBe('0>1');
});

test('hung and awake again: one late call was charged, the others were never sent', async () => {
  await using rig = await startRig({ timeoutMs: TIMEOUT_MS, silenceMaxMs: 60_000 });
  rig.server.freeze();
  const first = ask(rig.store, [group({ key: 'k', hits: 1 }, { key: 'k', hits: 2 })]);
  await until(
    () => rig.store.calls,
    (calls) => calls === 1,
  );
  const queued = ask(rig.store, [group({ key: 'k', hits: 100 })]);
  expect(readings(await first)).toEqual([['timeout']]);
  expect(readings(await queued)).toEqual([['timeout']]);
  expect(rig.store.groupsQueued).toBe(0);
  rig.server.thaw();
  await until(
    () => rig.redis.get('k'),
    (value) => value === '3',
  );
  expect(await askOne(rig.store, { key: 'k' })).toBe('3>4');
  expect(rig.store.calls).toBe(2);
});

test('a late reply deals right to those who still wait, and leaves the others alone', async () => {
  let now = 0;
  await using rig = await startRig({
    timeoutMs: 50,
    silenceMaxMs: 60_000,
    monotonic: () => now,
  });
  rig.server.freeze();
  const early = [
    group({ key: 'k', hits: 5 }, { key: 'r', hits: 1, isRefund: true }),
    group({ key: 'k', hits: 7 }),
  ] as ChargeGroup[];
  const earlyDone = ask(rig.store, early);
  now = 40;
  const lateDone = ask(rig.store, [group({ key: 'k', hits: 1 }, { key: 'r', hits: 0 })]);
  now = 60;
  expect(readings(await earlyDone)).toEqual([['timeout'], ['timeout']]);
  rig.server.thaw();
  expect(readings(await lateDone)).toEqual([['12>13', '0>0']]);
  // The caller may use its groups again: nothing was written into them since.
  expect(early[0]?.charges[0]?.after).toBeNaN();
  expect(rig.store.calls).toBe(1);
});

test('scripts flushed under load: nothing fails and nothing is lost', async () => {
  await using rig = await startRig();
  let isOver = false;
  const loading = load(rig.store, 5, () => isOver);
  for (let round = 0; round < 50; round += 1) {
    const calls = rig.store.calls;
    await rig.redis.script('FLUSH');
    await until(
      () => rig.store.calls,
      (count) => count > calls,
    );
  }
  isOver = true;
  const outcomes = await loading;
  expect(codesOf(outcomes)).toEqual(['ok']);
  const keys = await rig.redis.keys('load*');
  const counts = await rig.redis.mget(keys);
  expect(counts.reduce((sum, its) => sum + Number(its), 0)).toBe(outcomes.length);
});
