/**
 * What was admitted by local shares and never reached the store: hits by counter, to be charged there when
 * it is back, as long as their window lasts. Only hits that the store certainly did not count get in;
 * those of unknown outcome would be counted twice.
 *
 * Bounds: counters remembered, and the characters of their keys, which callers choose. Hits on further
 * ones are dropped and counted as such: the store then admits that much more than its limits, until the
 * windows end.
 */
import type { Unit } from '../../core/rules/unit.ts';
import type { WallMs } from '../../core/time.ts';
import { addHits } from '../count.ts';

export interface LedgerEntry {
  readonly key: string;
  readonly unit: Unit;
  readonly hits: number;
  /** When the window that they were admitted in ends, by this process's clock. */
  readonly windowEnd: WallMs;
}

/** Characters of a key for which there is room, on average over all: most have half of it. */
const KEY_CHARACTERS_MEAN_MAX = 256;

export class Ledger {
  readonly #entriesMax: number;
  readonly #charactersMax: number;
  readonly #entries = new Map<string, LedgerEntry>();
  #characters = 0;
  /** Hits not remembered for want of room, and hits whose window ended before the store was back. */
  droppedHits = 0;
  expiredHits = 0;

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
    this.#charactersMax = entriesMax * KEY_CHARACTERS_MEAN_MAX;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Adds up what is of one counter and window; hits of a window that is over are lost. */
  record(entry: LedgerEntry): void {
    const { key, unit, hits, windowEnd } = entry;
    if (hits === 0) return;
    const name = `${unit}${key}`;
    const known = this.#entries.get(name);
    if (known === undefined) {
      if (this.#hasRoom(key)) {
        this.#entries.set(name, entry);
        this.#characters += key.length;
      } else this.droppedHits += hits;
    } else if (known.windowEnd === windowEnd) {
      this.#entries.set(name, { ...known, hits: addHits(known.hits, hits) });
    } else {
      const [newer, older] = known.windowEnd > windowEnd ? [known, entry] : [entry, known];
      this.expiredHits += older.hits;
      this.#entries.set(name, newer);
    }
  }

  /** Takes out up to `max` entries whose window still lasts at `time`, oldest first. */
  take(max: number, time: WallMs): LedgerEntry[] {
    const taken: LedgerEntry[] = [];
    for (const [name, entry] of this.#entries) {
      if (taken.length >= max) break;
      this.#entries.delete(name);
      this.#characters -= entry.key.length;
      if (entry.windowEnd > time) taken.push(entry);
      else this.expiredHits += entry.hits;
    }
    return taken;
  }

  #hasRoom(key: string): boolean {
    const { size } = this.#entries;
    return size < this.#entriesMax && this.#characters + key.length <= this.#charactersMax;
  }
}
