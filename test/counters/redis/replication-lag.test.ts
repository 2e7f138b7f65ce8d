/** A failover to a replica that lacks the last charges: what is lost is told, to the hit. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RedisCounterStore } from '../../../src/counters/redis/redis-counter-store.ts';
import { askOne } from '../../contract/charges.ts';
import { until } from '../../support/child.ts';
import { describeWithToxiproxy } from '../../support/parts.ts';
import type { RedisNode } from '../../support/redis-node.ts';
import { startRedis } from '../../support/redis-server.ts';
import {
  SENTINEL_PRIMARY,
  type SentinelRig,
  startSentinelRig,
} from '../../support/sentinel-rig.ts';
import { startToxiproxy, type Toxiproxy } from '../../support/toxiproxy.ts';

/** What a busy machine may take for a failover of a second. */
const FAILOVER_MS_MAX = 15_000;

function startStore(rig: SentinelRig): RedisCounterStore {
  const sentinels = rig.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
  return new RedisCounterStore({
    address: { primary: SENTINEL_PRIMARY, sentinels },
    keyFormat: 'exact',
    timeoutMs: 5000,
  });
}

/** Resolves when the replica has the count. */
function untilCopied(replica: RedisNode, count: number): Promise<unknown> {
  return until(
    () => replica.text('GET', 'k'),
    (value) => value === String(count),
  );
}

describeWithToxiproxy('a replica that is behind', () => {
  let toxiproxy: Toxiproxy;
  beforeAll(async () => {
    toxiproxy = await startToxiproxy();
  });
  afterAll(() => toxiproxy[Symbol.asyncDispose]());

  test('becomes the primary: the charges that it lacks are counted as lost, and no others', {
    timeout: 60_000,
  }, async () => {
    await using rig = await startSentinelRig();
    const store = startStore(rig);
    await store.start();
    const [primary, ...replicas] = rig.nodes as [RedisNode, ...RedisNode[]];
    const line = await toxiproxy.proxy(primary.port);
    for (const replica of replicas) await replica.call('REPLICAOF', '127.0.0.1', line.port);
    expect(await askOne(store, { key: 'k', hits: 10 })).toBe('0>10');
    await Promise.all(replicas.map((replica) => untilCopied(replica, 10)));
    // Sentinels put a replica that follows another address right, but only after eight seconds.
    await line.timeout();
    expect(await askOne(store, { key: 'k', hits: 3 })).toBe('10>13');
    expect(await askOne(store, { key: 'k', hits: 0 })).toBe('13>13');
    expect(await askOne(store, { key: 'k', hits: 4 })).toBe('13>17');
    const promoted = rig.promotedAt();
    await rig.killPrimary();
    const { node } = await promoted;
    // Peeks are not among the calls that a server remembers, and so tell nothing.
    await until(
      () => askOne(store, { key: 'k', hits: 0 }),
      (reading) => reading === '10>10',
      FAILOVER_MS_MAX,
    );
    expect(store.lost).toMatchObject({ lostHits: 0, forgotten: 0 });
    expect(await askOne(store, { key: 'k', hits: 5 })).toBe('10>15');
    expect(store.lost).toMatchObject({ lostHits: 7, forgotten: 0 });
    expect(await askOne(store, { key: 'k', hits: 5 })).toBe('15>20');
    expect(store.lost).toMatchObject({ lostHits: 7, forgotten: 0 });
    expect(await node.text('GET', 'k')).toBe('20');
    await store.close();
  });
});

test('a Redis that comes back without its data is told of as one that forgot', async () => {
  const first = await startRedis();
  const address = { host: '127.0.0.1', port: first.port };
  const store = new RedisCounterStore({ address, keyFormat: 'exact', timeoutMs: 5000 });
  await store.start();
  expect(await askOne(store, { key: 'k', hits: 3 })).toBe('0>3');
  await first.kill();
  await using _ = await startRedis({ port: first.port });
  await until(
    () => askOne(store, { key: 'k', hits: 2 }),
    (reading) => reading === '0>2',
    FAILOVER_MS_MAX,
  );
  expect(store.lost).toMatchObject({ lostHits: 0, forgotten: 1 });
  await store.close();
});
