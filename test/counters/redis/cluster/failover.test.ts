/** A primary goes away under load, in three ways: who is degraded meanwhile, and what is counted after. */
import { expect, test } from 'vitest';
import { charge, groupOf } from '../../../contract/charges.ts';
import { pause, until } from '../../../support/child.ts';
import { type ClusterRig, startClusterRig } from '../../../support/cluster-rig.ts';
import type { RedisNode } from '../../../support/redis-node.ts';
import { countsOf, Load, total } from './load.ts';
import { type StoreRig, startStore } from './rig.ts';

/** What is promised, with room for a machine that does other things as well. */
const AFTER_PROMOTION_MS_MAX = 2000;

const FAULTS: [string, (servers: ClusterRig, node: RedisNode) => Promise<void> | void][] = [
  ['killed', (servers, node) => servers.killPrimary(node)],
  ['frozen', (servers, node) => servers.freezePrimary(node)],
  ['left by a planned failover', (servers, node) => servers.failover(servers.partnerOf(node))],
];

function loadOf(rig: StoreRig, keys: readonly string[]): Load {
  return new Load(rig.guard, (number) => {
    const key = keys[number % keys.length] as string;
    return groupOf([charge({ key, limit: 1e9, failureMode: 'local' })]);
  });
}

test.each(FAULTS)('a primary that is %s', { timeout: 60_000 }, async (_, fault) => {
  await using servers = await startClusterRig();
  await using rig = await startStore(servers, { timeoutMs: 100, silenceMaxMs: 400 });
  const [node] = (await servers.primaries()) as [RedisNode];
  const keys = Array.from({ length: 300 }, (__, number) => `key:${number}`);
  const isOn = (key: string) =>
    rig.cluster.ownerOf(rig.cluster.bins.binOf(charge({ key })))?.address === node.address;
  const struck = loadOf(rig, keys.filter(isOn));
  const calm = loadOf(
    rig,
    keys.filter((key) => !isOn(key)),
  );
  await pause(300);
  const promoted = servers.promotedAt(node);
  await fault(servers, node);
  const { node: successor, atMs } = await promoted;
  const isAfter = ({ isOwn, atMs: at, tookMs }: Load['answers'][number]) =>
    isOwn && at - tookMs > atMs;
  const first = await until(
    () => struck.answers.find(isAfter),
    (its) => its !== undefined,
    10_000,
  );
  expect((first?.atMs ?? Infinity) - atMs).toBeLessThan(AFTER_PROMOTION_MS_MAX);
  // The old one comes back with calls that its callers have given up.
  servers.thaw();
  await pause(1000);
  await Promise.all([struck.end(), calm.end()]);
  await until(
    () => rig.guard.ledgerEntries,
    (its) => its === 0,
  );
  const addresses = rig.cluster.nodes().map(({ address }) => address);
  expect(addresses).toContain(successor.address);
  expect(addresses).not.toContain(node.address);
  // No counter of another node was degraded for it: a busy machine may be slow, no more.
  expect([...calm.reasons.keys()].filter((reason) => reason !== 'timeout')).toEqual([]);
  for (const load of [struck, calm]) {
    const counts = await until(
      () => countsOf(rig.guard, load.asked.keys()),
      (its) => !Number.isNaN(total(its)),
    );
    for (const [key, asked] of load.asked) expect(counts.get(key)).toBeLessThanOrEqual(asked);
    // What Redis acknowledged and had not told its replica is lost: little.
    const lost = total(load.asked) - total(counts) - rig.guard.unknownHits;
    expect(lost).toBeLessThan(total(load.asked) / 20);
  }
});
