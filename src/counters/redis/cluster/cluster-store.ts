/**
 * The breakers of a cluster as a whole: for when no node serves, and to be taken in hand. Single nodes
 * are none of their business, so only the share of calls counts of which nothing was served.
 */
import type { BreakerOptions } from '../../../core/breaker/options.ts';
import { BreakerGate, type GateOptions } from '../../guarded/breaker-gate.ts';
import { COMMAND_CLASSES } from '../../guarded/command-class.ts';
import type { ClusterOptions } from './cluster-options.ts';
import { RedisClusterStore } from './redis-cluster-store.ts';

const NEARLY_ALL = 0.9;
const NEVER = Infinity;

/** The breakers of the nodes let calls back in bit by bit: one probe and no ramp of its own. */
const WHEN_NOTHING_IS_SERVED: Partial<BreakerOptions> = {
  failureRatio: NEARLY_ALL,
  failuresInRow: NEVER,
  slowRatio: NEVER,
  slowMs: NEVER,
  probeCount: 1,
  rampMs: 0,
};

export interface ClusterStore {
  readonly cluster: RedisClusterStore;
  /** The cluster with the breakers before it: what is charged. */
  readonly store: BreakerGate;
}

/** Throws a RangeError for an option out of its bounds. */
export function clusterStore(
  options: ClusterOptions,
  around: Omit<GateOptions, 'inner' | 'breakers' | 'isOverMany'>,
): ClusterStore {
  const inner = new RedisClusterStore(options);
  const breakers = Object.fromEntries(
    COMMAND_CLASSES.map((name) => [name, WHEN_NOTHING_IS_SERVED]),
  );
  return {
    cluster: inner,
    store: new BreakerGate({ ...around, inner, breakers, isOverMany: true }),
  };
}
