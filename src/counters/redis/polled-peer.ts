/**
 * A server that is asked the same question again and again over a connection that is kept: a
 * Sentinel for its view, a Redis for its role. At most one question is under way, a peer that does
 * not answer is dropped for its silence, and one that fails is asked less and less often.
 */
import { Redis } from 'ioredis';
import type { DurationMs } from '../../core/time.ts';
import { ioredisOptions, type PeerOptions } from './peer-options.ts';

/** Longest pause before a peer that fails is asked again. */
const FAILED_PAUSE_MAX_MS = 500;

export interface PolledPeerParts<T> {
  readonly peer: PeerOptions;
  readonly ask: (redis: Redis) => Promise<T>;
  /** Between an answer and the next question. */
  readonly periodMs: DurationMs;
  readonly answered: (answer: T) => void;
  readonly failed: (error: Error) => void;
}

export class PolledPeer<T> {
  readonly #parts: PolledPeerParts<T>;
  #periodMs: DurationMs;
  #redis: Redis | null = null;
  /** What ended the connection: it says more than that it was closed. */
  #cause: Error | null = null;
  #isClosed = false;
  #failures = 0;
  #wake: () => void = () => {};

  /** Asks at once. */
  constructor(parts: PolledPeerParts<T>) {
    this.#parts = parts;
    this.#periodMs = parts.periodMs;
    void this.#run();
  }

  /** A pause under way ends with it, unless it is there for a failure. */
  set periodMs(ms: DurationMs) {
    const isSooner = ms < this.#periodMs;
    this.#periodMs = ms;
    if (isSooner && this.#failures === 0) this.#wake();
  }

  close(): void {
    this.#isClosed = true;
    this.#redis?.disconnect();
    this.#wake();
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      // One question at a time is the point.
      // oxlint-disable-next-line no-await-in-loop
      await this.#askOnce();
      // oxlint-disable-next-line no-await-in-loop
      if (!this.#isClosed) await this.#pause();
    }
  }

  async #askOnce(): Promise<void> {
    try {
      const answer = await this.#parts.ask(this.#redis ?? (await this.#connected()));
      this.#failures = 0;
      if (!this.#isClosed) this.#parts.answered(answer);
    } catch (error) {
      this.#redis?.disconnect();
      this.#redis = null;
      this.#failures += 1;
      if (!this.#isClosed) this.#parts.failed(this.#cause ?? (error as Error));
    }
  }

  async #connected(): Promise<Redis> {
    const redis = new Redis(ioredisOptions(this.#parts.peer));
    this.#redis = redis;
    this.#cause = null;
    redis.on('error', (error: Error) => {
      this.#cause ??= error;
    });
    redis.on('end', () => {
      if (this.#redis === redis) this.#redis = null;
    });
    await redis.connect();
    return redis;
  }

  #pause(): Promise<void> {
    const ms =
      this.#failures === 0
        ? this.#periodMs
        : Math.min(this.#periodMs * 2 ** (this.#failures - 1), FAILED_PAUSE_MAX_MS);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
