/** A store over a cluster of six real servers, as it is put together in the service. */
import type { Transition } from '../../../../src/core/breaker/breaker.ts';
import { BreakerGate } from '../../../../src/counters/guarded/breaker-gate.ts';
import { GuardedCounterStore } from '../../../../src/counters/guarded/guarded-counter-store.ts';
import { MemoryCounterStore } from '../../../../src/counters/memory/memory-counter-store.ts';
import { clusterGate } from '../../../../src/counters/redis/cluster/cluster-gate.ts';
import type { ClusterOptions } from '../../../../src/counters/redis/cluster/cluster-options.ts';
import { RedisClusterStore } from '../../../../src/counters/redis/cluster/redis-cluster-store.ts';
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

/** `timeoutMs` is long unless told otherwise: the machine may be busy. */
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
  const gateOf = (inner: CounterStore, address: string) =>
    new BreakerGate({ ...AROUND, inner, onTransition: note(address) });
  const cluster = new RedisClusterStore({
    seeds: seedsOf(servers),
    keyFormat: 'exact',
    timeoutMs: 5000,
    onEvent: (event) => events.push(event),
    gateOf,
    ...options,
  });
  const gate = clusterGate(cluster, { ...AROUND, onTransition: note('cluster') });
  const now = Date.now;
  const local = { store: new MemoryCounterStore({ now }), replicas: 1, now };
  const guard = new GuardedCounterStore({ inner: gate, local });
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
