/**
 * The node of a cluster that owns one slot, for who has a single key there. The owner is what the newest
 * view says; an attempt that is made because the last one failed makes the nodes be asked anew, several
 * times a second, and whoever owns the slot by then is said to be the one.
 */
import type { MonotonicMs } from '../../../core/time.ts';
import type { PeerOptions } from '../peer-options.ts';
import type { PrimaryListener, PrimarySource } from '../primary-source.ts';
import { addressText, type HostPort, type SlotAddress } from '../redis-options.ts';
import type { ClusterView } from './cluster-view.ts';
import { ClusterWatch } from './cluster-watch.ts';

/** A view of a lower epoch is of the past, unless no other has come for so long: a new cluster. */
const EPOCH_KEPT_MS = 30_000;

export interface SlotOwnerParts {
  readonly address: SlotAddress;
  readonly server: Pick<PeerOptions, 'username' | 'password' | 'tls'>;
  readonly monotonic: () => MonotonicMs;
}

export class SlotOwnerSource implements PrimarySource {
  /** A node that does not own it says so to each call. */
  readonly isRoleChecked = false;
  readonly #slot: number;
  readonly #monotonic: () => MonotonicMs;
  readonly #watch: ClusterWatch;
  #listener: PrimaryListener = { moved: () => {}, failed: () => {} };
  #owner: HostPort | null = null;
  #epoch = 0;
  #viewedAt: MonotonicMs = -Infinity;
  #trouble = '';
  #isClosed = false;
  #found: ((address: HostPort | null) => void) | null = null;

  constructor({ address, server, monotonic }: SlotOwnerParts) {
    this.#slot = address.slot;
    this.#monotonic = monotonic;
    this.#watch = new ClusterWatch({
      seeds: address.seeds,
      peer: server,
      monotonic,
      viewed: (view) => this.#viewed(view),
      failed: (error, node) => this.#failed(error, node),
    });
  }

  start(listener: PrimaryListener): void {
    this.#listener = listener;
    this.#watch.start();
  }

  find(): Promise<HostPort | null> {
    if (this.#isClosed) return Promise.resolve(null);
    this.#watch.hurry();
    if (this.#owner !== null) return Promise.resolve(this.#owner);
    return new Promise((resolve) => {
      this.#found = resolve;
    });
  }

  describe(): string {
    if (this.#trouble !== '') return this.#trouble;
    return this.#owner === null ? `nobody owns slot ${this.#slot}` : '';
  }

  close(): void {
    this.#isClosed = true;
    this.#watch.close();
    this.#end(null);
  }

  #viewed({ epoch, ranges }: ClusterView): boolean {
    const now = this.#monotonic();
    if (epoch < this.#epoch && now - this.#viewedAt < EPOCH_KEPT_MS) return false;
    this.#epoch = epoch;
    this.#viewedAt = now;
    this.#trouble = '';
    const range = ranges.find(({ first, last }) => first <= this.#slot && this.#slot <= last);
    if (range === undefined) return true;
    const before = this.#owner;
    this.#owner = range.primary;
    if (before !== null && addressText(before) !== addressText(range.primary)) {
      this.#listener.moved(addressText(range.primary));
    }
    this.#end(range.primary);
    return true;
  }

  #failed(error: Error, node: string): void {
    const trouble = `${node}: ${error.message}`;
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#listener.failed(error, node, 'connect');
  }

  #end(owner: HostPort | null): void {
    const found = this.#found;
    this.#found = null;
    found?.(owner);
  }
}
