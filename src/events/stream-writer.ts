/**
 * Events into the streams, over a connection of their own: they share neither a queue nor a deadline with
 * the counters. Whether a call that was lost was carried out is not known, so its batch comes again.
 */
import type { EventKind } from '../core/events/event.ts';
import type { DurationMs } from '../core/time.ts';
import type { CommandWriter } from '../counters/redis/command-writer.ts';
import { RedisConnection } from '../counters/redis/redis-connection.ts';
import { completeOptions, type RedisStoreOptions } from '../counters/redis/redis-options.ts';
import { loadScript } from '../counters/redis/scripts/load.ts';
import type { EventKeys } from './event-keys.ts';
import type { EventSink, WaitingEvent, WriteOutcome } from './event-sink.ts';

/** Nobody waits for it; longer is a server that hangs. */
const SILENCE_MAX_MS: DurationMs = 2000;
/** Of a whole reply, should it trickle in. */
const REPLY_MS_MAX: DurationMs = 5000;
/** Events can wait: a Redis that is down is not asked as often as by the counters. */
const RETRY_MS_MAX: DurationMs = 2000;
const UNEXPECTED = 'UNEXPECTED reply to the script of events';

export interface StreamWriterOptions {
  readonly redis: RedisStoreOptions;
  readonly keys: EventKeys;
  /** About how many entries a stream keeps. */
  readonly maxLength: number;
  /** The way is free, again or for the first time. */
  readonly onReady: () => void;
}

export class StreamWriter implements EventSink {
  readonly #options: StreamWriterOptions;
  readonly #connection: RedisConnection;

  constructor(options: StreamWriterOptions) {
    this.#options = options;
    const redis = completeOptions({
      ...options.redis,
      script: loadScript('append-events'),
      silenceMaxMs: SILENCE_MAX_MS,
      retryMaxMs: RETRY_MS_MAX,
    });
    this.#connection = new RedisConnection(redis, (isReady) => {
      if (isReady) options.onReady();
    });
  }

  /** Connects in the background, for as long as it takes. */
  start(): void {
    // That it takes long is told by the connection's events.
    this.#connection.start().catch(() => {});
  }

  write(
    kind: EventKind,
    batch: readonly WaitingEvent[],
    done: (outcome: WriteOutcome) => void,
  ): void {
    const late = setTimeout(() => this.#connection.drop(), REPLY_MS_MAX).unref();
    const end = (outcome: WriteOutcome): void => {
      clearTimeout(late);
      done(outcome);
    };
    this.#connection.call(
      { command: 'events', encode: (to) => this.#encode(to, kind, batch) },
      {
        replied: (reply) => end(this.#outcomeOf(reply, batch.length)),
        failed: () => end({ kind: 'failed' }),
      },
    );
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  #encode(to: CommandWriter, kind: EventKind, batch: readonly WaitingEvent[]): void {
    const { keys, maxLength } = this.#options;
    to.integer(2);
    to.text(keys.streams[kind]);
    to.text(keys.fence);
    to.integer(maxLength);
    to.integer(batch.length);
    for (const { fields, term } of batch) {
      to.text(term === null ? '' : String(term));
      to.integer(fields.length);
      for (const field of fields) to.text(field);
    }
  }

  #outcomeOf(reply: unknown, count: number): WriteOutcome {
    if (typeof reply === 'number' && reply >= 0 && reply <= count) {
      return { kind: 'written', fenced: reply };
    }
    this.#connection.noteRefusal(UNEXPECTED, 'events');
    return { kind: 'failed' };
  }
}
