/** The store of BACKEND_TYPE=redis: Redis, guarded, with the memory store to fall back on. */
import { BreakerGate } from '../counters/guarded/breaker-gate.ts';
import { GuardedCounterStore } from '../counters/guarded/guarded-counter-store.ts';
import type { MemoryCounterStore } from '../counters/memory/memory-counter-store.ts';
import { ErrorCounts } from '../counters/redis/error-counts.ts';
import { RedisCounterStore } from '../counters/redis/redis-counter-store.ts';
import type { RedisAddress } from '../counters/redis/redis-options.ts';
import { readRedisTls } from '../counters/redis/redis-tls.ts';
import type { RedisTarget } from '../settings/redis-target.ts';
import type { RedisSettings, Settings } from '../settings/settings.ts';
import type { Logger } from '../telemetry/logger.ts';
import { monotonicNow, wallNow } from './clocks.ts';
import { breakerLog, redisLog } from './event-logs.ts';
import { LoopStallWatch } from './loop-stall.ts';

/** How long the start waits for Redis before it goes on without. */
const STORE_START_MS = 2000;
/** A connection is dropped for silence only after every request on it has been answered. */
const SILENCE_MARGIN_MS = 500;
/** A call that takes this share of REDIS_TIMEOUT is slow, though it still counts. */
const SLOW_SHARE = 0.8;
/** A stall of ours that takes this share of REDIS_TIMEOUT may be what made a call late. */
const STALL_SHARE = 0.25;

export interface RedisStore {
  readonly guard: GuardedCounterStore;
  readonly gate: BreakerGate;
  readonly redis: RedisCounterStore;
  readonly errors: ErrorCounts;
}

export function redisStore(
  redis: RedisSettings,
  counters: Settings['counters'],
  parts: { readonly memory: MemoryCounterStore; readonly logger: Logger },
): RedisStore {
  const { memory, logger } = parts;
  const { username, password, database, tls } = redis;
  // Told at the start, by variable and file; later it is an error of the connection.
  if (tls !== null) readRedisTls(tls);
  const errors = new ErrorCounts();
  const inner = new RedisCounterStore({
    address: addressOf(redis.target),
    tls,
    ...(username === '' ? {} : { username }),
    ...(password === null ? {} : { password: password.reveal() }),
    db: database,
    keyFormat: counters.keyFormat,
    timeoutMs: redis.timeoutMs,
    silenceMaxMs: redis.timeoutMs + SILENCE_MARGIN_MS,
    expirationJitterMaxSeconds: counters.expirationJitterMaxSeconds,
    now: wallNow,
    startMaxMs: STORE_START_MS,
    chargesPerCallMax: redis.batchChargesMax,
    groupsQueuedMax: redis.queuedRequestsMax,
    keyPrefix: counters.keyPrefix,
    errors,
    onEvent: redisLog(logger),
  });
  const stalls = new LoopStallWatch(monotonicNow, redis.timeoutMs * STALL_SHARE);
  stalls.start();
  const log = breakerLog(logger);
  const breaker = { slowMs: redis.timeoutMs * SLOW_SHARE };
  const gate = new BreakerGate({
    inner,
    monotonic: monotonicNow,
    random: Math.random,
    wasStalledSince: (since) => stalls.wasStalledSince(since),
    onTransition: (name, transition) => {
      log(name, transition);
      if (transition.to === 'ramping' || transition.to === 'closed') guard.replaySoon();
    },
    breakers: { check: breaker, refund: breaker, peek: breaker },
  });
  const guard = new GuardedCounterStore({
    inner: gate,
    local: { store: memory, replicas: counters.localReplicas, now: wallNow },
  });
  return { guard, gate, redis: inner, errors };
}

function addressOf(target: RedisTarget): RedisAddress {
  switch (target.kind) {
    case 'tcp':
      return { host: target.host, port: target.port };
    case 'unix':
      return { path: target.path };
    case 'sentinel': {
      const { primary, sentinels, username, password } = target;
      return {
        primary,
        sentinels,
        ...(username === '' ? {} : { username }),
        ...(password === null ? {} : { password: password.reveal() }),
      };
    }
    default:
      throw new Error('REDIS_TYPE=CLUSTER: counting in a cluster is not part of this build');
  }
}
