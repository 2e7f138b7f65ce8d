/**
 * The real service as a child process, as a user starts it: `node src/main.ts` and environment
 * variables, on free ports, with limits files in a directory of its own.
 *
 * SERVICE_COMMAND (words, split at spaces) starts another program with the same interface instead; the
 * reference passes the conformance and Envoy tests, which is how those tests are tested.
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child, type Exit } from './child.ts';
import { freePort } from './free-ports.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
/** Compiled code of one start is used by the next: a third of its time less. */
const compileCache = fileURLToPath(new URL('../../.cache/compiled', import.meta.url));
const command = process.env['SERVICE_COMMAND']?.split(' ') ?? [process.execPath, main];

/** Passed on from the test's own environment: nothing else may change what a test sees. */
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'TZ'];

const SUBDIRECTORY = 'weir';

export interface ServiceOptions {
  /** Limits files by name; `write` changes them later. */
  readonly files?: Readonly<Record<string, string>>;
  /** Port of a Redis on loopback; without it counters are kept in memory. */
  readonly redisPort?: number | undefined;
  /** Settings on top of, or instead of, those a test service has. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Such as those of a service that ran before, to start on again; free ones when absent. */
  readonly ports?: ServicePorts;
  /** Words to put before the command, such as those of `taskset`. */
  readonly before?: readonly string[];
}

export interface ServicePorts {
  readonly http: number;
  readonly grpc: number;
  readonly debug: number;
  readonly metrics: number;
}

/** A directory with the limits of one service. */
class Home {
  readonly root = mkdtempSync(join(tmpdir(), 'weir-'));
  readonly #limits = join(this.root, SUBDIRECTORY, 'config');

  constructor() {
    mkdirSync(this.#limits, { recursive: true });
  }

  write(name: string, text: string | null): void {
    const target = join(this.#limits, name);
    if (text === null) return rmSync(target, { force: true });
    const draft = join(this.root, 'draft');
    writeFileSync(draft, text);
    renameSync(draft, target);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

export class Service {
  readonly child: Child;
  readonly ports: ServicePorts;
  readonly #home: Home;

  constructor(child: Child, ports: ServicePorts, home: Home) {
    this.child = child;
    this.ports = ports;
    this.#home = home;
  }

  /** Puts a limits file in place as an editor or a rollout does: whole, by renaming. null removes it. */
  write(name: string, text: string | null): void {
    this.#home.write(name, text);
  }

  /** GET of a path on the HTTP, debug or metrics port: the body, whatever the status. */
  async get(port: keyof ServicePorts, path: string): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.ports[port]}${path}`)).text();
  }

  /** Value of one Prometheus sample by its full name with labels; 0 when it is not there. */
  async metric(sample: string): Promise<number> {
    const lines = (await this.get('metrics', '/metrics')).split('\n');
    const line = lines.find((each) => each.startsWith(`${sample} `));
    return line === undefined ? 0 : Number(line.slice(sample.length + 1));
  }

  /** Sum of a metric's samples that have all these labels, written `name="value"`. */
  async metricSum(name: string, ...labels: readonly string[]): Promise<number> {
    const lines = (await this.get('metrics', '/metrics')).split('\n');
    return lines
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => labels.every((label) => line.includes(label)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    return this.child.stop(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop('SIGKILL');
    this.#home.remove();
  }
}

export async function freeServicePorts(): Promise<ServicePorts> {
  return {
    http: await freePort(),
    grpc: await freePort(),
    debug: await freePort(),
    metrics: await freePort(),
  };
}

/** Starts the process and does not wait for anything. */
export async function spawnService(options: ServiceOptions = {}): Promise<Service> {
  const ports = options.ports ?? (await freeServicePorts());
  const home = new Home();
  for (const [name, text] of Object.entries(options.files ?? {})) home.write(name, text);
  const inherited = INHERITED.map((name) => [name, process.env[name]]);
  const child = new Child({
    command: [...(options.before ?? []), ...command],
    env: {
      ...Object.fromEntries(inherited),
      ...settings(ports, home.root, options),
      ...options.env,
    },
  });
  return new Service(child, ports, home);
}

/** Starts the service and resolves when it answers; rejects, with its output, when it does not. */
export async function startService(options: ServiceOptions = {}): Promise<Service> {
  const service = await spawnService(options);
  await service.child.ready(async () => {
    const health = await fetch(`http://127.0.0.1:${service.ports.http}/healthcheck`);
    await health.arrayBuffer();
    return health.ok && (await isListening(service.ports.grpc));
  });
  return service;
}

function settings(
  ports: ServicePorts,
  root: string,
  options: ServiceOptions,
): Record<string, string> {
  const backend: Record<string, string> =
    options.redisPort === undefined
      ? { BACKEND_TYPE: 'memory' }
      : {
          REDIS_SOCKET_TYPE: 'tcp',
          REDIS_URL: `127.0.0.1:${options.redisPort}`,
          // A machine that is busy with other tests may be slow; the default is meant for production.
          REDIS_TIMEOUT: '5s',
        };
  return {
    ...backend,
    NODE_COMPILE_CACHE: compileCache,
    HOST: '127.0.0.1',
    PORT: String(ports.http),
    GRPC_HOST: '127.0.0.1',
    GRPC_PORT: String(ports.grpc),
    DEBUG_HOST: '127.0.0.1',
    DEBUG_PORT: String(ports.debug),
    USE_STATSD: 'false',
    USE_PROMETHEUS: 'true',
    PROMETHEUS_ADDR: `127.0.0.1:${ports.metrics}`,
    STATS_FLUSH_INTERVAL: '1s',
    RUNTIME_ROOT: root,
    RUNTIME_SUBDIRECTORY: SUBDIRECTORY,
    RUNTIME_WATCH_ROOT: 'false',
    LOG_LEVEL: 'warn',
  };
}

/** True when something accepts connections on the port. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
