/**
 * The store of BACKEND_TYPE=redis. From the outside in: failure modes, then the choice between the two
 * Redis if there is a second one for limits per second, then for each of them breakers around what
 * speaks to its servers.
 */
import type { Transition } from '../core/breaker/breaker.ts';
import type { Audit } from '../core/events/event.ts';
import { BreakerGate, type GateOptions } from '../counters/guarded/breaker-gate.ts';
import { GuardedCounterStore } from '../counters/guarded/guarded-counter-store.ts';
import type { MemoryCounterStore } from '../counters/memory/memory-counter-store.ts';
import type { CallsLost } from '../counters/redis/acknowledged-calls.ts';
import { clusterStore } from '../counters/redis/cluster/cluster-store.ts';
import type { RedisClusterStore } from '../counters/redis/cluster/redis-cluster-store.ts';
import { ErrorCounts } from '../counters/redis/error-counts.ts';
import { RedisCounterStore } from '../counters/redis/redis-counter-store.ts';
import { addressText } from '../counters/redis/redis-options.ts';
import { readRedisTls } from '../counters/redis/redis-tls.ts';
import { splitStore } from '../counters/split/per-second.ts';
import type { SplitCounterStore } from '../counters/split/split-counter-store.ts';
import type { CounterStore } from '../limiter/counter-store.ts';
import { redisAddress } from '../settings/redis-address.ts';
import type { RedisSettings, Settings } from '../settings/settings.ts';
import type { Logger } from '../telemetry/logger.ts';
import { monotonicNow, wallNow } from './clocks.ts';
import { breakerLog, redisLog } from './event-logs.ts';
import { LoopStallWatch } from './loop-stall.ts';
import { type RedisClockReading, RedisClockWatch } from './redis-clock-watch.ts';
import { TurnClock } from './turn-clock.ts';

/** How long the start waits for Redis before it goes on without. */
const STORE_START_MS = 2000;
/** A connection is dropped for silence only after every request on it has been answered. */
const SILENCE_MARGIN_MS = 500;
/** A call that takes this share of REDIS_TIMEOUT is slow, though it still counts. */
const SLOW_SHARE = 0.8;
/** A stall of ours that takes this share of the shortest timeout may be what made a call late. */
const STALL_SHARE = 0.25;

/** Names the breakers of a cluster as a whole, where others have the address of their server. */
export const CLUSTER = 'cluster';

/** One server, or what finds it, and the breakers before it. */
export interface RedisNode {
  readonly address: string;
  readonly store: RedisCounterStore;
  readonly gate: BreakerGate;
}

/** The Redis of all limits, or that of the limits per second. */
export interface RedisPart {
  readonly name: 'main' | 'per_second';
  readonly store: CounterStore;
  readonly errors: ErrorCounts;
  /** What its servers had acknowledged and lost. */
  readonly lost: CallsLost;
  /** Null unless it is one. */
  readonly cluster: RedisClusterStore | null;
  /** The breakers of a cluster as a whole; else null. */
  readonly whole: BreakerGate | null;
  /** Those known now. */
  nodes(): readonly RedisNode[];
}

export interface RedisStore {
  readonly guard: GuardedCounterStore;
  readonly parts: readonly RedisPart[];
  /** Null without a second Redis. */
  readonly split: SplitCounterStore | null;
  readonly stalls: LoopStallWatch;
}

export interface RedisStoreParts {
  readonly memory: MemoryCounterStore;
  readonly logger: Logger;
  readonly audit: Audit;
}

export function redisStore(settings: Settings, its: RedisStoreParts): RedisStore {
  const { memory, logger, audit } = its;
  const { redis, redisPerSecond, counters } = settings;
  const used = [redis, redisPerSecond].filter((one) => one !== null);
  const stalls = new LoopStallWatch(
    monotonicNow,
    Math.min(...used.map(({ timeoutMs }) => timeoutMs)) * STALL_SHARE,
  );
  stalls.start();
  const around = { counters, logger, audit, stalls, onRecovery: () => guard.replaySoon() };
  const parts = used.map((one, index) =>
    redisPart(index === 0 ? 'main' : 'per_second', one, around),
  );
  new RedisClockWatch(() => parts.flatMap(clocksOf), logger, audit).start();
  const [main, perSecond] = parts.map(({ store }) => store);
  const split =
    perSecond === undefined
      ? null
      : splitStore({ main: main as CounterStore, perSecond, monotonic: monotonicNow });
  const guard = new GuardedCounterStore({
    inner: split ?? (main as CounterStore),
    local: { store: memory, replicas: counters.localReplicas, now: wallNow },
    monotonic: monotonicNow,
  });
  return { guard, parts, split, stalls };
}

interface Around {
  readonly counters: Settings['counters'];
  readonly logger: Logger;
  readonly audit: Audit;
  readonly stalls: LoopStallWatch;
  readonly onRecovery: () => void;
}

function redisPart(name: RedisPart['name'], redis: RedisSettings, around: Around): RedisPart {
  const errors = new ErrorCounts();
  const { target, tls, database } = redis;
  // Told at the start, by variable and file; later it is an error of the connection.
  if (tls !== null) readRedisTls(tls);
  const options = { ...nodeOptions(redis, around), errors };
  if (target.kind === 'cluster') {
    const { cluster, store } = clusterStore(
      {
        ...options,
        seeds: target.nodes,
        gateOf: (node, address) => new BreakerGate(gateOptions(node, address, redis, around)),
      },
      gateParts(CLUSTER, around),
    );
    const { lost } = cluster;
    return { name, store, errors, lost, cluster, whole: store, nodes: () => cluster.nodes() };
  }
  const address = redisAddress(target);
  const text = addressText(address);
  const store = new RedisCounterStore({ ...options, address, db: database });
  const gate = new BreakerGate(gateOptions(store, text, redis, around));
  const node = { address: text, store, gate };
  const { lost } = store;
  return { name, store: gate, errors, lost, cluster: null, whole: null, nodes: () => [node] };
}

/** What the stores of one server and of a cluster's nodes are told. */
function nodeOptions(redis: RedisSettings, { counters, logger }: Around) {
  const { username, password, tls } = redis;
  return {
    tls,
    ...(username === '' ? {} : { username }),
    ...(password === null ? {} : { password: password.reveal() }),
    keyFormat: counters.keyFormat,
    timeoutMs: redis.timeoutMs,
    silenceMaxMs: redis.timeoutMs + SILENCE_MARGIN_MS,
    expirationJitterMaxSeconds: counters.expirationJitterMaxSeconds,
    now: wallNow,
    startMaxMs: STORE_START_MS,
    chargesPerCallMax: redis.batchChargesMax,
    groupsQueuedMax: redis.queuedRequestsMax,
    keyPrefix: counters.keyPrefix,
    onEvent: redisLog(logger),
  };
}

function gateOptions(
  inner: CounterStore,
  address: string,
  { breakers, timeoutMs }: RedisSettings,
  around: Around,
): GateOptions {
  const slow = { slowMs: timeoutMs * SLOW_SHARE };
  return {
    ...gateParts(address, around),
    inner,
    breakers: {
      check: { ...slow, ...breakers.check },
      refund: { ...slow, ...breakers.refund },
      peek: { ...slow, ...breakers.peek },
    },
  };
}

/** `address`: of the server, or CLUSTER. */
function gateParts(address: string, { counters, logger, audit, stalls, onRecovery }: Around) {
  const log = breakerLog(logger, address);
  return {
    keyPrefix: counters.keyPrefix,
    monotonic: new TurnClock(monotonicNow).now,
    random: Math.random,
    wasStalledSince: (since) => stalls.wasStalledSince(since),
    onTransition: (name, transition) => {
      log(name, transition);
      auditBreaker(audit, { node: address, class: name }, transition);
      if (transition.to === 'ramping' || transition.to === 'closed') onRecovery();
    },
  } satisfies Partial<GateOptions>;
}

/** A probe that fails is the same outage still. */
function auditBreaker(
  audit: Audit,
  where: { readonly node: string; readonly class: string },
  { from, to, reason }: Transition,
): void {
  const details = { ...where, from, reason };
  if (to === 'open' && from !== 'half-open') audit({ name: 'breaker-opened', details });
  else if (to === 'closed') audit({ name: 'breaker-closed', details });
}

function clocksOf(part: RedisPart): RedisClockReading[] {
  return part.nodes().map(({ address, store: { clockAhead } }) => ({
    address,
    aheadMs: clockAhead.ms,
    uncertaintyMs: clockAhead.uncertaintyMs,
  }));
}
