/**
 * One connection to one Redis, kept up for as long as the store lives. Nothing waits in it: while
 * it is not ready a call is refused at once, and calls that were sent when it is lost fail at once,
 * since whether they were carried out is unknown and sending them again could charge twice.
 *
 * ioredis says `ready` of a peer that hangs. `silenceMaxMs` finds that out: a connection that owes
 * a reply and stays silent is dropped, also in the middle of its handshake.
 */
import { Redis } from 'ioredis';
import type { StoreFailure } from '../../limiter/counter-store.ts';
import { failureOf, redisErrorRow } from './redis-errors.ts';
import { addressText, type CompleteRedisOptions, type RedisEvent } from './redis-options.ts';
import { loadScript } from './scripts/load.ts';

const RETRY_FIRST_MS = 50;
/** A peer that does not close its side after ours is left behind after this. */
const DISCONNECT_MS = 100;
/** States of ioredis in which there is a socket to close. */
const CONNECTED: ReadonlySet<string> = new Set(['connecting', 'connect', 'ready']);
const CLOSED = 'closed before it was ready';

export interface RedisCall {
  /** Of the charge script: number of keys, keys, arguments. */
  encode(): (string | number)[];
}

/** Told once, never before `call` has returned. */
export interface CallListener {
  replied(reply: unknown): void;
  /** Null when the connection was lost or there is none. */
  failed(failure: StoreFailure | null): void;
}

/** Holds what encoding or sending threw: the call has not left the process. */
class NotSent extends Error {}

export class RedisConnection {
  readonly #options: CompleteRedisOptions;
  readonly #onChange: (isReady: boolean) => void;
  readonly #script = loadScript('charge');
  #redis: Redis | null = null;
  #isReady = false;
  #isClosed = false;
  #readyCount = 0;
  #lastError = 'no answer yet';
  /** Settles the promise of `start`; settling it again does nothing. */
  #endStart: (failure: string | null) => void = () => {};

  constructor(options: CompleteRedisOptions, onChange: (isReady: boolean) => void) {
    this.#options = options;
    this.#onChange = onChange;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** How often it became ready again after it was lost. */
  get reconnects(): number {
    return Math.max(0, this.#readyCount - 1);
  }

  /** Resolves when ready for the first time; rejects after `startMaxMs`, or when closed before. */
  start(): Promise<void> {
    const redis = new Redis(this.#ioredisOptions());
    this.#redis = redis;
    redis.on('ready', () => this.#becameReady(redis));
    redis.on('close', () => this.#wasLost());
    redis.on('error', (error: Error) => this.#failed(error));
    const started = this.#firstReady();
    // The promise above tells a failure; ioredis keeps trying on its own.
    redis.connect().catch(() => {});
    return started;
  }

  #firstReady(): Promise<void> {
    const { startMaxMs, address } = this.#options;
    const name = `redis ${addressText(address)}`;
    return new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => {
        this.#endStart(`${name} was not ready in ${startMaxMs} ms: ${this.#lastError}`);
      }, startMaxMs);
      this.#endStart = (failure) => {
        clearTimeout(late);
        if (failure === null) resolve();
        else reject(new Error(failure === CLOSED ? `${name}: ${CLOSED}` : failure));
      };
    });
  }

  /** There must have been a start. Never throws, also when the call cannot be made into bytes. */
  call(call: RedisCall, listener: CallListener): void {
    let args: (string | number)[] = [];
    const failed = (error: unknown) => {
      const refusal = refusalOf(error);
      this.noteRefusal(refusal);
      if (error instanceof NotSent) listener.failed(notSent(error));
      else listener.failed(refusal === null ? null : failureOf(refusal));
    };
    const replied = (reply: unknown) => listener.replied(reply);
    const sent = this.#sent('evalsha', () => {
      args = call.encode();
      return [this.#script.sha, ...args];
    });
    const done = sent.then(replied, (error: unknown) => {
      const refusal = refusalOf(error);
      if (refusal === null || !redisErrorRow(refusal).isRetried) {
        failed(error);
        return undefined;
      }
      // NOSCRIPT: nothing was carried out. EVAL runs the script and keeps it, whatever flushes it.
      return this.#sent('eval', () => [this.#script.text, ...args]).then(replied, failed);
    });
    done.catch((error: unknown) => this.noteDefect(error));
  }

  /** ioredis throws, rather than rejects, when a command is longer than a string can be. */
  #sent(command: string, argsOf: () => (string | number)[]): Promise<unknown> {
    try {
      return (this.#redis as Redis).callBuffer(command, argsOf());
    } catch (error) {
      return Promise.reject(new NotSent('', { cause: error }));
    }
  }

  /** Logs what our own code, or a listener's, threw where nobody could catch it. */
  noteDefect(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#event('error', `defect: ${text}`);
  }

  /** Gives the connection up when the refusal, null for none, says that another may do better. */
  noteRefusal(refusal: string | null): void {
    if (refusal !== null && redisErrorRow(refusal).isReconnected && this.#isReady) {
      this.#event('error', refusal);
      this.#redis?.disconnect(true);
    }
  }

  /** Lets go of the connection; resolves when it is gone. */
  close(): Promise<void> {
    const redis = this.#redis;
    this.#isClosed = true;
    this.#endStart(CLOSED);
    if (redis === null) return Promise.resolve();
    // Between two attempts to connect there is nothing to await: ioredis would never say `end`.
    const isUp = CONNECTED.has(redis.status);
    return new Promise((resolve) => {
      if (isUp) redis.once('end', resolve);
      redis.disconnect();
      if (!isUp) resolve();
    });
  }

  #becameReady(redis: Redis): void {
    this.#readyCount += 1;
    this.#isReady = true;
    // Only saves the first call a round trip: should it fail, that call brings the script along.
    redis.call('script', ['LOAD', this.#script.text]).catch(() => {});
    this.#endStart(null);
    this.#event('ready', 'connected');
    this.#onChange(true);
  }

  #wasLost(): void {
    if (!this.#isReady) return;
    this.#isReady = false;
    this.#event('lost', this.#isClosed ? 'closed by us' : 'connection lost');
    this.#onChange(false);
  }

  #failed(error: Error): void {
    this.#lastError = error.message;
    this.#event('error', error.message);
  }

  #event(kind: RedisEvent['kind'], text: string): void {
    try {
      this.#options.onEvent({ kind, address: addressText(this.#options.address), text });
    } catch {
      // A log that fails has nowhere to be told, and must not cost the process.
    }
  }

  #ioredisOptions() {
    const { address, username, password, db, retryMaxMs } = this.#options;
    return {
      ...address,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      db,
      lazyConnect: true,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      connectTimeout: this.#options.connectTimeoutMs,
      socketTimeout: this.#options.silenceMaxMs,
      disconnectTimeout: DISCONNECT_MS,
      retryStrategy: (times: number) => Math.min(RETRY_FIRST_MS * 2 ** (times - 1), retryMaxMs),
    };
  }
}

/** Redis's own error text, or null for an error of the connection. */
function refusalOf(error: unknown): string | null {
  return error instanceof Error && error.name === 'ReplyError' ? error.message : null;
}

function notSent({ cause }: NotSent): StoreFailure {
  const text = cause instanceof Error ? cause.message : String(cause);
  return { code: 'overloaded', text: `redis: not sent: ${text}` };
}
