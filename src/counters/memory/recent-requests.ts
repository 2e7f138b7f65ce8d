/**
 * Readings of requests that carried an id, so that a retry reads them and charges nothing. Kept in
 * two generations: the older is dropped whole when the younger is IDEMPOTENCY_MS old or full, so a
 * request is remembered for that long at least, unless READINGS_MAX come in it. Of a request's name only
 * the hash is kept: callers choose how long its counters' keys are.
 */
import { hash } from 'node:crypto';
import type { WallMs } from '../../core/time.ts';
import { type Charge, IDEMPOTENCY_MS } from '../../limiter/counter-store.ts';

/** Of one generation, and each request counts as one more: some 20 MB. */
const READINGS_MAX = 100_000;

interface Kept {
  readonly at: WallMs;
  readonly readings: readonly { readonly before: number; readonly after: number }[];
}

export class RecentRequests {
  #young = new Map<string, Kept>();
  #old = new Map<string, Kept>();
  /** Of the younger. */
  #readings = 0;
  #since: WallMs = 0;

  /** Writes what the request read before; false when it is a new one. */
  recall(name: string, charges: readonly Charge[], now: WallMs): boolean {
    this.#turn(now);
    const key = keyOf(name);
    const kept = this.#young.get(key) ?? this.#old.get(key);
    if (kept === undefined) return false;
    for (const [index, charge] of charges.entries()) {
      const { before, after } = kept.readings[index] as Kept['readings'][number];
      charge.before = before;
      charge.after = after;
    }
    return true;
  }

  remember(name: string, charges: readonly Charge[], now: WallMs): void {
    const readings = charges.map(({ before, after }) => ({ before, after }));
    this.#young.set(keyOf(name), { at: now, readings });
    this.#readings += 1 + readings.length;
  }

  /** When the request was charged, if it is remembered. Then it is no more. */
  forget(name: string): WallMs | null {
    const key = keyOf(name);
    const kept = this.#young.get(key) ?? this.#old.get(key);
    this.#young.delete(key);
    this.#old.delete(key);
    return kept?.at ?? null;
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
    this.#readings = 0;
  }

  #turn(now: WallMs): void {
    const age = Math.abs(now - this.#since);
    if (age < IDEMPOTENCY_MS && this.#readings < READINGS_MAX) return;
    this.#old = age < 2 * IDEMPOTENCY_MS ? this.#young : new Map();
    this.#young = new Map();
    this.#readings = 0;
    this.#since = now;
  }
}

function keyOf(name: string): string {
  return hash('sha256', name, 'base64');
}
