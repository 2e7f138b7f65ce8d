/**
 * One server of a replicated Redis: its process, and a connection of the test's own to ask and order it.
 * A server that hangs or is gone makes a question fail within a bound and never holds up a test.
 */
import { Redis } from 'ioredis';
import { Child, type Exit, pause } from './child.ts';
import { freePort } from './free-ports.ts';
import { redisProgram } from './parts.ts';

/** Answers of a healthy server take microseconds; a hung one is found out soon. */
const ANSWER_MS_MAX = 500;
const RECONNECT_MS = 50;
/** How close the time of a promotion is known. */
const PROMOTION_POLL_MS = 10;
/** Far beyond any failover of these rigs; a wait only ends here when none came. */
const PROMOTION_MS_MAX = 15_000;

/** What `redisNode` starts. */
export interface RedisNodeOptions {
  /** For messages of failed tests: `primary`, `sentinel 2`. */
  readonly name: string;
  /** Words after the program; those of a server that listens on `port`. */
  readonly args: (port: number) => readonly string[];
}

export class RedisNode {
  readonly name: string;
  readonly port: number;
  readonly #child: Child;
  readonly #client: Redis;

  constructor(name: string, port: number, child: Child) {
    this.name = name;
    this.port = port;
    this.#child = child;
    this.#client = new Redis({
      host: '127.0.0.1',
      port,
      protocol: 2,
      commandTimeout: ANSWER_MS_MAX,
      connectTimeout: ANSWER_MS_MAX,
      enableReadyCheck: false,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      retryStrategy: () => RECONNECT_MS,
    });
    // A server that goes away is what these tests are about.
    this.#client.on('error', () => {});
  }

  get pid(): number {
    return this.#child.pid;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** What it wrote to its log so far. */
  get log(): string {
    return this.#child.output;
  }

  /** Its reply; rejects with an error reply, when it is gone, or after half a second without one. */
  call(command: string, ...args: readonly (string | number)[]): Promise<unknown> {
    return this.#client.call(command, ...args);
  }

  /** As `call`, with keys that need not be text as the bytes they are. */
  callBytes(command: string, ...args: readonly (string | number | Buffer)[]): Promise<unknown> {
    return this.#client.callBuffer(command, ...args);
  }

  /** A reply that is text, such as that of INFO. */
  async text(command: string, ...args: readonly (string | number)[]): Promise<string> {
    return String(await this.call(command, ...args));
  }

  /** What it says of itself: `master`, `slave`, `sentinel`; null when it does not answer. */
  async role(): Promise<string | null> {
    const reply = await this.call('ROLE').catch(() => null);
    return Array.isArray(reply) ? String(reply[0]) : null;
  }

  /** Polls until it answers. */
  ready(): Promise<void> {
    return this.#child.ready(async () => (await this.text('PING')) === 'PONG');
  }

  /** Hangs it: its sockets stay open and it answers nothing. */
  freeze(): void {
    this.#child.signal('SIGSTOP');
  }

  thaw(): void {
    this.#child.signal('SIGCONT');
  }

  /** Ends it at once, frozen or not. Nothing of it is worth a clean end. */
  async kill(): Promise<Exit> {
    this.#client.disconnect();
    return this.#child.stop('SIGKILL');
  }
}

/** Starts one; resolves when it answers PING. */
export async function startRedisNode(options: RedisNodeOptions): Promise<RedisNode> {
  const port = await freePort();
  const command = [redisProgram(), ...options.args(port)];
  const node = new RedisNode(options.name, port, new Child({ command, env: process.env }));
  try {
    await node.ready();
  } catch (error) {
    await node.kill();
    throw error;
  }
  return node;
}

/** A node that became primary, and when that was first seen, as `performance.now()` counts. */
export interface Promotion {
  readonly node: RedisNode;
  readonly atMs: number;
}

/** Polls `candidates` each 10 ms until one says that it is a primary. */
export async function promotionAmong(candidates: readonly RedisNode[]): Promise<Promotion> {
  const giveUpAt = performance.now() + PROMOTION_MS_MAX;
  while (performance.now() < giveUpAt) {
    const [, role] = await Promise.all([pause(PROMOTION_POLL_MS), firstPrimary(candidates)]);
    if (role !== null) return role;
  }
  const names = candidates.map(({ name }) => name).join(', ');
  throw new Error(`none of ${names} became a primary in ${PROMOTION_MS_MAX} ms`);
}

/** Words for a server without persistence that sends a new replica its copy at once. */
export function serverArgs(port: number, directory: string): string[] {
  const settings = {
    port,
    bind: '127.0.0.1',
    dir: directory,
    save: '',
    appendonly: 'no',
    'repl-diskless-sync-delay': 0,
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

/** All are asked at once; one that hangs holds up this look only for as long as `call` waits. */
async function firstPrimary(candidates: readonly RedisNode[]): Promise<Promotion | null> {
  const looks = candidates.map(async (node) => ({
    node,
    isPrimary: (await node.role()) === 'master',
    atMs: performance.now(),
  }));
  const found = (await Promise.all(looks)).filter(({ isPrimary }) => isPrimary);
  return found[0] === undefined ? null : { node: found[0].node, atMs: found[0].atMs };
}

/** Starts all at once. When one fails, the others are ended and the first failure is thrown. */
export async function startTogether(
  starts: readonly Promise<RedisNode>[],
): Promise<readonly RedisNode[]> {
  const results = await Promise.allSettled(starts);
  const nodes = results.filter((each) => each.status === 'fulfilled').map(({ value }) => value);
  const failed = results.find((each) => each.status === 'rejected');
  if (failed === undefined) return nodes;
  await Promise.all(nodes.map((node) => node.kill()));
  throw failed.reason;
}
