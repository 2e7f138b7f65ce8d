/**
 * Keeps the view of a cluster fresh. One node after another is asked what it knows, each over a
 * connection of its own that ends with the answer: every ten seconds while all is well, several times
 * a second while something is not. A node that does not answer is left for the next at once, and is
 * the last to be asked again.
 */
import { Redis } from 'ioredis';
import type { DurationMs, MonotonicMs } from '../../../core/time.ts';
import { ioredisOptions, type PeerOptions } from '../peer-options.ts';
import { addressText, type HostPort } from '../redis-options.ts';
import { type ClusterView, parseClusterView } from './cluster-view.ts';

const CALM_MS = 10_000;
const HURRY_MS = 100;
/** In a trouble that lasts. */
const TROUBLED_MS = 250;
const HURRIED_FOR_MS = 10_000;
/** Without a further sign of it the trouble is over. */
const TROUBLE_MS = 1000;
/** A healthy node answers within milliseconds, and another one is asked in its place. */
const ANSWER_MS_MAX = 250;
/** Asked in one look before a pause; the next look goes on with the others. */
const ASKED_PER_LOOK_MAX = 8;

export interface WatchParts {
  readonly seeds: readonly HostPort[];
  readonly peer: Pick<PeerOptions, 'username' | 'password' | 'tls'>;
  readonly monotonic: () => MonotonicMs;
  /** False when the view is not believed: then its nodes are not, either. */
  readonly viewed: (view: ClusterView) => boolean;
  readonly failed: (error: Error, node: string) => void;
}

export class ClusterWatch {
  readonly #parts: WatchParts;
  /** Told by the last view. */
  #known: readonly HostPort[] = [];
  /** By address: the number of the look in which it failed or was asked last. */
  readonly #failed = new Map<string, number>();
  readonly #asked = new Map<string, number>();
  #look = 0;
  #lookedAt: MonotonicMs = -Infinity;
  #troubledSince: MonotonicMs = -Infinity;
  #troubledAt: MonotonicMs = -Infinity;
  #isClosed = false;
  #wake: () => void = () => {};

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  /** Looks that were begun. */
  get looks(): number {
    return this.#look;
  }

  start(): void {
    this.hurry();
    void this.#run();
  }

  /** Something speaks against the view. */
  hurry(): void {
    const now = this.#parts.monotonic();
    const isNew = now - this.#troubledAt > TROUBLE_MS;
    if (isNew) this.#troubledSince = now;
    this.#troubledAt = now;
    if (isNew) this.#wake();
  }

  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      // One look at a time is the point.
      // oxlint-disable-next-line no-await-in-loop
      await this.#lookOnce();
      // oxlint-disable-next-line no-await-in-loop
      if (!this.#isClosed) await this.#pause();
    }
  }

  /** Asks one node after the other until one answers. */
  async #lookOnce(): Promise<void> {
    this.#look += 1;
    this.#lookedAt = this.#parts.monotonic();
    for (const address of this.#candidates()) {
      if (this.#isClosed) return;
      const node = addressText(address);
      this.#asked.set(node, this.#look);
      try {
        // oxlint-disable-next-line no-await-in-loop
        const view = await this.#ask(address);
        this.#failed.delete(node);
        this.#take(view);
        return;
      } catch (error) {
        this.#failed.set(node, this.#look);
        if (!this.#isClosed) this.#parts.failed(error as Error, node);
      }
    }
    this.hurry();
  }

  #take(view: ClusterView): void {
    if (this.#isClosed || !this.#parts.viewed(view)) return;
    this.#known = view.nodes;
    const names = new Set([...view.nodes, ...this.#parts.seeds].map(addressText));
    for (const marks of [this.#asked, this.#failed]) {
      for (const node of marks.keys()) if (!names.has(node)) marks.delete(node);
    }
  }

  /** Those that answered last, the longest unasked first; then the others. Seeds are for when none did. */
  #candidates(): HostPort[] {
    const rank = (address: HostPort): number => {
      const node = addressText(address);
      return this.#failed.get(node) ?? (this.#asked.get(node) ?? 0) - Number.MAX_SAFE_INTEGER;
    };
    const byRank = (a: HostPort, b: HostPort): number => rank(a) - rank(b);
    const names = new Set(this.#known.map(addressText));
    const seeds = this.#parts.seeds.filter((seed) => !names.has(addressText(seed)));
    return [...this.#known.toSorted(byRank), ...seeds.toSorted(byRank)].slice(
      0,
      ASKED_PER_LOOK_MAX,
    );
  }

  async #ask(address: HostPort): Promise<ClusterView> {
    const options = ioredisOptions({
      ...this.#parts.peer,
      address,
      connectTimeoutMs: ANSWER_MS_MAX,
      silenceMaxMs: ANSWER_MS_MAX,
      protocol: 2,
      awaitsLoading: false,
    });
    const redis = new Redis(options);
    let cause: Error | null = null;
    redis.on('error', (error: Error) => {
      cause ??= error;
    });
    try {
      await redis.connect();
      const [state, slots] = await Promise.all([
        redis.call('cluster', ['INFO']),
        redis.call('cluster', ['SLOTS']),
      ]);
      return parseClusterView(state, slots, address);
    } catch (error) {
      // What ended the connection says more than that it was closed.
      throw cause ?? error;
    } finally {
      redis.disconnect();
    }
  }

  #pause(): Promise<void> {
    const now = this.#parts.monotonic();
    const ms = Math.max(0, this.#lookedAt + this.#periodMs(now) - now);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        const sooner = this.#isClosed ? 0 : this.#lookedAt + HURRY_MS - this.#parts.monotonic();
        setTimeout(resolve, Math.max(0, sooner));
      };
    });
  }

  #periodMs(now: MonotonicMs): DurationMs {
    if (now - this.#troubledAt > TROUBLE_MS) return CALM_MS;
    return now - this.#troubledSince < HURRIED_FOR_MS ? HURRY_MS : TROUBLED_MS;
  }
}
