/** One primary of a cluster: its store, with a connection, a queue and a call in flight of its own. */
import type { MonotonicMs } from '../../../core/time.ts';
import type { BreakerGate } from '../../guarded/breaker-gate.ts';
import type { RedisCounterStore } from '../redis-counter-store.ts';
import { addressText, type HostPort } from '../redis-options.ts';

/** A node that came to be known is waited for, by charges that still have time. */
const YOUNG_MS = 1000;
/** A node that only takes over slots owns none yet, and is in no view. */
const ASKED_KEPT_MS = 10_000;

export interface ClusterNodeParts {
  readonly address: HostPort;
  readonly store: RedisCounterStore;
  readonly gate: BreakerGate;
  readonly now: MonotonicMs;
}

export class ClusterNode {
  readonly host: HostPort;
  readonly address: string;
  readonly store: RedisCounterStore;
  readonly gate: BreakerGate;
  readonly #youngUntil: MonotonicMs;
  #wasReady = false;
  #askedAt: MonotonicMs = -Infinity;

  constructor({ address, store, gate, now }: ClusterNodeParts) {
    this.host = address;
    this.address = addressText(address);
    this.store = store;
    this.gate = gate;
    this.#youngUntil = now + YOUNG_MS;
    store.onHealth(() => {
      this.#wasReady = true;
    });
  }

  /** Connects, and goes on trying: what the first attempts fail with is an event of the store. */
  start(): void {
    this.gate.start().catch(() => {});
  }

  /** Not connected yet, as it was only just heard of. */
  isConnecting(now: MonotonicMs): boolean {
    return !this.#wasReady && !this.store.isHealthy && now < this.#youngUntil;
  }

  /** Something was sent there by an ASK. */
  noteAsked(now: MonotonicMs): void {
    this.#askedAt = now;
  }

  isNeeded(now: MonotonicMs): boolean {
    return now - this.#askedAt < ASKED_KEPT_MS;
  }
}
