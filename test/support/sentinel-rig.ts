/**
 * A primary, two replicas and three sentinels that watch them, all real and on loopback, with short
 * times: a failover takes about a second. Faults are made by signals and by Sentinel's own command.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './child.ts';
import {
  type Promotion,
  promotionAmong,
  type RedisNode,
  serverArgs,
  startRedisNode,
  startTogether,
} from './redis-node.ts';

/** The name under which the sentinels know the primary. */
export const SENTINEL_PRIMARY = 'rl';
const REPLICAS = 2;
const SENTINELS = 3;
const QUORUM = 2;
/** A primary that does not answer for so long is down for the sentinels. */
const DOWN_AFTER_MS = 500;
/** How long a sentinel gives an attempt before another may start one. */
const FAILOVER_MS_MAX = 3000;
/** Sentinels say hello to each other each two seconds. */
const READY_MS_MAX = 20_000;

/** Lets replicas notice a lost primary, and a primary a lost replica, within seconds. */
const REPLICATION = ['--repl-ping-replica-period', '1', '--repl-timeout', '5'];

export class SentinelRig {
  /** Primary and replicas, in the order of their start. */
  readonly nodes: readonly RedisNode[];
  readonly sentinels: readonly RedisNode[];
  readonly #directory: string;
  #primary: RedisNode;

  constructor(directory: string, nodes: readonly RedisNode[], sentinels: readonly RedisNode[]) {
    this.#directory = directory;
    this.nodes = nodes;
    this.sentinels = sentinels;
    this.#primary = nodes[0] as RedisNode;
  }

  /** The one at the start, then the one that `promotedAt` found last. */
  primary(): RedisNode {
    return this.#primary;
  }

  /** Addresses of the sentinels, `host:port` and a comma between them. */
  sentinelAddresses(): string {
    return this.sentinels.map(({ address }) => address).join(',');
  }

  async killPrimary(): Promise<void> {
    await this.#primary.kill();
  }

  /** Hangs it with its connections open. Returns it, for it is not the primary for long. */
  freezePrimary(): RedisNode {
    this.#primary.freeze();
    return this.#primary;
  }

  /** Wakes every node that was frozen. */
  thaw(): void {
    for (const node of this.nodes) node.thaw();
  }

  /** A planned failover: resolves when a sentinel has begun it; `promotedAt` tells its end. */
  async failover(): Promise<void> {
    const order = () =>
      this.sentinels[0]?.text('SENTINEL', 'FAILOVER', SENTINEL_PRIMARY).catch(String);
    // Refused while an earlier failover is not finished, or no replica was heard of lately.
    await until(order, (reply) => reply === 'OK', READY_MS_MAX);
  }

  /** The next node, other than the primary so far, that says it is one. May be called beforehand. */
  async promotedAt(): Promise<Promotion> {
    const promotion = await promotionAmong(this.nodes.filter((node) => node !== this.#primary));
    this.#primary = promotion.node;
    return promotion;
  }

  /** The one that all sentinels name, whatever happened meanwhile; resolves when they agree. */
  async agreed(): Promise<RedisNode> {
    const named = async (): Promise<RedisNode | undefined> => {
      const replies = await Promise.all(
        this.sentinels.map((sentinel) =>
          sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', SENTINEL_PRIMARY),
        ),
      );
      const [port, ...others] = new Set(replies.map((reply) => String(reply).split(',')[1]));
      return this.nodes.find((node) => others.length === 0 && String(node.port) === port);
    };
    const node = await until(named, (its) => its !== undefined, READY_MS_MAX);
    return node as RedisNode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The sentinels first, so that none starts a failover meanwhile.
    await Promise.all(this.sentinels.map((node) => node.kill()));
    await Promise.all(this.nodes.map((node) => node.kill()));
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Resolves when both replicas are in step and every sentinel knows all others and both replicas. */
export async function startSentinelRig(): Promise<SentinelRig> {
  const directory = mkdtempSync(join(tmpdir(), 'weir-sentinel-'));
  const started: RedisNode[] = [];
  try {
    const nodes = await startServers(directory, started);
    const sentinels = await startSentinels(directory, nodes[0] as RedisNode);
    started.push(...sentinels);
    await Promise.all(sentinels.map(awaitAcquainted));
    return new SentinelRig(directory, nodes, sentinels);
  } catch (error) {
    await Promise.all(started.map((node) => node.kill()));
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

/** The primary first. What was started is in `started` even when this fails. */
async function startServers(directory: string, started: RedisNode[]): Promise<RedisNode[]> {
  const start = (name: string, more: readonly string[]): Promise<RedisNode> => {
    const home = join(directory, name);
    mkdirSync(home);
    const args = (port: number) => [...serverArgs(port, home), ...REPLICATION, ...more];
    return startRedisNode({ name, args });
  };
  const primary = await start('node-0', []);
  started.push(primary);
  const replicaOf = ['--replicaof', `127.0.0.1 ${primary.port}`];
  const replicas = await startTogether(
    Array.from({ length: REPLICAS }, (_, i) => start(`node-${i + 1}`, replicaOf)),
  );
  started.push(...replicas);
  await awaitReplicas(primary, REPLICAS);
  return [primary, ...replicas];
}

/** After the replicas: a sentinel reads who they are when it starts, and then only each ten seconds. */
function startSentinels(directory: string, primary: RedisNode): Promise<readonly RedisNode[]> {
  const start = (name: string): Promise<RedisNode> => {
    // It keeps what it learns in its configuration file, so it needs one that it may write.
    const file = join(directory, `${name}.conf`);
    const args = (port: number): string[] => {
      writeFileSync(file, sentinelLines(port, directory, primary.port).join('\n'));
      return [file, '--sentinel'];
    };
    return startRedisNode({ name, args });
  };
  return startTogether(Array.from({ length: SENTINELS }, (_, i) => start(`sentinel-${i}`)));
}

function sentinelLines(port: number, directory: string, primaryPort: number): string[] {
  return [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${directory}`,
    `sentinel monitor ${SENTINEL_PRIMARY} 127.0.0.1 ${primaryPort} ${QUORUM}`,
    `sentinel down-after-milliseconds ${SENTINEL_PRIMARY} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${SENTINEL_PRIMARY} ${FAILOVER_MS_MAX}`,
    `sentinel parallel-syncs ${SENTINEL_PRIMARY} ${REPLICAS}`,
    '',
  ];
}

/** Resolves when the primary has `count` replicas in step with it. */
async function awaitReplicas(primary: RedisNode, count: number): Promise<void> {
  await until(
    () => primary.text('INFO', 'replication').catch(String),
    (text) => text.split('state=online').length - 1 === count,
    READY_MS_MAX,
  );
}

async function awaitAcquainted(sentinel: RedisNode): Promise<void> {
  const wanted = [REPLICAS, SENTINELS - 1, 'master'].join();
  const look = async (): Promise<string> => {
    const reply = (await sentinel.call('SENTINEL', 'MASTER', SENTINEL_PRIMARY)) as string[];
    const value = (name: string): string | undefined => reply[reply.indexOf(name) + 1];
    return ['num-slaves', 'num-other-sentinels', 'flags'].map(value).join();
  };
  await until(
    () => look().catch(String),
    (seen) => seen === wanted,
    READY_MS_MAX,
  );
}
