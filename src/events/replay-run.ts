/**
 * Reads until the streams are at their end, or on and on: entries into a replay, and what is over
 * acknowledged. What fails after it worked once is tried again for as long as it is followed.
 */

import type { DurationMs, MonotonicMs } from '../core/time.ts';
import { RedisCommandError } from '../counters/redis/redis-commands.ts';
import type { EntryName, EventReplay } from './event-replay.ts';
import type { StreamEntry } from './stream-entry.ts';

/** Between two looks at streams that had nothing new. */
const LOOK_MS: DurationMs = 200;
/** Between two tries while Redis cannot be asked. */
const RETRY_MS: DurationMs = 1000;

export interface EntryReader {
  /** None when there are no more for now. */
  read(): Promise<readonly StreamEntry[]>;
  /** After a failure: what is not certain to have been taken is read again. */
  rewind(): void;
  acknowledge(entries: readonly EntryName[]): Promise<void>;
}

export interface ReplayRunParts {
  readonly reader: EntryReader;
  readonly replay: EventReplay;
  /** Goes on at the end of the streams. */
  readonly isFollowing: boolean;
  /** How long nothing must come before what is held back is given out. */
  readonly windowMs: DurationMs;
  /** Aborted: ends as if the streams did. */
  readonly signal: AbortSignal;
  readonly monotonic: () => MonotonicMs;
  /** Redis cannot be asked; told once for each thing that it fails with. */
  readonly onTrouble: (text: string) => void;
}

export class ReplayRun {
  readonly #parts: ReplayRunParts;
  #hasRead = false;
  #trouble = '';
  #newsAt: MonotonicMs = -Infinity;
  /** Over, and not acknowledged yet. */
  #done: EntryName[] = [];

  constructor(parts: ReplayRunParts) {
    this.#parts = parts;
  }

  /** Rejects with an Error for a person. */
  async run(): Promise<void> {
    const { replay, signal, isFollowing } = this.#parts;
    while (!signal.aborted && !replay.isComplete) {
      // oxlint-disable-next-line no-await-in-loop
      const pauseMs = await this.#look();
      if (pauseMs > 0 && !isFollowing) break;
      // oxlint-disable-next-line no-await-in-loop
      if (pauseMs > 0) await pause(pauseMs, signal);
    }
    replay.settle();
    await this.#acknowledge();
  }

  /** Resolves to how long to wait before the next. */
  async #look(): Promise<DurationMs> {
    const { reader, replay, monotonic, windowMs } = this.#parts;
    try {
      const entries = await reader.read();
      this.#hasRead = true;
      this.#trouble = '';
      const now = monotonic();
      if (entries.length > 0) {
        this.#newsAt = now;
        replay.take(entries);
      } else if (now - this.#newsAt >= windowMs) replay.settle();
      await this.#acknowledge();
      return entries.length > 0 ? 0 : LOOK_MS;
    } catch (error) {
      this.#failed(error as Error);
      return RETRY_MS;
    }
  }

  #failed(error: Error): void {
    const { isFollowing, reader, onTrouble } = this.#parts;
    // What never worked is set wrong.
    if (!isFollowing || !this.#hasRead || !(error instanceof RedisCommandError)) throw error;
    reader.rewind();
    if (error.message === this.#trouble) return;
    this.#trouble = error.message;
    onTrouble(error.message);
  }

  async #acknowledge(): Promise<void> {
    this.#done.push(...this.#parts.replay.takeDone());
    if (this.#done.length === 0) return;
    await this.#parts.reader.acknowledge(this.#done);
    this.#done = [];
  }
}

function pause(ms: DurationMs, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
