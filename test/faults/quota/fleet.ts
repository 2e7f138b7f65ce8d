/**
 * A group as it is deployed: real services, voters with a directory each and replicas that only hold shares, by
 * default on loopback with mutual TLS between them. A replica is killed, stopped, frozen and started again on
 * the ports and the disk that it had; its logs of all lives are kept.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../../support/child.ts';
import { freePort } from '../../support/free-ports.ts';
import {
  freeServicePorts,
  type Service,
  type ServicePorts,
  spawnService,
} from '../../support/service.ts';
import { Numbers } from '../watch.ts';
import type { Target } from './fleet-load.ts';
import type { Logs } from './group-log.ts';
import type { Network, Place } from './network.ts';

const pem = (name: string): string =>
  fileURLToPath(new URL(`../../wire/tls/${name}`, import.meta.url));
const MUTUAL_TLS = {
  QUOTA_TLS_CERT: pem('server.pem'),
  QUOTA_TLS_KEY: pem('server.key.pem'),
  QUOTA_TLS_CA: pem('ca.pem'),
};

/** Five processes that start at once on a busy machine. */
const READY_MS_MAX = 20_000;
/** Elections take 1 to 2 s each, and one may be split. */
const LEADER_MS_MAX = 15_000;
/** A replica that is frozen or gone answers no question. */
const ANSWER_MS_MAX = 1000;

export interface FleetOptions {
  readonly voters: number;
  readonly lessees: number;
  readonly files: Readonly<Record<string, string>>;
  /** Of the replica at that place. */
  readonly env?: (replica: number) => Readonly<Record<string, string>>;
  /** All on loopback, with nothing to cut, when absent. Peers elsewhere speak without TLS. */
  readonly network?: Network;
  /** Instead of a new one for that voter. */
  readonly directoryOf?: (id: string) => string | undefined;
}

interface ReplicaParts {
  readonly id: string;
  readonly place: Place;
  readonly ports: ServicePorts;
  readonly files: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
}

export class Replica {
  readonly id: string;
  readonly isVoter: boolean;
  readonly #parts: ReplicaParts;
  readonly #lives: Service[] = [];

  constructor(parts: ReplicaParts) {
    this.id = parts.id;
    this.isVoter = parts.env['QUOTA_DATA_DIR'] !== undefined;
    this.#parts = parts;
  }

  get target(): Target {
    return { host: this.#parts.place.host, port: this.#parts.ports.grpc };
  }

  get #service(): Service {
    return this.#lives.at(-1) as Service;
  }

  get pid(): number {
    return this.#service.child.pid;
  }

  /** What all its lives wrote. */
  get log(): string {
    return this.#lives.map(({ child }) => child.output).join('');
  }

  /** Resolves when it answers; it may have no lease yet. */
  async start(): Promise<void> {
    const { ports, files, env, place } = this.#parts;
    const { host, before } = place;
    const hosts = { HOST: host, GRPC_HOST: host, DEBUG_HOST: host };
    const metrics = { PROMETHEUS_ADDR: `${host}:${ports.metrics}` };
    const service = await spawnService({
      ports,
      files,
      before,
      env: { ...hosts, ...metrics, ...env },
    });
    this.#lives.push(service);
    // The gRPC port is the last that opens.
    await service.child.ready(async () => (await this.numbers()) !== null, READY_MS_MAX);
    await service.child.ready(async () => service.child.output.includes('weir serves'));
  }

  /** SIGKILL: not a moment to say or write anything. */
  async kill(): Promise<void> {
    await this.#service.child.stop('SIGKILL');
  }

  /** SIGTERM, as a rollout does. */
  async stop(): Promise<void> {
    await this.#service.child.stop('SIGTERM');
  }

  freeze(): void {
    this.#service.child.signal('SIGSTOP');
  }

  thaw(): void {
    this.#service.child.signal('SIGCONT');
  }

  /** Its /metrics; null when it does not answer. */
  async numbers(): Promise<Numbers | null> {
    const { place, ports } = this.#parts;
    try {
      const url = `http://${place.host}:${ports.metrics}/metrics`;
      const page = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
      return new Numbers(await page.text());
    } catch {
      return null;
    }
  }

  async isLeader(): Promise<boolean> {
    return (await this.numbers())?.sum('weir_quota_leader') === 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#lives.map((service) => service[Symbol.asyncDispose]()));
  }
}

export class Fleet {
  readonly replicas: readonly Replica[];
  readonly #root: string;

  private constructor(replicas: readonly Replica[], root: string) {
    this.replicas = replicas;
    this.#root = root;
  }

  /** Resolves when all of them answer and one leads. */
  static async start(options: FleetOptions): Promise<Fleet> {
    const root = mkdtempSync(join(tmpdir(), 'weir-fleet-'));
    const fleet = new Fleet(await replicasOf(options, root), root);
    try {
      await Promise.all(fleet.replicas.map((replica) => replica.start()));
      if (options.voters > 0) await fleet.leader();
      return fleet;
    } catch (error) {
      await fleet[Symbol.asyncDispose]();
      throw error;
    }
  }

  get voters(): readonly Replica[] {
    return this.replicas.filter(({ isVoter }) => isVoter);
  }

  get targets(): Target[] {
    return this.replicas.map(({ target }) => target);
  }

  get logs(): Logs {
    return new Map(this.replicas.map(({ id, log }) => [id, log]));
  }

  /** Resolves to who leads among these, all voters when absent. */
  async leader(among: readonly Replica[] = this.voters): Promise<Replica> {
    const look = async (): Promise<Replica | null> => {
      const found = await Promise.all(among.map((replica) => replica.isLeader()));
      return among[found.indexOf(true)] ?? null;
    };
    return (await until(look, (leader) => leader !== null, LEADER_MS_MAX))!;
  }

  /** Sum over those that answer. */
  async sum(metric: string, ...labels: readonly string[]): Promise<number> {
    const all = await Promise.all(this.replicas.map((replica) => replica.numbers()));
    return all.reduce((sum, numbers) => sum + (numbers?.sum(metric, ...labels) ?? 0), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica[Symbol.asyncDispose]()));
    rmSync(this.#root, { recursive: true, force: true });
  }
}

/** As a load's answers name them: by place in `fleet.replicas`. */
export function placeOf(fleet: Fleet, replica: Replica): number {
  return fleet.replicas.indexOf(replica);
}

const LOOPBACK: Place = { host: '127.0.0.1', peerHost: '127.0.0.1', before: [] };

async function replicasOf(options: FleetOptions, root: string): Promise<Replica[]> {
  const { voters, lessees, files, network, directoryOf } = options;
  const names = [
    ...Array.from({ length: voters }, (_, at) => `voter-${at + 1}`),
    ...Array.from({ length: lessees }, (_, at) => `lessee-${at + 1}`),
  ];
  const voterPorts: number[] = [];
  for (let at = 0; at < voters; at += 1) voterPorts.push(await freePort());
  const secrecy = network?.isLoopback === false ? { QUOTA_INSECURE: 'true' } : MUTUAL_TLS;
  const replicas: Replica[] = [];
  for (const [at, id] of names.entries()) {
    const peers = await peersOf(at, voterPorts, network);
    const env = {
      LOG_LEVEL: 'info',
      LOG_FORMAT: 'json',
      LIMIT_RESPONSE_HEADERS_ENABLED: 'true',
      ...(voters === 0 ? {} : { QUOTA_PEERS: peers, QUOTA_NODE_ID: id, ...secrecy }),
      ...(at < voters ? { QUOTA_DATA_DIR: directoryOf?.(id) ?? join(root, id) } : {}),
      ...options.env?.(at),
    };
    const place = network?.placeOf(at) ?? LOOPBACK;
    replicas.push(new Replica({ id, place, ports: await freeServicePorts(), files, env }));
  }
  return replicas;
}

/** The list of voters as the replica at `from` reaches them. */
async function peersOf(
  from: number,
  voterPorts: readonly number[],
  network: Network | undefined,
): Promise<string> {
  const peers: string[] = [];
  for (const [to, port] of voterPorts.entries()) {
    const { peerHost } = network?.placeOf(to) ?? LOOPBACK;
    const reached = (await network?.route(from, to, port)) ?? port;
    peers.push(`voter-${to + 1}=${peerHost}:${reached}`);
  }
  return peers.join(',');
}

/** Settings of a replica that counts in the Redis there what is not leased. */
export function redisEnv(host: string, port: number): Record<string, string> {
  return {
    BACKEND_TYPE: 'redis',
    REDIS_SOCKET_TYPE: 'tcp',
    REDIS_URL: `${host}:${port}`,
    REDIS_TIMEOUT: '5s',
  };
}

/** Polls until a number of one replica is so. */
export function untilNumber(
  replica: Replica,
  metric: string,
  isSo: (value: number) => boolean,
  withinMs: number,
): Promise<number> {
  const read = async (): Promise<number> => (await replica.numbers())?.sum(metric) ?? Number.NaN;
  return until(read, isSo, withinMs);
}
