/**
 * Reads the streams as one consumer of a group: the consumers of a group share the entries, and Redis keeps
 * of each what it was given until it acknowledges. So a consumer that starts again is given first what it
 * had not acknowledged, and what another left behind for `claimAfterMs` is taken over.
 */

import type { DurationMs } from '../core/time.ts';
import type { RedisCommands } from '../counters/redis/redis-commands.ts';
import { RedisCommandError } from '../counters/redis/redis-commands.ts';
import type { EntryReader } from './replay-run.ts';
import {
  entriesByStream,
  entriesOf,
  listOf,
  type NamedStream,
  type StreamEntry,
} from './stream-entry.ts';
import { FIRST_ID, idBefore } from './stream-id.ts';
import { FROM_NOW, PAGE_ENTRIES } from './stream-reader.ts';

export interface GroupOptions {
  readonly group: string;
  readonly consumer: string;
  /** Where a group begins that is not there yet: an id, included, or FROM_NOW. */
  readonly from: string;
  readonly claimAfterMs: DurationMs;
}

export class GroupReader implements EntryReader {
  readonly #commands: RedisCommands;
  readonly #streams: readonly NamedStream[];
  readonly #options: GroupOptions;
  #isPrepared = false;
  /** By key: up to where what is its own and not acknowledged was read; null: to the end. */
  readonly #own = new Map<string, string | null>();
  /** By key: where the search for what others left goes on. */
  readonly #claims = new Map<string, string>();

  constructor(commands: RedisCommands, streams: readonly NamedStream[], options: GroupOptions) {
    this.#commands = commands;
    this.#streams = streams;
    this.#options = options;
  }

  /** Its own first, then what others left, then what is new. Rejects with a RedisCommandError. */
  async read(): Promise<StreamEntry[]> {
    await this.#prepare();
    const own = await this.#readOwn();
    if (own.length > 0) return own;
    const claimed = await this.#claim();
    if (claimed.length > 0) return claimed;
    return this.#readGroup(this.#streams.map(() => '>'));
  }

  /** They are done with, and given to nobody again. */
  async acknowledge(entries: readonly Pick<StreamEntry, 'kind' | 'id'>[]): Promise<void> {
    for (const { kind, key } of this.#streams) {
      const ids = entries.filter((entry) => entry.kind === kind).map(({ id }) => id);
      if (ids.length === 0) continue;
      // oxlint-disable-next-line no-await-in-loop
      await this.#commands.call('xack', [key, this.#options.group, ...ids]);
    }
  }

  /** After a failure: what was given and not acknowledged is given again. */
  rewind(): void {
    this.#isPrepared = false;
  }

  async #prepare(): Promise<void> {
    if (this.#isPrepared) return;
    const { group, from } = this.#options;
    const begin = from === FROM_NOW ? FROM_NOW : idBefore(from);
    for (const { key } of this.#streams) {
      try {
        // oxlint-disable-next-line no-await-in-loop
        await this.#commands.call('xgroup', ['CREATE', key, group, begin, 'MKSTREAM']);
      } catch (error) {
        if (!isGroupThere(error)) throw error;
      }
      this.#own.set(key, FIRST_ID);
      this.#claims.set(key, FIRST_ID);
    }
    this.#isPrepared = true;
  }

  async #readOwn(): Promise<StreamEntry[]> {
    const rest = this.#streams.filter(({ key }) => this.#own.get(key) !== null);
    if (rest.length === 0) return [];
    const ids = rest.map(({ key }) => this.#own.get(key) ?? FIRST_ID);
    const entries = await this.#readGroup(ids, rest);
    for (const { key, kind } of rest) {
      const last = entries.findLast((entry) => entry.kind === kind);
      this.#own.set(key, last?.id ?? null);
    }
    return entries;
  }

  /** One page of each stream; the search begins anew when it has come to its end. */
  async #claim(): Promise<StreamEntry[]> {
    const { group, consumer, claimAfterMs } = this.#options;
    const claimed: StreamEntry[] = [];
    for (const { key, kind } of this.#streams) {
      const from = this.#claims.get(key) ?? FIRST_ID;
      const args = [key, group, consumer, claimAfterMs, from, 'COUNT', PAGE_ENTRIES];
      // oxlint-disable-next-line no-await-in-loop
      const [next, entries, deleted] = listOf(await this.#commands.call('xautoclaim', args));
      this.#claims.set(key, String(next));
      claimed.push(...entriesOf(entries, kind));
      // Redis 7 has taken them off the group's list already, and says which they were.
      const trimmed = Array.isArray(deleted) ? deleted.map(String) : [];
      claimed.push(...trimmed.map((id) => ({ kind, id, fields: null })));
    }
    return claimed;
  }

  async #readGroup(ids: readonly string[], streams = this.#streams): Promise<StreamEntry[]> {
    const { group, consumer } = this.#options;
    const keys = streams.map(({ key }) => key);
    const args = ['GROUP', group, consumer, 'COUNT', PAGE_ENTRIES, 'STREAMS', ...keys, ...ids];
    return entriesByStream(await this.#commands.call('xreadgroup', args), streams);
  }
}

function isGroupThere(error: unknown): boolean {
  return error instanceof RedisCommandError && error.refusal?.startsWith('BUSYGROUP') === true;
}
