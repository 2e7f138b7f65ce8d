/** What the store of a cluster is told besides what each node's store is. */
import type { BreakerGate } from '../../guarded/breaker-gate.ts';
import type { RedisCounterStore } from '../redis-counter-store.ts';
import type { HostPort, RedisStoreOptions } from '../redis-options.ts';
import { BINS_DEFAULT } from './bins.ts';

/** Nodes to find the others by; further ones would never be asked. */
export const SEEDS_MAX = 32;

type NodeOptions = Omit<
  RedisStoreOptions,
  'address' | 'db' | 'routeOf' | 'isClusterNode' | 'outcomes'
>;

export interface ClusterOptions extends NodeOptions {
  /** 1..SEEDS_MAX. */
  readonly seeds: readonly HostPort[];
  /** The same for all replicas, for ever: BINS_DEFAULT when absent. */
  readonly bins?: number;
  /** Puts the breakers before a node that came to be known. */
  readonly gateOf: (store: RedisCounterStore, address: string) => BreakerGate;
}

/** What all nodes' stores have in common, and this one itself. */
export type CompleteClusterOptions = ClusterOptions & {
  readonly bins: number;
  readonly timeoutMs: number;
  readonly keyPrefix: string;
  readonly startMaxMs: number;
  readonly groupsQueuedMax: number;
  readonly monotonic: () => number;
};

const DEFAULTS = {
  bins: BINS_DEFAULT,
  timeoutMs: 10,
  keyPrefix: '',
  startMaxMs: 10_000,
  groupsQueuedMax: 65_536,
  monotonic: () => performance.now(),
};

/** Throws a RangeError that names the option; those of nodes are checked when there is one. */
export function completeClusterOptions(options: ClusterOptions): CompleteClusterOptions {
  const { seeds, keyFormat } = options;
  if (seeds.length < 1 || seeds.length > SEEDS_MAX) {
    throw new RangeError(`a cluster is found by 1 to ${SEEDS_MAX} nodes, not ${seeds.length}`);
  }
  // Its keys have no hash tag and change their slot with each window.
  if (keyFormat === 'reference') {
    throw new RangeError('keys of the reference cannot be used in a Redis Cluster');
  }
  return { ...DEFAULTS, ...options };
}
