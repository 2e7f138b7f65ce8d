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

interface Position extends NamedStream {
  /** The entry to begin behind: nothing up to it is wanted. */
  readonly first: string;
  /** The last that was read. */
  last: string;
}

export class StreamReader implements EntryReader {
  readonly #commands: RedisCommands;
  readonly #streams: readonly NamedStream[];
  readonly #from: string;
  /** Null before the first look. */
  #positions: readonly Position[] | null = null;

  /** `from`: an id, included, or FROM_NOW. */
  constructor(commands: RedisCommands, streams: readonly NamedStream[], from: string) {
    this.#commands = commands;
    this.#streams = streams;
    this.#from = from;
  }

  /** The next entries, none when there are no more for now. Rejects with a RedisCommandError. */
  async read(): Promise<StreamEntry[]> {
    this.#positions ??= await this.#begin();
    const positions = this.#positions;
    const places = [...positions.map(({ key }) => key), ...positions.map(({ last }) => last)];
    const reply = await this.#commands.call('xread', ['COUNT', PAGE_ENTRIES, 'STREAMS', ...places]);
    const entries = entriesByStream(reply, this.#streams);
    for (const position of positions) {
      const last = entries.findLast(({ kind }) => kind === position.kind);
      if (last !== undefined) position.last = last.id;
    }
    return entries;
  }

  /** After a failure. */
  rewind(): void {
    for (const position of this.#positions ?? []) {
      position.last = laterId(position.first, idEarlier(position.last, REWIND_MS));
    }
  }

  /** Nothing is kept of who has read what. */
  acknowledge(): Promise<void> {
    return Promise.resolve();
  }

  async #begin(): Promise<Position[]> {
    const positions: Position[] = [];
    for (const stream of this.#streams) {
      // One question at a time is what the connection is for.
      // oxlint-disable-next-line no-await-in-loop
      const first = this.#from === FROM_NOW ? await this.#end(stream) : idBefore(this.#from);
      positions.push({ ...stream, first, last: first });
    }
    return positions;
  }

  async #end({ key, kind }: NamedStream): Promise<string> {
    const args = [key, '+', '-', 'COUNT', 1];
    return entriesOf(await this.#commands.call('xrevrange', args), kind)[0]?.id ?? FIRST_ID;
  }
}
