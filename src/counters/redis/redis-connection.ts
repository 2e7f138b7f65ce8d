/**
 * One connection to the Redis that counts, for calls of one script, kept up for as long as the store
 * lives. Nothing waits in it: while it is not ready a call is refused at once, and calls that were sent
 * when it is lost fail at once, since whether they were carried out is unknown and sending them again
 * could charge twice.
 *
 * Each attempt asks where the Redis is (`PrimarySource`) and reads the TLS files again; behind
 * Sentinels a server must call itself primary before it is ready, and is left as soon as another
 * one is. A peer that hangs looks healthy to TCP: one that owes a reply and stays silent for
 * `silenceMaxMs` is dropped, also in the middle of its handshake.
 */
import { Redis } from 'ioredis';
import type { StoreFailure } from '../../limiter/counter-store.ts';
import { ioredisOptions } from './peer-options.ts';
import type { PrimarySource } from './primary-source.ts';
import { primarySourceOf } from './primary-source-of.ts';
import {
  connectionErrorRow,
  failureOf,
  isRedirection,
  type RedisErrorRow,
  redisErrorRow,
} from './redis-errors.ts';
import {
  addressText,
  type CompleteRedisOptions,
  type NodeAddress,
  type RedisEvent,
} from './redis-options.ts';
import { NotConnected, NotSent, type RedisCall, ScriptCall } from './script-call.ts';
import { askRole } from './sentinel-source.ts';

const RETRY_FIRST_MS = 50;
/** Doublings of the pause between attempts, far beyond any `retryMaxMs`. */
const DOUBLINGS_MAX = 20;
/** A search for the primary says so often what it knows. */
const SEARCH_TOLD_EVERY_MS = 10_000;
const SEARCH_TOLD_FIRST_MS = 1000;
const CLOSED = 'closed before it was ready';

/** Told once, never before `call` has returned. */
export interface CallListener {
  replied(reply: unknown): void;
  /** Null when the connection was lost or there is none. */
  failed(failure: StoreFailure | null): void;
}

/** A server that answers and does not count. */
class NoPrimaryError extends Error {
  readonly code = 'NO_PRIMARY';
}

export class RedisConnection {
  readonly #options: CompleteRedisOptions;
  readonly #onChange: (isReady: boolean) => void;
  readonly #source: PrimarySource;
  readonly #name: string;
  /** The attempt or connection of now. */
  #redis: Redis | null = null;
  /** Where it goes; until the first attempt, what was asked for. */
  #node: string;
  #isReady = false;
  /** The attempt of now has met its error. */
  #isFailed = false;
  #isClosed = false;
  #readyCount = 0;
  #attempts = 0;
  #retry: NodeJS.Timeout | null = null;
  #lastError = 'no answer yet';
  /** Settles the promise of `start`; settling it again does nothing. */
  #endStart: (failure: string | null) => void = () => {};

  constructor(options: CompleteRedisOptions, onChange: (isReady: boolean) => void) {
    this.#options = options;
    this.#onChange = onChange;
    this.#node = addressText(options.address);
    this.#name = `redis ${this.#node}`;
    this.#source = primarySourceOf(options);
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
    const started = this.#firstReady();
    this.#source.start({
      moved: (to) => this.#moved(to),
      failed: (error, node, command) => this.#note(error, { node, command }),
    });
    void this.#attempt();
    return started;
  }

  #firstReady(): Promise<void> {
    const { startMaxMs } = this.#options;
    return new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => {
        const known = this.#source.describe() || this.#lastError;
        this.#endStart(`${this.#name} was not ready in ${startMaxMs} ms: ${known}`);
      }, startMaxMs);
      this.#endStart = (failure) => {
        clearTimeout(late);
        if (failure === null) resolve();
        else reject(new Error(failure === CLOSED ? `${this.#name}: ${CLOSED}` : failure));
      };
    });
  }

  /** What `send` calls leaves in one write: the client itself makes one for each command. */
  together(send: () => void): void {
    const socket = this.#redis?.stream;
    socket?.cork();
    try {
      send();
    } finally {
      socket?.uncork();
    }
  }

  /** There must have been a start. Never throws, also when the call cannot be made into bytes. */
  call(call: RedisCall, listener: CallListener): void {
    const node = this.#node;
    const { script } = this.#options;
    const { command = 'other' } = call;
    const failed = (error: unknown) => {
      if (error instanceof NotSent) {
        listener.failed(error.failure);
        return;
      }
      if (error instanceof NotConnected) {
        listener.failed({ code: 'unavailable', text: `${this.#name}: no connection` });
        return;
      }
      const refusal = refusalOf(error);
      if (refusal !== null && this.#options.isClusterNode && isRedirection(refusal)) {
        listener.failed({ ...failureOf(refusal), code: 'refused' });
        return;
      }
      if (refusal === null) this.#note(error as Error, { node, command });
      this.noteRefusal(refusal, command);
      listener.failed(refusal === null ? null : failureOf(refusal));
    };
    const replied = (reply: unknown) => listener.replied(reply);
    const sent = new ScriptCall(script, call);
    const done = sent.send(this.#redis).then(replied, (error: unknown) => {
      const refusal = refusalOf(error);
      if (refusal === null || !redisErrorRow(refusal).isRetried) {
        failed(error);
        return undefined;
      }
      this.noteRefusal(refusal, command);
      // NOSCRIPT: nothing was carried out. EVAL runs the script and keeps it, whatever flushes it.
      return sent.sendWhole(this.#redis).then(replied, failed);
    });
    done.catch((error: unknown) => this.noteDefect(error));
  }

  /** Logs what our own code, or a listener's, threw where nobody could catch it. */
  noteDefect(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#event('error', `defect: ${text}`);
  }

  /**
   * Counts what Redis refused, null for nothing, and gives the connection up when another one may
   * do better.
   */
  noteRefusal(refusal: string | null, command = 'other'): void {
    if (refusal === null) return;
    const row = redisErrorRow(refusal);
    this.#count(row, refusal, { node: this.#node, command });
    if (row.isReconnected && this.#isReady) this.#leave('lost', `left for ${refusal}`);
  }

  /** Ends it by force: the calls under way are lost, and another attempt follows. */
  drop(): void {
    const text = `no whole reply in ${this.#options.silenceMaxMs} ms`;
    this.#redis?.stream?.destroy(Object.assign(new Error(text), { code: 'ETIMEDOUT' }));
  }

  /** Lets go of the connection; resolves when it is gone. */
  close(): Promise<void> {
    const redis = this.#redis;
    this.#isClosed = true;
    this.#endStart(CLOSED);
    this.#source.close();
    if (this.#retry !== null) clearTimeout(this.#retry);
    if (redis === null) return Promise.resolve();
    return new Promise((resolve) => {
      redis.once('end', resolve);
      redis.disconnect();
    });
  }

  /** One attempt: where, how, and what became of it. Never rejects. */
  async #attempt(): Promise<void> {
    const address = await this.#whereNow();
    if (address === null || this.#isClosed) return;
    this.#node = addressText(address);
    try {
      const redis = this.#client(address);
      this.#redis = redis;
      this.#isFailed = false;
      redis.on('ready', () => void this.#handshakeDone(redis));
      redis.on('end', () => this.#ended(redis));
      redis.on('error', (error: Error) => this.#failed(redis, error));
      // The events tell a failure.
      redis.connect().catch(() => {});
    } catch (error) {
      this.#note(error as Error, { node: this.#node, command: 'connect' });
      this.#tryAgain();
    }
  }

  #client(address: NodeAddress): Redis {
    const { username, password, db, tls, connectTimeoutMs, silenceMaxMs } = this.#options;
    const rights = { username, password, db, tls };
    const how = { connectTimeoutMs, silenceMaxMs, protocol: 3, awaitsLoading: true } as const;
    return new Redis(ioredisOptions({ address, ...rights, ...how }));
  }

  /** Says now and then what a search knows that does not end. */
  async #whereNow(): Promise<NodeAddress | null> {
    let tells: NodeJS.Timeout | null = null;
    const tell = () => {
      tells = setTimeout(tell, SEARCH_TOLD_EVERY_MS);
      const error = new NoPrimaryError(this.#source.describe());
      this.#note(error, { node: this.#name, command: 'connect' });
    };
    tells = setTimeout(tell, SEARCH_TOLD_FIRST_MS);
    const address = await this.#source.find();
    clearTimeout(tells);
    return address;
  }

  async #handshakeDone(redis: Redis): Promise<void> {
    if (redis !== this.#redis || this.#isFailed) return;
    const error = this.#source.isRoleChecked ? await roleError(redis) : null;
    if (redis !== this.#redis || redis.status !== 'ready') return;
    if (error !== null) {
      this.#failed(redis, error);
      return;
    }
    this.#readyCount += 1;
    this.#attempts = 0;
    this.#isReady = true;
    // Only saves the first call a round trip: should it fail, that call brings the script along.
    redis.call('script', ['LOAD', this.#options.script.text]).catch(() => {});
    this.#endStart(null);
    this.#event('ready', 'connected');
    this.#onChange(true);
  }

  #ended(redis: Redis): void {
    if (redis !== this.#redis) return;
    this.#redis = null;
    this.#lost('lost', this.#isClosed ? 'closed by us' : 'connection lost');
    this.#tryAgain();
  }

  #lost(kind: 'lost' | 'moved', text: string): void {
    if (!this.#isReady) return;
    this.#isReady = false;
    this.#event(kind, text);
    this.#onChange(false);
  }

  /**
   * What goes wrong before it is ready ends the attempt: after a SELECT that failed, the client
   * would go on in database 0. Only the first error of an attempt says what it failed for.
   */
  #failed(redis: Redis, error: Error): void {
    if (redis !== this.#redis || this.#isFailed) return;
    this.#note(error, { node: this.#node, command: 'connect' });
    if (this.#isReady) return;
    this.#isFailed = true;
    redis.disconnect();
  }

  #moved(to: string): void {
    if (to !== this.#node) this.#leave('moved', `the primary is ${to} now`);
  }

  /** Does not await the end of the old one, which may hang. */
  #leave(kind: 'lost' | 'moved', text: string): void {
    const redis = this.#redis;
    if (redis === null) return;
    this.#redis = null;
    redis.disconnect();
    this.#lost(kind, text);
    if (kind === 'moved') void this.#attempt();
    else this.#tryAgain();
  }

  #tryAgain(): void {
    if (this.#isClosed) return;
    const pause = RETRY_FIRST_MS * 2 ** Math.min(this.#attempts, DOUBLINGS_MAX);
    this.#attempts += 1;
    this.#retry = setTimeout(() => void this.#attempt(), Math.min(pause, this.#options.retryMaxMs));
  }

  #note(error: Error, where: Where): void {
    const refusal = refusalOf(error);
    this.#lastError = error.message;
    this.#count(
      refusal === null ? connectionErrorRow(error) : redisErrorRow(refusal),
      error.message,
      where,
    );
  }

  /** One event per class and second: the counts have all of them. */
  #count(row: RedisErrorRow, text: string, { node, command }: Where): void {
    const { errors, monotonic } = this.#options;
    const leftOut = errors.note({ class: row.name, node, command }, monotonic());
    if (leftOut >= 0) this.#tell({ kind: 'error', address: node, text, row, command, leftOut });
  }

  #event(kind: RedisEvent['kind'], text: string): void {
    this.#tell({ kind, address: this.#node, text });
  }

  #tell(event: RedisEvent): void {
    try {
      this.#options.onEvent(event);
    } catch {
      // A log that fails has nowhere to be told, and must not cost the process.
    }
  }
}

/** Where an error came from. */
interface Where {
  readonly node: string;
  readonly command: string;
}

/** Why a server that is connected does not count; null when it does. */
async function roleError(redis: Redis): Promise<Error | null> {
  try {
    const role = await askRole(redis);
    return role === 'master' ? null : new NoPrimaryError(`it is a ${role}, not a primary`);
  } catch (error) {
    return error as Error;
  }
}

/** Redis's own error text, or null for an error of the connection. */
function refusalOf(error: unknown): string | null {
  return error instanceof Error && error.name === 'ReplyError' ? error.message : null;
}
