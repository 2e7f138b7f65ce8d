/** Another primary of a third of a Redis Cluster, under load; the other two thirds must not notice. */
import { expect, test } from 'vitest';
import { type ClusterRig, startClusterRig } from '../support/cluster-rig.ts';
import type { RedisNode } from '../support/redis-node.ts';
import { FORM } from './form.ts';
import { expectFollowed, expectKept } from './promise.ts';
import {
  answersOf,
  countsOf,
  recoveryMs,
  startShop,
  USERS,
  underLoad,
  userOf,
  wellAgain,
} from './scene.ts';

const causes: [string, (rig: ClusterRig, primary: RedisNode) => unknown][] = [
  ['a planned failover', (rig, primary) => rig.failover(rig.partnerOf(primary))],
  ['a killed primary', (rig, primary) => rig.killPrimary(primary)],
  ['a frozen primary', (rig, primary) => rig.freezePrimary(primary)],
];

test.each(causes)(
  'in a cluster, %s: the new one decides within a second of its promotion, and no other node is touched',
  async (name, cause) => {
    await using rig = await startClusterRig();
    const primary = rig.nodes()[0] as RedisNode;
    const addresses = rig.nodes().map(({ address }) => address);
    await using service = await startShop({
      redisPort: 0,
      env: { REDIS_TYPE: 'CLUSTER', REDIS_URL: addresses.join(',') },
    });
    let [causedMs, promotedMs] = [0, 0];
    let its: number[] = [];
    const scene = await underLoad({ service }, async () => {
      its = await countsOf(primary.port);
      causedMs = performance.now();
      const promoted = rig.promotedAt(primary);
      await cause(rig, primary);
      promotedMs = (await promoted).atMs;
      await wellAgain(service);
      rig.thaw();
      await wellAgain(service);
    });
    const isHit = (user: number): boolean => (its[user] as number) > 0;
    const recovery = recoveryMs(scene.report, causedMs, promotedMs, isHit);
    expectKept(scene, { row: `Cluster, ${name}`, recoveryMs: recovery });
    const counted = await countsOfAll(await rig.primaries());
    expectFollowed(scene, { counted, causedMs, untilMs: promotedMs });
    // Timeouts are those of a busy machine; no other connection was lost.
    const touched = [...answersOf(scene.report)].filter(({ call, degraded }) => {
      const user = userOf(call);
      return user !== null && !isHit(user) && degraded === 'unavailable';
    });
    expect(touched).toEqual([]);
  },
  FORM.testMsMax,
);

async function countsOfAll(nodes: readonly RedisNode[]): Promise<number[]> {
  const counts = await Promise.all(nodes.map(({ port }) => countsOf(port)));
  return Array.from({ length: USERS }, (_, user) =>
    counts.reduce((total, each) => total + (each[user] as number), 0),
  );
}
