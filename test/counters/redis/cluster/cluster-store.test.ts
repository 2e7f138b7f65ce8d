/** The store of a cluster where not all is well, at its start, at its bounds and at its end. */
import { describe, expect, test } from 'vitest';
import type { ClusterOptions } from '../../../../src/counters/redis/cluster/cluster-options.ts';
import { RedisClusterStore } from '../../../../src/counters/redis/cluster/redis-cluster-store.ts';
import { ask, charge, group, readings } from '../../../contract/charges.ts';
import { until } from '../../../support/child.ts';
import { type ClusterRig, startClusterRig } from '../../../support/cluster-rig.ts';
import { freePort } from '../../../support/free-ports.ts';
import type { RedisNode } from '../../../support/redis-node.ts';
import { startRedis } from '../../../support/redis-server.ts';
import { type FakeRedis, packed, scriptReply, startFakeRedis } from '../fake-redis.ts';
import { type StoreRig, startStore } from './rig.ts';

const HOST = '127.0.0.1';

/** Keys in bins of that node, or of all others. */
function keysOn({ cluster }: StoreRig, node: RedisNode, isOn = true): string[] {
  return Array.from({ length: 200 }, (_, number) => `k${number}`).filter(
    (key) =>
      (cluster.ownerOf(cluster.bins.binOf(charge({ key })))?.address === node.address) === isOn,
  );
}

async function primariesOf(servers: ClusterRig): Promise<[RedisNode, RedisNode, RedisNode]> {
  return (await servers.primaries()) as [RedisNode, RedisNode, RedisNode];
}

describe('a start', () => {
  test('needs one of the named nodes, however many are dead or are none', async () => {
    await using servers = await startClusterRig();
    await using single = await startRedis();
    const { port } = servers.nodes()[4] as RedisNode;
    const seeds = [await freePort(), single.port, port].map((its) => ({ host: HOST, port: its }));
    await using rig = await startStore(seeds);
    expect(rig.cluster.nodes()).toHaveLength(3);
    expect(readings(await ask(rig.gate, [group({ key: 'a' }, { key: 'b' })]))).toEqual([
      ['0>1', '0>1'],
    ]);
    const texts = rig.events.filter(({ kind }) => kind === 'error').map(({ text }) => text);
    expect(texts.join()).toMatch(/ECONNREFUSED.*cluster support disabled/);
  });

  test('without a cluster is told of, and charges fail meanwhile', async () => {
    const store = clusterAt([{ host: HOST, port: await freePort() }], { startMaxMs: 200 });
    await expect(store.start()).rejects.toThrow(/redis cluster .* not ready in 200 ms: .*REFUSED/);
    expect(store.isHealthy).toBe(false);
    const groups = [group({ key: 'a' }), group()];
    expect(readings(await ask(store, groups))).toEqual([['unavailable'], []]);
    await store.close();
  });

  test('is ended by a close', async () => {
    const store = clusterAt([{ host: HOST, port: await freePort() }]);
    const started = store.start();
    await store.close();
    await expect(started).rejects.toThrow('closed before it was ready');
    expect(readings(await ask(store, [group({ key: 'a' })]))).toEqual([['unavailable']]);
  });

  const wrong: [string, Partial<ClusterOptions>, string][] = [
    ['no nodes to find it by', { seeds: [] }, '1 to 32 nodes'],
    ['too many', { seeds: Array.from({ length: 33 }, () => ({ host: 'h', port: 1 })) }, '33'],
    ['keys of the reference', { keyFormat: 'reference' }, 'cannot be used'],
    ['no bins', { bins: 0 }, 'bins'],
  ];
  test.each(wrong)('with %s is refused', (_, options, text) => {
    expect(() => clusterAt([{ host: 'h', port: 1 }], options)).toThrow(text);
  });
});

function clusterAt(
  seeds: ClusterOptions['seeds'],
  options: Partial<ClusterOptions> = {},
): RedisClusterStore {
  const gateOf = () => {
    throw new Error('no node is known');
  };
  return new RedisClusterStore({ seeds, keyFormat: 'exact', gateOf, ...options });
}

describe('a node that does not answer', () => {
  test('costs its own charges alone, and those of no other node', async () => {
    await using servers = await startClusterRig();
    await using rig = await startStore(servers, { timeoutMs: 200, silenceMaxMs: 60_000 });
    const [node] = await primariesOf(servers);
    const local = { failureMode: 'local' } as const;
    const struck = keysOn(rig, node).slice(0, 3);
    const others = keysOn(rig, node, false).slice(0, 3);
    node.freeze();
    const its = group(...[...struck, ...others].map((key) => ({ key, ...local })));
    await ask(rig.guard, [its]);
    expect(its.failure).toBeNull();
    expect(its.charges.map(({ degraded }) => degraded)).toEqual([
      ...struck.map(() => 'timeout'),
      ...others.map(() => null),
    ]);
    expect(rig.gate.isHealthy).toBe(true);
    servers.thaw();
    await until(
      () => rig.guard.confirmedHits + rig.guard.replayedHits,
      (hits) => hits === 3,
    );
    const counts = await ask(rig.guard, [group(...struck.map((key) => ({ key, hits: 0 })))]);
    expect(readings(counts)).toEqual([struck.map(() => '1>1')]);
  });

  test('is asked again as soon as it is well', async () => {
    await using servers = await startClusterRig();
    await using rig = await startStore(servers, { timeoutMs: 20, silenceMaxMs: 60_000 });
    const [node] = await primariesOf(servers);
    const [key] = keysOn(rig, node) as [string];
    const its = rig.cluster.nodes().find(({ address }) => address === node.address);
    node.freeze();
    await until(
      () => ask(rig.gate, [group({ key })]),
      () => its?.gate.breakerState('check').kind === 'open',
    );
    node.thaw();
    // Nobody charges: the breaker asks by a counter of its own, in a bin that is there.
    await until(
      () => its?.gate.breakerState('check').kind,
      (kind) => kind === 'closed',
    );
    expect(rig.cluster.nodes()).toContain(its);
  });

  test('is left for its successor also when nobody asks for anything', async () => {
    await using servers = await startClusterRig();
    await using rig = await startStore(servers);
    const [node] = await primariesOf(servers);
    const promoted = servers.promotedAt(node);
    await servers.killPrimary(node);
    const successor = await promoted;
    await until(
      () => rig.cluster.nodes().map(({ address, store }) => store.isHealthy && address),
      (its) => its.includes(successor.node.address) && !its.includes(node.address),
    );
  });

  test('all of them: the whole is not asked, until one is back', { timeout: 30_000 }, async () => {
    await using servers = await startClusterRig();
    await using rig = await startStore(servers, { timeoutMs: 20, silenceMaxMs: 60_000 });
    for (const node of servers.nodes()) node.freeze();
    await until(
      () => ask(rig.gate, [group({ key: 'a' }), group({ key: 'b' }), group({ key: 'c' })]),
      () => rig.gate.breakerState('check').kind === 'open',
      20_000,
    );
    expect(rig.transitions).toContain('cluster: check closed > open (failure-ratio)');
    servers.thaw();
    await until(
      () => ask(rig.gate, [group({ key: 'a' }), group({ key: 'b' }), group({ key: 'c' })]),
      (its) => its.every(({ failure }) => failure === null),
      20_000,
    );
  });

  test('a slot without an owner fails, and no other', async () => {
    await using servers = await startClusterRig();
    await using rig = await startStore(servers);
    const [node] = await primariesOf(servers);
    const [key] = keysOn(rig, node) as [string];
    const slot = rig.cluster.bins.slots[rig.cluster.bins.binOf(charge({ key }))] as number;
    await Promise.all(servers.nodes().map((its) => its.call('CLUSTER', 'DELSLOTS', slot)));
    const other = keysOn(rig, node, false)[0] as string;
    const asked = () => ask(rig.cluster, [group({ key }), group({ key: other, hits: 0 })]);
    expect(readings(await asked())).toEqual([['unavailable'], ['0>0']]);
    await until(
      () => rig.cluster.ownerOf(rig.cluster.bins.binOf(charge({ key }))),
      (owner) => owner === null,
    );
    expect(readings(await asked())).toEqual([['unavailable'], ['0>0']]);
  });
});

/** RESP of CLUSTER SLOTS: all slots are the port's. */
function slotsAt(port: number): string {
  return `*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n${HOST}\r\n:${port}\r\n`;
}

interface FakeCluster {
  readonly epoch?: () => number;
  /** Who owns all slots; itself when absent. */
  readonly owner?: () => number;
  readonly reply: () => string;
}

/** A node that says of the cluster what it is told to, and answers every call with the same bytes. */
async function startFakeNode({ epoch = () => 1, owner, reply }: FakeCluster): Promise<FakeRedis> {
  const fake = await startFakeRedis('', ([name, order]) => {
    if (name === 'evalsha') return reply();
    if (name !== 'cluster') return undefined;
    if (order === 'slots') return slotsAt(owner?.() ?? fake.port);
    const state = `cluster_current_epoch:${epoch()}\r\n`;
    return `$${state.length}\r\n${state}\r\n`;
  });
  return fake;
}

/** Of one charge of a fresh counter: clock, made, no calls before, its count. */
const FIRST = scriptReply(packed([Date.now(), ...Array<number>(10).fill(0)]));

describe('nodes that do not agree', () => {
  test('a charge is sent on three times and no more', async () => {
    const places: number[] = [];
    const reply = (at: number) => () => `-MOVED 1 ${HOST}:${places[at]}\r\n`;
    await using a = await startFakeNode({ reply: reply(1) });
    await using b = await startFakeNode({ reply: reply(0) });
    places.push(a.port, b.port);
    await using rig = await startStore([{ host: HOST, port: a.port }]);
    const [its] = await ask(rig.cluster, [group({ key: 'k' })]);
    expect(its?.failure).toEqual({
      code: 'unavailable',
      text: 'redis cluster: sent on more than 3 times',
    });
    expect(rig.cluster.redirections.moved).toBe(4);
  });

  test('a node that is named and cannot be reached is waited for only so long', async () => {
    const port = await freePort();
    await using node = await startFakeNode({ reply: () => `-ASK 1 ${HOST}:${port}\r\n` });
    const options = { timeoutMs: 300, groupsQueuedMax: 10 };
    await using rig = await startStore([{ host: HOST, port: node.port }], options);
    const wave = () => Array.from({ length: 9 }, () => ask(rig.cluster, [group({ key: 'k' })]));
    const first = wave();
    await until(
      () => rig.cluster.redirections.ask,
      (count) => count === 9,
    );
    const asked = [...(await Promise.all(wave())), ...(await Promise.all(first))];
    const texts = asked.map(([its]) => its?.failure?.text);
    expect(new Set(texts)).toEqual(
      new Set([
        'redis cluster: too many requests wait for a node',
        'redis cluster: not begun in time',
      ]),
    );
    expect(rig.cluster.nodes()).toHaveLength(2);
  });

  test('a view of an older epoch changes nothing', async () => {
    let epoch = 5;
    await using other = await startFakeNode({ reply: () => FIRST });
    let owner = 0;
    await using node = await startFakeNode({
      epoch: () => epoch,
      owner: () => owner || node.port,
      reply: () => FIRST,
    });
    await using rig = await startStore([{ host: HOST, port: node.port }]);
    const views = rig.cluster.views;
    epoch = 4;
    owner = other.port;
    rig.cluster.doubt();
    await until(
      () => rig.cluster.looks,
      (looks) => looks > views + 2,
    );
    expect(rig.cluster.nodes().map(({ address }) => address)).toEqual([`${HOST}:${node.port}`]);
    epoch = 6;
    rig.cluster.doubt();
    await until(
      () => rig.cluster.nodes().map(({ address }) => address),
      ([address]) => address === `${HOST}:${other.port}`,
    );
  });
});
