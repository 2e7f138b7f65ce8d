/** A port at which a Redis runs or does not, as a test wants it; gone when the test ends, however it ends. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/free-ports.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { answersAgain } from './scene.ts';

export class RedisPlace {
  readonly port: number;
  readonly #args: readonly string[];
  readonly #directory = mkdtempSync(join(tmpdir(), 'weir-redis-'));
  #server: RedisServer | null = null;

  private constructor(port: number, args: readonly string[]) {
    this.port = port;
    this.#args = ['--dir', this.#directory, ...args];
  }

  /** Nothing runs there yet. `args` are for every start, and all starts share a directory. */
  static async find(args: readonly string[] = []): Promise<RedisPlace> {
    return new RedisPlace(await freePort(), args);
  }

  /** Resolves when it answers PING, with the time. */
  async start(): Promise<number> {
    const [server, atMs] = await Promise.all([
      startRedis({ port: this.port, args: this.#args }),
      answersAgain(this.port),
    ]);
    this.#server = server;
    return atMs;
  }

  /** Without a moment for it to write anything down. */
  async kill(): Promise<void> {
    await this.#server?.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
