/**
 * Numbers of each Redis and of each of its servers. A cluster may have many: the first NODES_MAX are
 * told apart, the others are added up under `other`.
 */
import { COMMAND_CLASSES, type CommandClass } from '../counters/guarded/command-class.ts';
import type { LabelledValue } from '../telemetry/own-metrics.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { CLUSTER, type RedisNode, type RedisPart, type RedisStore } from './redis-store.ts';

/** Label values of `node`. */
const NODES_MAX = 64;
const OTHER = 'other';

export function registerRedis(telemetry: Telemetry, { parts, split }: RedisStore): void {
  const sums = {
    weir_redis_calls_total: ({ store }: RedisNode) => store.calls,
    weir_redis_charges_total: ({ store }: RedisNode) => store.charges,
    weir_redis_timeouts_total: ({ store }: RedisNode) => store.timeouts,
    weir_redis_late_calls_total: ({ store }: RedisNode) => store.lateCalls,
    weir_redis_overloads_total: ({ store }: RedisNode) => store.overloads,
    weir_redis_reconnects_total: ({ store }: RedisNode) => store.reconnects,
    weir_redis_queued_requests: ({ store }: RedisNode) => store.groupsQueued,
  } as const;
  for (const [name, read] of Object.entries(sums)) {
    telemetry.register(name as keyof typeof sums, () => byNode(parts, read, sum));
  }
  telemetry.register('weir_redis_clock_ahead_seconds', () =>
    byNode(parts, ({ store }) => store.clockAhead.ms / 1000, furthest),
  );
  telemetry.register('weir_breaker_closed', () =>
    COMMAND_CLASSES.flatMap((name) =>
      [...byNode(parts, isClosed(name), Math.min), ...ofWholes(parts, isClosed(name))].map(
        ({ labels, value }) => ({ labels: { ...labels, class: name }, value }),
      ),
    ),
  );
  telemetry.register('weir_redis_redirections_total', () =>
    parts.flatMap(({ name, cluster }) =>
      Object.entries(cluster?.redirections ?? {}).map(([kind, value]) => ({
        labels: { redis: name, kind },
        value,
      })),
    ),
  );
  telemetry.register('weir_redis_lost_hits_total', () =>
    parts.map(({ name, lost }) => ({ labels: { redis: name }, value: lost.lostHits })),
  );
  telemetry.register('weir_redis_forgotten_total', () =>
    parts.map(({ name, lost }) => ({ labels: { redis: name }, value: lost.forgotten })),
  );
  const giveBacks = [split?.giveBacks, ...parts.map(({ cluster }) => cluster?.giveBacks)];
  telemetry.register('weir_give_back_hits_total', () =>
    ['made', 'lost'].map((outcome) => ({
      labels: { outcome },
      value: giveBacks
        .map((its) => (outcome === 'made' ? its?.givenBackHits : its?.lostHits) ?? 0)
        .reduce(sum, 0),
    })),
  );
  telemetry.register('weir_redis_errors_total', () =>
    parts.flatMap(({ name, errors }) =>
      [...errors.entries()].map(({ labels, value }) => ({
        labels: { redis: name, ...labels },
        value,
      })),
    ),
  );
}

/** One sample for each node; those beyond the bound are joined. */
function byNode(
  parts: readonly RedisPart[],
  read: (node: RedisNode) => number,
  join: (one: number, other: number) => number,
): LabelledValue<'redis' | 'node'>[] {
  return parts.flatMap((part) => {
    const values = new Map<string, number>();
    for (const [index, node] of part.nodes().entries()) {
      const label = index < NODES_MAX ? node.address : OTHER;
      const known = values.get(label);
      values.set(label, known === undefined ? read(node) : join(known, read(node)));
    }
    return [...values].map(([node, value]) => ({ labels: { redis: part.name, node }, value }));
  });
}

/** The breakers above those of a cluster's nodes. */
function ofWholes(
  parts: readonly RedisPart[],
  read: (node: Pick<RedisNode, 'gate'>) => number,
): LabelledValue<'redis' | 'node'>[] {
  return parts.flatMap(({ name, whole }) =>
    whole === null
      ? []
      : [{ labels: { redis: name, node: CLUSTER }, value: read({ gate: whole }) }],
  );
}

function sum(one: number, other: number): number {
  return one + other;
}

function furthest(one: number, other: number): number {
  return Math.abs(one) > Math.abs(other) ? one : other;
}

function isClosed(name: CommandClass): (node: Pick<RedisNode, 'gate'>) => number {
  return ({ gate }) => (gate.breakerState(name).kind === 'closed' ? 1 : 0);
}
