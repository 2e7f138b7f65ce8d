/** A store over a cluster of six real servers, as it is put together in the service. */
import type { Transition } from '../../../../src/core/breaker/breaker.ts';
import { BreakerGate } from '../../../../src/counters/guarded/breaker-gate.ts';
import { GuardedCounterStore } from '../../../../src/counters/guarded/guarded-counter-store.ts';
import { MemoryCounterStore } from '../../../../src/counters/memory/memory-counter-store.ts';
import type { ClusterOptions } from '../../../../src/counters/redis/cluster/cluster-options.ts';
import { clusterStore } from '../../../../src/counters/redis/cluster/cluster-store.ts';
import type { RedisClusterStore } from '../../../../src/counters/redis/cluster/redis-cluster-store.ts';
import type { HostPort, RedisEvent } from '../../../../src/counters/redis/redis-options.ts';
import type { CounterStore } from '../../../../src/limiter/counter-store.ts';
import type { ClusterRig } from '../../../support/cluster-rig.ts';

const AROUND = {
  monotonic: () => performance.now(),
  random: () => 0.5,
  wasStalledSince: () => false,
};

export interface StoreRig extends AsyncDisposable {
  readonly cluster: RedisClusterStore;
  /** With breakers over all of it. */
  readonly gate: BreakerGate;
  readonly guard: GuardedCounterStore;
  readonly events: RedisEvent[];
  /** Changes of breakers: `node or cluster: class from > to`. */
  readonly transitions: string[];
}

/** Long, unless told otherwise: the machine may be busy. */
const TIMEOUT_MS = 5000;

export async function startStore(
  servers: ClusterRig | readonly HostPort[],
  options: Partial<ClusterOptions> = {},
): Promise<StoreRig> {
  const events: RedisEvent[] = [];
  const transitions: string[] = [];
  const note =
    (of: string) =>
    (name: string, { from, to, reason }: Transition) => {
      transitions.push(`${of}: ${name} ${from} > ${to} (${reason})`);
      guard.replaySoon();
    };
  // Slow is what takes most of the time that callers have.
  const slow = { slowMs: (options.timeoutMs ?? TIMEOUT_MS) * 0.8 };
  const breakers = { check: slow, refund: slow, peek: slow };
  const gateOf = (inner: CounterStore, address: string) =>
    new BreakerGate({ ...AROUND, inner, breakers, onTransition: note(address) });
  const { cluster, store: gate } = clusterStore(
    {
      seeds: seedsOf(servers),
      keyFormat: 'exact',
      timeoutMs: TIMEOUT_MS,
      onEvent: (event) => events.push(event),
      gateOf,
      ...options,
    },
    { ...AROUND, onTransition: note('cluster') },
  );
  const now = Date.now;
  const local = { store: new MemoryCounterStore({ now }), replicas: 1, now };
  const guard = new GuardedCounterStore({ inner: gate, local, monotonic: () => performance.now() });
  const rig = { cluster, gate, guard, events, transitions };
  try {
    await guard.start();
  } catch (error) {
    await guard.close();
    throw error;
  }
  return { ...rig, [Symbol.asyncDispose]: () => guard.close() };
}

function seedsOf(servers: ClusterRig | readonly HostPort[]): readonly HostPort[] {
  if (!('nodes' in servers)) return servers;
  return servers.nodes().map(({ port }) => ({ host: '127.0.0.1', port }));
}
