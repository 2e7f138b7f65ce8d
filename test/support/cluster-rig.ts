/**
 * A Redis Cluster of three primaries with a replica each, all real and on loopback, with short times: a
 * failover takes two to three seconds. Faults are made by signals and by the cluster's own commands.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './child.ts';
import { type MoveStep, moveSlot, SLOTS, slotOwners } from './cluster-slots.ts';
import { freePort } from './free-ports.ts';
import {
  type Promotion,
  promotionAmong,
  type RedisNode,
  serverArgs,
  startRedisNode,
  startTogether,
} from './redis-node.ts';

const PRIMARIES = 3;
const NODES = PRIMARIES * 2;
/** A node that does not answer for so long is down for the others. */
const NODE_TIMEOUT_MS = 1000;
const READY_MS_MAX = 20_000;

export interface Reshard {
  readonly from: RedisNode;
  readonly to: RedisNode;
  /** Awaited after each step of each slot: a test holds a slot half-moved by not resolving. */
  readonly onStep?: (step: MoveStep) => Promise<void> | void;
}

export class ClusterRig {
  readonly #directory: string;
  readonly #nodes: readonly RedisNode[];

  constructor(directory: string, nodes: readonly RedisNode[]) {
    this.#directory = directory;
    this.#nodes = nodes;
  }

  /** All six: three that began as primaries, then the replica of each in the same order. */
  nodes(): readonly RedisNode[] {
    return this.#nodes;
  }

  /** Those that own slots now, by their own words. One that does not answer is not among them. */
  async primaries(): Promise<RedisNode[]> {
    const owners = await slotOwners(this.#nodes);
    return [...new Set(owners)].filter((node) => node !== null);
  }

  /** Rejects while no node that answers claims the slot. */
  async ownerOf(slot: number): Promise<RedisNode> {
    const owner = (await slotOwners(this.#nodes))[slot];
    if (owner === null || owner === undefined) throw new Error(`nobody owns slot ${slot}`);
    return owner;
  }

  /** The other node of a shard: the replica of a primary, the primary of a replica. */
  partnerOf(node: RedisNode): RedisNode {
    const at = this.#nodes.indexOf(node);
    return this.#nodes[(at + PRIMARIES) % NODES] as RedisNode;
  }

  async killPrimary(node: RedisNode): Promise<void> {
    await node.kill();
  }

  /** Hangs it with its connections open. */
  freezePrimary(node: RedisNode): void {
    node.freeze();
  }

  /** Wakes every node that was frozen. */
  thaw(): void {
    for (const node of this.#nodes) node.thaw();
  }

  /** A planned failover, by which `replica` takes over its shard; `promotedAt` tells its end. */
  async failover(replica: RedisNode): Promise<void> {
    await replica.call('CLUSTER', 'FAILOVER');
  }

  /** When the other node of the shard of `before` says that it is the primary. */
  promotedAt(before: RedisNode): Promise<Promotion> {
    return promotionAmong([this.partnerOf(before)]);
  }

  /** Moves slots, one after another, with their keys in small batches. */
  async reshard(slots: readonly number[], { from, to, onStep }: Reshard): Promise<void> {
    const others = (await this.primaries()).filter((node) => node !== from && node !== to);
    for (const slot of slots) await moveSlot(slot, { from, to, others, onStep });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.kill()));
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Resolves when every node finds the whole cluster well and all replicas are in step. */
export async function startClusterRig(): Promise<ClusterRig> {
  const directory = mkdtempSync(join(tmpdir(), 'weir-cluster-'));
  const nodes: RedisNode[] = [];
  try {
    const busPorts = await Promise.all(Array.from({ length: NODES }, freePort));
    const start = (busPort: number, i: number) => startNode(`node-${i}`, directory, busPort);
    nodes.push(...(await startTogether(busPorts.map(start))));
    await joinAll(nodes, busPorts);
    return new ClusterRig(directory, nodes);
  } catch (error) {
    await Promise.all(nodes.map((node) => node.kill()));
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

function startNode(name: string, directory: string, busPort: number): Promise<RedisNode> {
  const home = join(directory, name);
  mkdirSync(home);
  const settings = {
    'cluster-enabled': 'yes',
    // The usual place, 10,000 above the port, is where the system puts outgoing connections.
    'cluster-port': busPort,
    'cluster-node-timeout': NODE_TIMEOUT_MS,
    // A replica may take over however long it was cut off.
    'cluster-replica-validity-factor': 0,
    'cluster-require-full-coverage': 'no',
  };
  const words = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, String(value)]);
  return startRedisNode({ name, args: (port) => [...serverArgs(port, home), ...words] });
}

/** Makes a cluster of nodes that are strangers: `redis-cli --cluster create` by hand. */
async function joinAll(nodes: readonly RedisNode[], busPorts: readonly number[]): Promise<void> {
  const primaries = nodes.slice(0, PRIMARIES);
  for (const [i, node] of primaries.entries()) {
    const bound = (at: number): number => Math.floor((SLOTS * at) / PRIMARIES);
    // Epochs that differ from the start need not be sorted out first.
    await node.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
    await node.call('CLUSTER', 'ADDSLOTSRANGE', bound(i), bound(i + 1) - 1);
  }
  const first = nodes[0] as RedisNode;
  for (const [i, node] of nodes.entries()) {
    const at = ['127.0.0.1', node.port, busPorts[i] as number];
    if (node !== first) await first.call('CLUSTER', 'MEET', ...at);
  }
  for (const [i, node] of nodes.slice(PRIMARIES).entries()) {
    const id = await (primaries[i] as RedisNode).text('CLUSTER', 'MYID');
    // Refused until word of that primary has come round.
    const replicate = () => node.text('CLUSTER', 'REPLICATE', id).catch(String);
    await until(replicate, (reply) => reply === 'OK', READY_MS_MAX);
  }
  await Promise.all(nodes.map(awaitWhole));
}

/** Resolves when the node knows all others, and of each replica that it is one, and has its copy. */
async function awaitWhole(node: RedisNode): Promise<void> {
  const look = async (): Promise<string> => {
    const [cluster, state, replication] = await Promise.all([
      node.text('CLUSTER', 'NODES'),
      node.text('CLUSTER', 'INFO'),
      node.text('INFO', 'replication'),
    ]);
    const lines = cluster.trim().split('\n');
    const count = (pattern: RegExp): number => lines.filter((line) => pattern.test(line)).length;
    return [
      count(/ (myself,)?master .* connected /),
      count(/ (myself,)?slave .* connected/),
      /cluster_state:(\w+)/.exec(state)?.[1],
      /master_link_status:down/.test(replication) ? 'alone' : 'in step',
    ].join();
  };
  const wanted = [PRIMARIES, NODES - PRIMARIES, 'ok', 'in step'].join();
  await until(
    () => look().catch(String),
    (seen) => seen === wanted,
    READY_MS_MAX,
  );
}
