/**
 * Reads the streams by itself, from a given entry on: each reader sees all. A failover may put a server in
 * charge that lacks what was read last, and numbers anew: after a failure it goes back a little, and what
 * comes again is known by its number.
 */

import type { DurationMs } from '../core/time.ts';
import type { RedisCommands } from '../counters/redis/redis-commands.ts';
import type { EntryReader } from './replay-run.ts';
import { entriesByStream, entriesOf, type NamedStream, type StreamEntry } from './stream-entry.ts';
import { FIRST_ID, idBefore, idEarlier, laterId } from './stream-id.ts';

/** Entries of one stream in one reply: some 100 KiB. */
export const PAGE_ENTRIES = 256;
/** Beyond what the clocks of two servers differ by, and what a replica lags behind. */
const REWIND_MS: DurationMs = 10_000;

/** The end of the streams: what comes from now on. */
export const FROM_NOW = '$';

export class StreamReader implements EntryReader {
  readonly #commands: RedisCommands;
  readonly #streams: readonly NamedStream[];
  readonly #from: string;
  /** By key: the last entry that was read, and the one to begin behind. */
  readonly #positions = new Map<string, { last: string; readonly first: string }>();

  /** `from`: an id, included, or FROM_NOW. */
  constructor(commands: RedisCommands, streams: readonly NamedStream[], from: string) {
    this.#commands = commands;
    this.#streams = streams;
    this.#from = from;
  }

  /** The next entries, none when there are no more for now. Rejects with a RedisCommandError. */
  async read(): Promise<StreamEntry[]> {
    for (const stream of this.#streams) {
      // One question at a time is what the connection is for.
      // oxlint-disable-next-line no-await-in-loop
      if (!this.#positions.has(stream.key)) await this.#begin(stream);
    }
    const keys = this.#streams.map(({ key }) => key);
    const ids = keys.map((key) => this.#positions.get(key)?.last ?? FIRST_ID);
    const args = ['COUNT', PAGE_ENTRIES, 'STREAMS', ...keys, ...ids];
    const entries = entriesByStream(await this.#commands.call('xread', args), this.#streams);
    for (const { kind, id } of entries) {
      const position = this.#positionOf(kind);
      if (position !== undefined) position.last = id;
    }
    return entries;
  }

  /** After a failure. */
  rewind(): void {
    for (const position of this.#positions.values()) {
      position.last = laterId(position.first, idEarlier(position.last, REWIND_MS));
    }
  }

  /** Nothing is kept of who has read what. */
  acknowledge(): Promise<void> {
    return Promise.resolve();
  }

  async #begin({ key, kind }: NamedStream): Promise<void> {
    const first = this.#from === FROM_NOW ? await this.#end(key, kind) : idBefore(this.#from);
    this.#positions.set(key, { last: first, first });
  }

  async #end(key: string, kind: NamedStream['kind']): Promise<string> {
    const args = [key, '+', '-', 'COUNT', 1];
    return entriesOf(await this.#commands.call('xrevrange', args), kind)[0]?.id ?? FIRST_ID;
  }

  #positionOf(kind: NamedStream['kind']): { last: string } | undefined {
    const stream = this.#streams.find((one) => one.kind === kind);
    return stream === undefined ? undefined : this.#positions.get(stream.key);
  }
}
