/**
 * Readings of requests that carried an id, so that a retry reads them and charges nothing. Kept in
 * two generations: the older is dropped whole when the younger is IDEMPOTENCY_MS old or full, so a
 * request is remembered for that long at least, unless more than REQUESTS_MAX come in it.
 */
import type { WallMs } from '../../core/time.ts';
import { type Charge, IDEMPOTENCY_MS } from '../../limiter/counter-store.ts';

/** Of one generation: some 20 MB with ordinary keys. */
const REQUESTS_MAX = 100_000;

interface Kept {
  readonly at: WallMs;
  readonly readings: readonly { readonly before: number; readonly after: number }[];
}

export class RecentRequests {
  #young = new Map<string, Kept>();
  #old = new Map<string, Kept>();
  #since: WallMs = 0;

  /** Writes what the request read before; false when it is a new one. */
  recall(key: string, charges: readonly Charge[], now: WallMs): boolean {
    this.#turn(now);
    const kept = this.#young.get(key) ?? this.#old.get(key);
    if (kept === undefined) return false;
    for (const [index, charge] of charges.entries()) {
      const { before, after } = kept.readings[index] as Kept['readings'][number];
      charge.before = before;
      charge.after = after;
    }
    return true;
  }

  remember(key: string, charges: readonly Charge[], now: WallMs): void {
    const readings = charges.map(({ before, after }) => ({ before, after }));
    this.#young.set(key, { at: now, readings });
  }

  /** When the request was charged, if it is remembered. Then it is no more. */
  forget(key: string): WallMs | null {
    const kept = this.#young.get(key) ?? this.#old.get(key);
    this.#young.delete(key);
    this.#old.delete(key);
    return kept?.at ?? null;
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
  }

  #turn(now: WallMs): void {
    const age = Math.abs(now - this.#since);
    if (age < IDEMPOTENCY_MS && this.#young.size < REQUESTS_MAX) return;
    this.#old = age < 2 * IDEMPOTENCY_MS ? this.#young : new Map();
    this.#young = new Map();
    this.#since = now;
  }
}
