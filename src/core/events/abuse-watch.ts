/**
 * Which counters are over their limit, and stay over: the first answer that turns somebody away is an event
 * at once, and from then on there is one for each `intervalMs` in which it went on, with what was turned
 * away meanwhile. A counter that was quiet for an interval is forgotten, and begins anew.
 *
 * Bounds: `keysMax` counters and `charactersMax` of their keys are watched; `perSecondMax` events are made
 * in a second. What is beyond them is counted, and events say how many were left out before them.
 */
import type { DurationMs, MonotonicMs } from '../time.ts';
import type { Happening } from './event.ts';
import { cut } from './event-codec.ts';

export interface AbuseBounds {
  readonly intervalMs: DurationMs;
  readonly keysMax: number;
  /** UTF-16 units of all keys together. */
  readonly charactersMax: number;
  readonly perSecondMax: number;
}

export const ABUSE_BOUNDS: AbuseBounds = {
  // A person looks at a trend; finer ones are in the metrics.
  intervalMs: 60_000,
  // Some 1 MiB, and half a millisecond a minute to go through.
  keysMax: 4096,
  charactersMax: 1024 * 1024,
  // A hundred replicas under attack write 500 entries a second.
  perSecondMax: 5,
};

/** A key holds values of requests: enough of it is shown to recognise it. */
const KEY_LENGTH_MAX = 200;
const SECOND_MS = 1000;

/** A counter that turned somebody away, as the limiter knows it. */
export interface OverLimit {
  readonly key: string;
  readonly hits: number;
  readonly limit: number;
  readonly rule: { readonly path: string } | null;
}

interface Watched {
  readonly domain: string;
  readonly rule: string;
  limit: number;
  /** Turned away since the last event. */
  hits: number;
  requests: number;
  since: MonotonicMs;
  /** When its interval ends. */
  dueAt: MonotonicMs;
}

export class AbuseWatch {
  readonly #bounds: AbuseBounds;
  readonly #emit: (happening: Happening) => void;
  /** By key, in the order in which intervals end. */
  readonly #watched = new Map<string, Watched>();
  #characters = 0;
  #second = -Infinity;
  #madeInSecond = 0;
  #leftOut = 0;
  /** Since the start: events left out, and answers of counters that were not watched. */
  readonly suppressed = { rate: 0, keys: 0 };

  /** `emit` must not throw. */
  constructor(emit: (happening: Happening) => void, bounds: AbuseBounds = ABUSE_BOUNDS) {
    this.#emit = emit;
    this.#bounds = bounds;
  }

  get watchedCount(): number {
    return this.#watched.size;
  }

  /** On the path of each answer that turns somebody away: one look-up and two additions. */
  over(domain: string, { key, hits, limit, rule }: OverLimit, now: MonotonicMs): void {
    const known = this.#watched.get(key);
    if (known !== undefined) {
      known.hits += hits;
      known.requests += 1;
      known.limit = limit;
      return;
    }
    const { keysMax, charactersMax, intervalMs } = this.#bounds;
    const characters = this.#characters + key.length;
    if (this.#watched.size >= keysMax || characters > charactersMax) {
      this.suppressed.keys += 1;
      return;
    }
    const dueAt = now + intervalMs;
    const path = rule?.path ?? '';
    const watched = { domain, rule: path, limit, hits, requests: 1, since: now, dueAt };
    this.#watched.set(key, watched);
    this.#characters = characters;
    this.#tell(key, watched, now);
  }

  /** Once a second: tells what went on in the intervals that are over. */
  sweep(now: MonotonicMs): void {
    for (const [key, watched] of this.#watched) {
      if (watched.dueAt > now) return;
      this.#watched.delete(key);
      if (watched.requests === 0) {
        this.#characters -= key.length;
        continue;
      }
      watched.dueAt = now + this.#bounds.intervalMs;
      this.#watched.set(key, watched);
      this.#tell(key, watched, now);
    }
  }

  /** What is left out stays in the sums of the counter's next event. */
  #tell(key: string, watched: Watched, now: MonotonicMs): void {
    if (now - this.#second >= SECOND_MS) {
      this.#second = now;
      this.#madeInSecond = 0;
    }
    if (this.#madeInSecond >= this.#bounds.perSecondMax) {
      this.suppressed.rate += 1;
      this.#leftOut += 1;
      return;
    }
    this.#madeInSecond += 1;
    const { domain, rule, limit, hits, requests, since } = watched;
    const details = { domain, rule, key: cut(key, KEY_LENGTH_MAX), limit, hits, requests };
    const ms = Math.round(now - since);
    this.#emit({
      kind: 'abuse',
      name: 'over-limit',
      details: { ...details, ms, leftOut: this.#leftOut },
    });
    this.#leftOut = 0;
    watched.hits = 0;
    watched.requests = 0;
    watched.since = now;
  }
}
