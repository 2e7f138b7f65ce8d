/**
 * Counters of one window whose keys have a part in common, by the rest of them. While there are few, they
 * are one Map. From SPLIT_KEYS on they are spread over SHARDS Maps by a hash, since V8 rehashes a whole Map
 * when it grows: no insertion and no eviction then stalls the process for more than about 1 ms at a million
 * counters, and while there are few no charge pays for the hash.
 *
 * Eviction takes the shards in turn. In a shard the counters with the smallest counts go first,
 * within a power of two the oldest first: forgetting a count near its limit would admit a whole
 * limit again. One pass frees a sixteenth of the shard, so an insertion pays for 16 visited
 * counters on average.
 */
import { hashKey } from './key.ts';

/** A counter: an object, so that a charge looks its key up once. */
export interface Counter {
  count: number;
}

/** What an eviction freed. */
export interface Freed {
  readonly keys: number;
  readonly chars: number;
}

type Counters = Map<string, Counter>;

/** Splitting this many takes about 1 ms. */
const SPLIT_KEYS = 4096;
/** A power of two. 16 k counters in each at a million. */
const SHARDS = 64;
/** Part of a shard that one eviction frees: 1 / 16. */
const EVICTED_PART = 16;
/** Classes of counts, by their power of two: 0, 1, 2-3, 4-7, … 2^52..2^53-1. */
const CLASSES = 54;

export class CounterTable {
  #shards: Counters[] = [new Map()];
  #keys = 0;
  #chars = 0;
  /** The shard that the next eviction begins at. */
  #turn = 0;

  get keys(): number {
    return this.#keys;
  }

  /** UTF-16 units of all keys. */
  get chars(): number {
    return this.#chars;
  }

  get(key: string): Counter | undefined {
    return this.#shardOf(key).get(key);
  }

  /** Keeps a counter that is not there yet. The key must not share memory with longer strings. */
  add(key: string, count: number): void {
    if (this.#keys === SPLIT_KEYS && this.#shards.length === 1) this.#split();
    this.#shardOf(key).set(key, { count });
    this.#keys += 1;
    this.#chars += key.length;
  }

  /** Frees a sixteenth of the shard whose turn it is. There must be a counter. */
  evict(): Freed {
    while (this.#shardAt(this.#turn).size === 0) this.#turn += 1;
    const shard = this.#shardAt(this.#turn);
    this.#turn = (this.#turn + 1) % SHARDS;
    const freed = evictFrom(shard);
    this.#keys -= freed.keys;
    this.#chars -= freed.chars;
    return freed;
  }

  #shardOf(key: string): Counters {
    const shards = this.#shards;
    return shards[shards.length === 1 ? 0 : hashKey(key) & (SHARDS - 1)] as Counters;
  }

  #shardAt(turn: number): Counters {
    return this.#shards[turn % this.#shards.length] as Counters;
  }

  #split(): void {
    const all = this.#shards[0] as Counters;
    this.#shards = Array.from({ length: SHARDS }, () => new Map());
    for (const [key, counter] of all) this.#shardOf(key).set(key, counter);
  }
}

function evictFrom(shard: Counters): Freed {
  const quota = Math.ceil(shard.size / EVICTED_PART);
  const sizes = new Uint32Array(CLASSES);
  for (const { count } of shard.values()) {
    const its = classOf(count);
    sizes[its] = (sizes[its] as number) + 1;
  }
  let last = 0;
  let left = quota;
  while ((sizes[last] as number) < left) {
    left -= sizes[last] as number;
    last += 1;
  }
  // Now: everything below class `last`, and `left` counters of it.
  let chars = 0;
  for (const [key, { count }] of shard) {
    const its = classOf(count);
    if (its > last || (its === last && left === 0)) continue;
    if (its === last) left -= 1;
    shard.delete(key);
    chars += key.length;
  }
  return { keys: quota, chars };
}

/** Bits of the count: 0 for 0, 1 for 1, 2 for 2 and 3. */
function classOf(count: number): number {
  if (count < 0x8000_0000) return 32 - Math.clz32(count);
  return Math.floor(Math.log2(count)) + 1;
}
