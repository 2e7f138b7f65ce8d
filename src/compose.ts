/**
 * Which concrete part stands behind which port: read this and you have seen them all. Rooms get what they
 * need as arguments. Parts of several pieces are put together by the file of `src/service` that is called.
 */
import { exactKeyFormat, referenceKeyFormat } from './core/rules/key-format.ts';
import { MemoryCounterStore } from './counters/memory/memory-counter-store.ts';
import { Limiter } from './limiter/limiter.ts';
import { OverLimitCache } from './limiter/over-limit-cache.ts';
import type { RuleSource } from './limiter/rule-source.ts';
import {
  DEFAULT_HEALTH_WATCHES_MAX,
  HEALTH_CHECK,
  HEALTH_WATCH,
  HealthService,
} from './rpc/health.ts';
import { HealthState } from './rpc/health-state.ts';
import {
  type RateLimitParts,
  SHOULD_RATE_LIMIT,
  shouldRateLimit,
} from './rpc/should-rate-limit.ts';
import { FileRuleSource } from './rules/file-rule-source.ts';
import { monotonicNow, wallNow } from './service/clocks.ts';
import { errorLog } from './service/event-logs.ts';
import { listenerOptions } from './service/listener-options.ts';
import { loadListener } from './service/load-listener.ts';
import { registerMetrics } from './service/metrics.ts';
import { redisStore } from './service/redis-store.ts';
import { Service } from './service/service.ts';
import { sideListeners } from './service/side-listeners.ts';
import { readTls } from './service/tls-files.ts';
import { TlsReload } from './service/tls-reload.ts';
import { version } from './service/version.ts';
import { describeSettings } from './settings/describe-settings.ts';
import type { Settings } from './settings/settings.ts';
import { Logger } from './telemetry/logger.ts';
import { Telemetry } from './telemetry/telemetry.ts';
import { GrpcJsServer } from './wire/grpc-js/grpc-js-server.ts';
import { NativeServer } from './wire/native/native-server.ts';
import type { RpcServer } from './wire/rpc-server.ts';

const writeLog = (line: string): void => void process.stderr.write(line);

export function compose(settings: Settings): { service: Service; logger: Logger } {
  const { level, format } = settings.log;
  const logger = new Logger({ level, format, write: writeLog, now: wallNow });
  const telemetry = new Telemetry({
    bounds: settings.metrics,
    responseTimeAsMs: settings.metrics.responseTimeAsMs,
    logger,
    version,
    withProcessMetrics: settings.metrics.isEnabled,
  });
  const { needsLoadedDomain, needsStoreConnection } = settings.health;
  const health = new HealthState({ config: !needsLoadedDomain, store: settings.redis === null });
  const rules = composeRules(settings, { telemetry, logger, health });
  const { counters } = settings;
  const memory = new MemoryCounterStore({ now: wallNow, keysMax: counters.memoryKeysMax });
  const redis =
    settings.redis === null ? null : redisStore(settings.redis, counters, { memory, logger });
  const store = redis?.guard ?? memory;
  const overLimitCache =
    counters.overLimitCacheBytes > 0 ? new OverLimitCache(counters.overLimitCacheBytes) : null;
  const limiter = new Limiter({
    rules,
    store,
    observer: telemetry,
    overLimitCache,
    monotonicNow,
    stopsWhenOver: counters.stopIncrementWhenOver,
    isShadowForAll: settings.modes.shadow,
    isQuotaForAll: settings.modes.quota,
    addsMetadata: settings.response.dynamicMetadata,
    headerNames: settings.response.headers,
  });
  const rateLimit: RateLimitParts = {
    decider: limiter,
    bounds: settings.bounds,
    observer: telemetry,
  };
  const { rpcServer, tlsReload } = composeListener(settings, { rateLimit, health, logger });
  registerMetrics(telemetry, { rules, store, redis, memory, overLimitCache, rpcServer, tlsReload });
  const service = new Service({
    rules,
    store,
    health,
    rpcServer,
    tlsReload,
    sideListeners: sideListeners(settings, { rateLimit, health, telemetry, rules, logger }),
    logger,
    needsStoreConnection,
    drainDelayMs: settings.server.drainDelayMs,
    drainTimeoutMs: settings.server.drainTimeoutMs,
    description: { version, ...describeSettings(settings) },
  });
  return { service, logger };
}

interface Around {
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly health: HealthState;
}

function composeRules(settings: Settings, { telemetry, logger, health }: Around): RuleSource {
  const { directory, watchRoot, ignoreDotFiles, mergeDomains } = settings.limits;
  const { keyFormat, keyPrefix, nearLimitRatio } = settings.counters;
  return new FileRuleSource({
    directory: { path: directory, ignoreDotFiles },
    watchRoot,
    merge: mergeDomains,
    compile: {
      keyFormat: (keyFormat === 'exact' ? exactKeyFormat : referenceKeyFormat)(keyPrefix),
      nearLimitRatio,
      bindStats: (domain, path) => telemetry.ruleStats(domain, path),
      failureMode: settings.counters.storeFailureMode,
      bindCallerStats: (domain, path) => telemetry.callerStats(domain, path),
    },
    listener: loadListener({
      telemetry,
      logger,
      onLoaded: (set) => {
        if (settings.health.needsLoadedDomain) health.setConfig(set.domains.size > 0);
      },
    }),
  });
}

interface RpcParts {
  readonly rateLimit: RateLimitParts;
  readonly health: HealthState;
  readonly logger: Logger;
}

interface Listener {
  readonly rpcServer: RpcServer;
  readonly tlsReload: TlsReload | null;
}

function composeListener(settings: Settings, { rateLimit, health, logger }: RpcParts): Listener {
  const { grpcListener, grpcTls: files, connectionsMax } = settings.server;
  const healthService = new HealthService({
    state: health,
    observer: rateLimit.observer,
    watchesMax: DEFAULT_HEALTH_WATCHES_MAX,
  });
  const tls = files === null ? null : readTls(files);
  const options = {
    ...listenerOptions(settings, tls),
    methods: {
      unary: new Map([
        [SHOULD_RATE_LIMIT, shouldRateLimit(rateLimit)],
        [HEALTH_CHECK, healthService.check],
      ]),
      serverStreaming: new Map([[HEALTH_WATCH, healthService.watch]]),
    },
    log: errorLog(logger),
  };
  if (grpcListener === 'grpc-js') return { rpcServer: new GrpcJsServer(options), tlsReload: null };
  const rpcServer = new NativeServer({ ...options, tuning: { connectionsMax } });
  if (files === null || tls === null) return { rpcServer, tlsReload: null };
  const apply = rpcServer.reloadTls.bind(rpcServer);
  return { rpcServer, tlsReload: new TlsReload({ files, inForce: tls, apply, logger }) };
}
