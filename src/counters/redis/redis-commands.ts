/**
 * Redis for a person's command: one question after another, with promises, over one connection that is made
 * when it is needed. What fails is told in a sentence with advice; the next question tries anew.
 */
import { Redis } from 'ioredis';
import { ioredisOptions } from './peer-options.ts';
import type { PrimarySource } from './primary-source.ts';
import { primarySourceOf } from './primary-source-of.ts';
import { connectionErrorRow, redisErrorRow } from './redis-errors.ts';
import { addressText, type CompleteRedisOptions, type NodeAddress } from './redis-options.ts';

/** Of a whole reply: a page of entries over a slow line. */
const SILENCE_MAX_MS = 5000;

/** `text` is for a person, and holds no credentials. */
export class RedisCommandError extends Error {
  /** What Redis itself answered; null when it was not reached. */
  readonly refusal: string | null;

  constructor(text: string, refusal: string | null) {
    super(text);
    this.name = 'RedisCommandError';
    this.refusal = refusal;
  }
}

export class RedisCommands {
  readonly #options: CompleteRedisOptions;
  readonly #source: PrimarySource;
  #redis: Redis | null = null;
  #node: string;
  #cause: Error | null = null;

  constructor(options: CompleteRedisOptions) {
    this.#options = options;
    this.#node = addressText(options.address);
    this.#source = primarySourceOf(options);
    this.#source.start({
      moved: () => this.#leave(),
      failed: (error) => {
        this.#cause = error;
      },
    });
  }

  /** Text in replies is text. Rejects with a RedisCommandError, at the latest after some seconds. */
  async call(command: string, args: readonly (string | number)[]): Promise<unknown> {
    try {
      this.#redis ??= await this.#connect();
      return await this.#redis.call(command, [...args]);
    } catch (error) {
      throw this.#told(error as Error);
    }
  }

  close(): void {
    this.#source.close();
    this.#leave();
  }

  async #connect(): Promise<Redis> {
    const address = await this.#find();
    this.#node = addressText(address);
    this.#cause = null;
    const { username, password, db, tls, connectTimeoutMs } = this.#options;
    const how = { connectTimeoutMs, silenceMaxMs: SILENCE_MAX_MS, protocol: 2 } as const;
    const rights = { username, password, db, tls };
    const redis = new Redis(ioredisOptions({ address, ...rights, ...how, awaitsLoading: true }));
    redis.on('error', (error: Error) => {
      this.#cause ??= error;
    });
    redis.on('end', () => {
      if (this.#redis === redis) this.#redis = null;
    });
    try {
      await redis.connect();
    } catch (error) {
      redis.disconnect();
      throw error;
    }
    return redis;
  }

  /** A search does not end by itself. */
  async #find(): Promise<NodeAddress> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), this.#options.startMaxMs);
    });
    const address = await Promise.race([this.#source.find(), late]);
    clearTimeout(timer);
    if (address === null) throw new Error(this.#source.describe() || 'it was not found');
    return address;
  }

  #leave(): void {
    const redis = this.#redis;
    this.#redis = null;
    redis?.disconnect();
  }

  #told(error: Error): RedisCommandError {
    const isRefusal = isReply(error);
    // What ended the connection, or a search, says more than that there is none.
    const cause = isRefusal ? error : (this.#cause ?? error);
    const row = isReply(cause) ? redisErrorRow(cause.message) : connectionErrorRow(cause);
    if (!isRefusal || row.isReconnected) this.#leave();
    this.#cause = null;
    const text = `redis ${this.#node}: ${cause.message}. ${row.advice}`;
    return new RedisCommandError(text, isRefusal ? error.message : null);
  }
}

/** An answer of Redis, not an error of the way there. */
function isReply(error: Error): boolean {
  return error.name === 'ReplyError';
}
