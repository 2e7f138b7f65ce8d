/**
 * A real Redis of a test's own, on a free port of loopback, without persistence. Killed at the
 * latest with the test process.
 */
import { connect } from 'node:net';
import { Child, type Exit } from './child.ts';
import { freePort } from './free-ports.ts';
import { readParts } from './parts.ts';

export interface RedisServerOptions {
  /** Restarting on the port that clients know; a free one when absent. */
  readonly port?: number;
  /** Further lines of its configuration, as arguments: `['--requirepass', 'x']`. */
  readonly args?: readonly string[];
  /** Needed for PING when a password is set. */
  readonly password?: string;
}

export class RedisServer {
  readonly port: number;
  readonly #child: Child;

  constructor(port: number, child: Child) {
    this.port = port;
    this.#child = child;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Hangs it: its sockets stay open and it answers nothing. */
  freeze(): void {
    this.#child.signal('SIGSTOP');
  }

  thaw(): void {
    this.#child.signal('SIGCONT');
  }

  kill(): Promise<Exit> {
    return this.#child.stop('SIGKILL');
  }

  stop(): Promise<Exit> {
    this.thaw();
    return this.#child.stop('SIGTERM');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Resolves when it answers PING. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const port = options.port ?? (await freePort());
  const child = new Child({
    command: [
      redisProgram(),
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      ...(options.args ?? []),
    ],
    env: process.env,
  });
  try {
    await child.ready(async () => (await pingRedis(port, options.password)).endsWith('+PONG\r\n'));
  } catch (error) {
    await child.stop('SIGKILL');
    throw error;
  }
  return new RedisServer(port, child);
}

/** The program that was found before the tests, else the one on the PATH. */
function redisProgram(): string {
  const { redis } = readParts();
  return redis.kind === 'program' ? redis.path : 'redis-server';
}

/** What it says to PING, or rejects when it cannot be reached. */
export function pingRedis(port: number, password?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.setEncoding('utf8');
    socket.setTimeout(1000, () => socket.destroy(new Error('PING was not answered')));
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('PONG') || text.startsWith('-')) socket.end();
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(text));
    socket.write(`${password === undefined ? '' : `AUTH ${password}\r\n`}PING\r\n`);
  });
}
