/** Slots that move from node to node under load: no decision is lost, and none is made twice. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ChargeGroup, ChargePolicy } from '../../../../src/limiter/counter-store.ts';
import { ask, charge, groupOf } from '../../../contract/charges.ts';
import { pause, until } from '../../../support/child.ts';
import { type ClusterRig, startClusterRig } from '../../../support/cluster-rig.ts';
import type { RedisNode } from '../../../support/redis-node.ts';
import { countsOf, Load, mixedGroups, total } from './load.ts';
import { type StoreRig, startStore } from './rig.ts';

let servers: ClusterRig;
beforeAll(async () => {
  servers = await startClusterRig();
}, 60_000);
afterAll(() => servers[Symbol.asyncDispose]());

/** Slots of bins that the node owns. */
function slotsOn(node: RedisNode, { cluster }: StoreRig, count: number): number[] {
  const its = cluster.bins.slots.filter((_, bin) => cluster.ownerOf(bin)?.address === node.address);
  return [...new Set(its)].slice(0, count);
}

/** Keys of the bins of these slots, and as many of others. */
function keysIn(
  { cluster }: StoreRig,
  slots: readonly number[],
  count: number,
  name = 'key',
): string[] {
  const all = Array.from({ length: 20_000 }, (_, number) => `${name}:${number}`);
  const isIn = (key: string) =>
    slots.includes(cluster.bins.slots[cluster.bins.binOf(charge({ key }))] as number);
  return [...all.filter(isIn).slice(0, count), ...all.filter((key) => !isIn(key)).slice(0, count)];
}

test('slots that move under load', { timeout: 60_000 }, async () => {
  await using rig = await startStore(servers);
  const [from, to] = (await servers.primaries()) as [RedisNode, RedisNode];
  const slots = slotsOn(from, rig, 4);
  const keys = keysIn(rig, slots, 60);
  const load = new Load(rig.guard, mixedGroups(keys));
  await pause(200);
  const onStep = () => pause(20);
  await servers.reshard(slots, { from, to, onStep });
  await servers.reshard(slots, { from: to, to: from, onStep });
  await pause(100);
  await load.end();
  expect([...load.reasons]).toEqual([]);
  expect(await countsOf(rig.guard, load.asked.keys())).toEqual(load.asked);
  const { moved, ask: asking, 'try-again': tryAgain } = rig.cluster.redirections;
  expect(Math.min(moved, asking, tryAgain)).toBeGreaterThan(0);
  expect(rig.transitions).toEqual([]);
});

test('a limit is kept while its slot moves, and what was refused uses nothing up', {
  timeout: 60_000,
}, async () => {
  await using rig = await startStore(servers);
  const [from, to] = (await servers.primaries()) as [RedisNode, RedisNode];
  const slots = slotsOn(from, rig, 1);
  const wide = keysIn(rig, slots, 20, 'whole');
  const limit = 40;
  let admitted = 0;
  // Some are at their limit, on the old node; the others come while the slot moves, on the new one.
  const full = wide.filter((_, at) => at % 5 === 0);
  await ask(rig.guard, [groupOf(full.map((key) => charge({ key, limit, hits: limit })))]);
  const makeGroup = (number: number) => {
    const charges = [0, 1, 2].map((at) =>
      charge({ key: wide[(number + at * 7) % wide.length] as string, limit }),
    );
    const requestId = number % 3 === 0 ? `whole${number}` : '';
    return groupOf(charges, { policy: ChargePolicy.ALL_OR_NOTHING, requestId });
  };
  const note = ({ charges }: ChargeGroup) => {
    if (charges.every(({ after }) => after <= limit)) admitted += 1;
  };
  // Not before the slot moves: a fast machine would have reached every limit by then.
  let load: Load | null = null;
  const onStep = async () => {
    load ??= new Load(rig.guard, makeGroup, note);
    await until(
      () => rig.cluster.giveBacks.givenBackHits,
      (hits) => hits > 0,
    );
    await pause(50);
  };
  await servers.reshard(slots, { from, to, onStep });
  await pause(300);
  const ended = load as unknown as Load;
  await ended.end();
  expect([...ended.reasons]).toEqual([]);
  // What is given back travels behind the answer, and may be in one call with a look, after it.
  const counts = await until(
    () => countsOf(rig.guard, wide),
    (its) => total(its) === 3 * admitted + full.length * limit,
  );
  expect(Math.max(...counts.values())).toBeLessThanOrEqual(limit);
  expect(rig.cluster.giveBacks.lostHits).toBe(0);
});
