/**
 * Counters in a Redis Cluster, shared by every replica. A counter's key is hashed into a bin, whose
 * tag puts it into a slot (bins.ts); each primary has a store of its own, with breakers before it, so
 * that one that fails costs its own counters alone. Who owns which slot is asked of the nodes
 * (cluster-watch.ts), and corrected at once by what a node answers that was asked in vain.
 *
 * Bounds: NODES_MAX nodes, REDIRECTIONS_MAX redirections of a part, and as many parts that wait for a
 * node as may wait in a node's queue.
 */
import type { MonotonicMs } from '../../../core/time.ts';
import type {
  ChargeGroup,
  ChargeListener,
  CounterStore,
  StoreFailure,
} from '../../../limiter/counter-store.ts';
import { type GiveBack, GiveBackCounts } from '../../split/give-back.ts';
import type { CallsLost } from '../acknowledged-calls.ts';
import { CallOutcomes } from '../call-outcomes.ts';
import type { CallRoute } from '../call-route.ts';
import { ANSWER_MS } from '../charge-queue.ts';
import { ErrorCounts } from '../error-counts.ts';
import { RedisCounterStore } from '../redis-counter-store.ts';
import { connectionErrorRow, redisErrorRow } from '../redis-errors.ts';
import { addressText, type HostPort } from '../redis-options.ts';
import { Bins } from './bins.ts';
import { ClusterCall, type ClusterRoutes } from './cluster-call.ts';
import { ClusterNode } from './cluster-node.ts';
import {
  type ClusterOptions,
  type CompleteClusterOptions,
  completeClusterOptions,
} from './cluster-options.ts';
import { ClusterPart } from './cluster-part.ts';
import { type ClusterView, NODES_MAX } from './cluster-view.ts';
import { ClusterWatch } from './cluster-watch.ts';
import type { Redirection } from './redirection.ts';
import { SLOTS } from './slots.ts';

/** Between two looks at whether a part can be sent: well below the time that callers have. */
const PAUSE_MS = 2;
/** A view is taken whatever its epoch when no other has been for so long: the cluster is a new one. */
const EPOCH_KEPT_MS = 30_000;

export class RedisClusterStore implements CounterStore, ClusterRoutes {
  readonly name = 'redis';
  readonly immediate = false;
  readonly bins: Bins;
  readonly giveBacks = new GiveBackCounts();
  /** Answers of nodes that sent a call elsewhere. */
  readonly redirections: Record<Redirection['kind'], number> = {
    moved: 0,
    ask: 0,
    'try-again': 0,
  };
  readonly #options: CompleteClusterOptions;
  readonly #errors: ErrorCounts;
  readonly #outcomes = new CallOutcomes();
  readonly #watch: ClusterWatch;
  readonly #name: string;
  readonly #unavailable: StoreFailure;
  readonly #nodes = new Map<string, ClusterNode>();
  /** By bin. */
  readonly #owners: (ClusterNode | null)[];
  readonly #healthListeners: ((isHealthy: boolean) => void)[] = [];
  #wasHealthy = false;
  #epoch = 0;
  #viewedAt: MonotonicMs = -Infinity;
  #views = 0;
  #lastError = 'no answer yet';
  #endStart: (failure: string | null) => void = () => {};
  /** Parts that wait for a node. */
  #pausing = 0;
  #calls = 0;
  #onIdle: (() => void) | null = null;
  #closing: Promise<void> | null = null;
  readonly #leaving = new Set<Promise<void>>();

  /** Throws a RangeError for an option out of its bounds. */
  constructor(options: ClusterOptions) {
    this.#options = completeClusterOptions(options);
    const { seeds, bins, keyPrefix, username, password, tls = null, monotonic } = this.#options;
    this.bins = new Bins(bins, keyPrefix);
    this.#owners = Array.from({ length: bins }, () => null);
    this.#errors = options.errors ?? new ErrorCounts();
    this.#name = `redis cluster ${seeds.map(addressText).join(',')}`;
    this.#unavailable = { code: 'unavailable', text: `${this.#name}: not found yet` };
    this.#watch = new ClusterWatch({
      seeds,
      peer: { username, password, tls },
      monotonic,
      viewed: (view) => this.#viewed(view),
      failed: (error, node) => this.#note(error, node),
    });
  }

  /** True while any primary can be asked: the others' counters have failure modes of their own. */
  get isHealthy(): boolean {
    if (this.#closing !== null) return false;
    return this.#owners.some((node) => node?.store.isHealthy === true);
  }

  /** What its nodes had acknowledged and lost. */
  get lost(): CallsLost {
    return this.#outcomes.acknowledged;
  }

  /** Views of the cluster that were taken. */
  get views(): number {
    return this.#views;
  }

  /** How often nodes were asked for theirs. */
  get looks(): number {
    return this.#watch.looks;
  }

  /** Those that own slots, and those that left and still have calls under way. */
  nodes(): readonly ClusterNode[] {
    return [...this.#nodes.values()];
  }

  onHealth(listener: (isHealthy: boolean) => void): void {
    this.#healthListeners.push(listener);
  }

  /** Resolves when every bin has an owner that is connected. */
  start(): Promise<void> {
    const { startMaxMs } = this.#options;
    const started = new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => {
        this.#endStart(`${this.#name} was not ready in ${startMaxMs} ms: ${this.#lastError}`);
      }, startMaxMs);
      this.#endStart = (failure) => {
        clearTimeout(late);
        if (failure === null) resolve();
        else reject(new Error(failure));
      };
    });
    this.#watch.start();
    return started;
  }

  charge(groups: readonly ChargeGroup[], listener: ChargeListener): void {
    if (this.#closing !== null || this.#views === 0) {
      for (const group of groups) {
        group.failure = group.charges.length === 0 ? null : this.#unavailable;
      }
      listener.settled(groups);
      return;
    }
    this.#calls += 1;
    const latest = this.now() + this.#options.timeoutMs + ANSWER_MS;
    new ClusterCall(this, groups, listener, latest).begin();
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    this.#endStart(`${this.#name}: closed before it was ready`);
    this.#watch.close();
    if (this.#calls > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await Promise.all([...this.nodes().map(({ gate }) => gate.close()), ...this.#leaving]);
    this.#outcomes.close();
  }

  now(): MonotonicMs {
    return this.#options.monotonic();
  }

  ownerOf(bin: number): ClusterNode | null {
    return this.#owners[bin] ?? null;
  }

  nodeAt(address: HostPort): ClusterNode | null {
    const text = addressText(address);
    const known = this.#nodes.get(text);
    if (known !== undefined) return known;
    if (this.#nodes.size >= NODES_MAX || this.#closing !== null) return null;
    const node = this.#newNode(address, text);
    this.#nodes.set(text, node);
    node.start();
    return node;
  }

  #newNode(address: HostPort, text: string): ClusterNode {
    const { seeds: _, bins: __, gateOf, ...options } = this.#options;
    const store = new RedisCounterStore({
      ...options,
      address,
      errors: this.#errors,
      outcomes: this.#outcomes,
      isClusterNode: true,
      routeOf: (its) => (its instanceof ClusterPart ? its.route : this.#anyRouteTo(text)),
    });
    const gate = gateOf(store, text);
    const node = new ClusterNode({ address, store, gate, now: this.now() });
    store.onHealth((isHealthy) => {
      if (!isHealthy) this.doubt();
      this.#changed();
    });
    return node;
  }

  /** For what breakers ask of a node: a bin that is there. A node without one is asked in vain. */
  #anyRouteTo(address: string): CallRoute {
    const bin = this.#owners.findIndex((node) => node?.address === address);
    return this.bins.routes[Math.max(0, bin)] as CallRoute;
  }

  moved(bin: number, address: HostPort): void {
    const slot = this.bins.slots[bin];
    const node = this.nodeAt(address);
    for (const [other, its] of this.bins.slots.entries()) {
      if (its === slot) this.#owners[other] = node;
    }
    this.doubt();
  }

  redirected(kind: Redirection['kind']): void {
    this.redirections[kind] += 1;
  }

  doubt(): void {
    this.#watch.hurry();
  }

  pause(parts: number, resume: () => void): boolean {
    if (this.#pausing + parts > this.#options.groupsQueuedMax) return false;
    this.#pausing += parts;
    setTimeout(() => {
      this.#pausing -= parts;
      resume();
    }, PAUSE_MS);
    return true;
  }

  giveBack(backs: readonly GiveBack<ClusterPart>[], startedAt: MonotonicMs): void {
    this.giveBacks.make(backs, { startedAt, now: this.now() }, () => this);
  }

  ended(): void {
    this.#calls -= 1;
    if (this.#calls === 0) this.#onIdle?.();
  }

  /** A view that is older than the one in force is no news. */
  #viewed(view: ClusterView): boolean {
    const now = this.now();
    if (view.epoch < this.#epoch && now - this.#viewedAt < EPOCH_KEPT_MS) return false;
    this.#epoch = view.epoch;
    this.#viewedAt = now;
    this.#views += 1;
    const owners = ownersBySlot(view);
    for (const [bin, slot] of this.bins.slots.entries()) {
      const owner = owners[slot];
      this.#owners[bin] = owner === undefined ? null : this.nodeAt(owner);
    }
    this.#leaveOthers(now);
    if (this.#owners.some((node) => node?.store.isHealthy !== true)) this.doubt();
    this.#changed();
    return true;
  }

  #leaveOthers(now: MonotonicMs): void {
    const owners = new Set(this.#owners);
    for (const [address, node] of this.#nodes) {
      if (owners.has(node) || node.isNeeded(now)) continue;
      this.#nodes.delete(address);
      const left: Promise<void> = node.gate.close().finally(() => this.#leaving.delete(left));
      this.#leaving.add(left);
    }
  }

  #changed(): void {
    if (this.#owners.every((node) => node?.store.isHealthy === true)) this.#endStart(null);
    const { isHealthy } = this;
    if (isHealthy === this.#wasHealthy) return;
    this.#wasHealthy = isHealthy;
    for (const listener of this.#healthListeners) listener(isHealthy);
  }

  /** An error of the search for the cluster. */
  #note(error: Error, node: string): void {
    const isRefusal = error.name === 'ReplyError';
    const row = isRefusal ? redisErrorRow(error.message) : connectionErrorRow(error);
    this.#lastError = `${node}: ${error.message}`;
    const labels = { class: row.name, node, command: 'connect' };
    const leftOut = this.#errors.note(labels, this.now());
    if (leftOut < 0) return;
    const { message: text } = error;
    try {
      const event = {
        kind: 'error',
        address: node,
        text,
        row,
        command: 'connect',
        leftOut,
      } as const;
      this.#options.onEvent?.(event);
    } catch {
      // A log that fails has nowhere to be told, and must not end the search.
    }
  }
}

function ownersBySlot({ ranges }: ClusterView): (HostPort | undefined)[] {
  const owners = Array.from<HostPort | undefined>({ length: SLOTS });
  for (const { first, last, primary } of ranges) owners.fill(primary, first, last + 1);
  return owners;
}
