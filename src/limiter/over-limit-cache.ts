/**
 * Remembers which counters are over their limit until their window ends, so that a key under attack
 * costs no store call (LOCAL_CACHE_SIZE_IN_BYTES; off by default). It denies nothing that the store would
 * allow, but for refunds made through another process: it keeps the count that was read, and answers only requests whose own limit that count passes,
 * and it forgets an entry no later than the window's end and at any refund through this process.
 *
 * Bound: an estimate of the bytes held. When full, the oldest entries go first: they only cost a call.
 */
import type { Unit } from '../core/rules/unit.ts';
import type { DurationMs, MonotonicMs } from '../core/time.ts';

/** Map entry, object with two numbers, string header. */
const ENTRY_OVERHEAD_BYTES = 96;

interface OverLimitEntry {
  /** Keys of the reference format do not tell it. */
  readonly unit: Unit;
  readonly count: number;
  readonly resetsAt: MonotonicMs;
  /** No later than `resetsAt`. */
  readonly expiresAt: MonotonicMs;
}

/** Which counter, and the limit that a request holds against it. */
export interface CounterLimit {
  readonly key: string;
  readonly unit: Unit;
  readonly limit: number;
}

export class OverLimitCache {
  readonly #bytesMax: number;
  readonly #entries = new Map<string, OverLimitEntry>();
  #bytes = 0;
  /** Requests answered, entries pushed out by the bound: for metrics. */
  hitCount = 0;
  evictionCount = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get entryCount(): number {
    return this.#entries.size;
  }

  /**
   * Milliseconds until the window ends when the counter is known to be over `limit`, else 0.
   */
  msKnownOver(counter: CounterLimit, now: MonotonicMs): DurationMs {
    const { key, unit, limit } = counter;
    const entry = this.#entries.get(key);
    if (entry === undefined) return 0;
    if (entry.expiresAt <= now) {
      this.forget(key);
      return 0;
    }
    if (entry.unit !== unit || entry.count <= limit) return 0;
    this.hitCount++;
    return entry.resetsAt - now;
  }

  /**
   * Remembers a counter that was read as `count`, over its limit: until its window ends, or `expiresAt` when
   * that is earlier.
   */
  remember(
    { key, unit }: CounterLimit,
    count: number,
    resetsAt: MonotonicMs,
    expiresAt: MonotonicMs = resetsAt,
  ): void {
    this.forget(key);
    const bytes = entryBytes(key);
    if (bytes > this.#bytesMax) return;
    this.#entries.set(key, { unit, count, resetsAt, expiresAt: Math.min(expiresAt, resetsAt) });
    this.#bytes += bytes;
    while (this.#bytes > this.#bytesMax) this.#evictOldest();
  }

  forget(key: string): void {
    if (this.#entries.delete(key)) this.#bytes -= entryBytes(key);
  }

  #evictOldest(): void {
    const oldest = this.#entries.keys().next();
    if (oldest.done === true) return;
    this.forget(oldest.value);
    this.evictionCount++;
  }
}

function entryBytes(key: string): number {
  return ENTRY_OVERHEAD_BYTES + key.length;
}
