/**
 * Which concrete part stands behind which port: read this and you have seen them all. Rooms get what they
 * need as arguments. Parts of several pieces are put together by the file of `src/service` that is called.
 */
import type { Audit } from './core/events/event.ts';
import type { RuleSet } from './core/rules/rule-set.ts';
import type { EmergencyOverrides } from './limiter/emergency-overrides.ts';
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
import { answerJson } from './rpc/json-endpoint.ts';
import {
  type RateLimitParts,
  SHOULD_RATE_LIMIT,
  shouldRateLimit,
} from './rpc/should-rate-limit.ts';
import { monotonicNow, wallNow } from './service/clocks.ts';
import { counterStores } from './service/counter-stores.ts';
import { emergencyOverrides } from './service/emergency-overrides.ts';
import { errorLog } from './service/event-logs.ts';
import { EventRecorder } from './service/event-recorder.ts';
import { leasedNotice } from './service/leased-notice.ts';
import { expectLeased } from './service/leased-store.ts';
import { limiterOptions } from './service/limiter-options.ts';
import { compileOptions, limitsSource } from './service/limits-source.ts';
import { listenerOptions } from './service/listener-options.ts';
import { registerMetrics } from './service/metrics.ts';
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
import type { ComposedWorker, WorkerSide } from './workers/run-worker.ts';

const writeLog = (line: string): void => void process.stderr.write(line);

/** `worker` is what a worker process has in place of ports and limits files of its own. */
export function compose(settings: Settings, worker: WorkerSide | null = null): Composed {
  const fields = worker === null ? {} : { worker: worker.number };
  const logger = new Logger({ ...settings.log, write: writeLog, now: wallNow, fields });
  const telemetry = new Telemetry({
    bounds: settings.metrics,
    responseTimeAsMs: settings.metrics.responseTimeAsMs,
    logger,
    version,
    withProcessMetrics: settings.metrics.isEnabled,
  });
  const { needsLoadedDomain, needsStoreConnection } = settings.health;
  const health = new HealthState({ config: !needsLoadedDomain, store: settings.redis === null });
  const events = new EventRecorder(settings, { logger, version, part: worker?.number ?? null });
  const { audit, clock: hybrid } = events;
  const onLeased = (set: RuleSet): void => expectLeased(stores.quota, set);
  const rules = composeRules(settings, { telemetry, logger, audit, health, onLeased }, worker);
  const { counters } = settings;
  const isWorker = worker !== null;
  const stores = counterStores(settings, { telemetry, logger, audit, hybrid, isWorker });
  const { store, quota } = stores;
  const overLimitCache = overLimitCacheOf(counters.overLimitCacheBytes);
  const overrides = emergencyOverrides(rules, counters.nearLimitRatio, { logger, audit });
  const limiter = new Limiter({
    rules,
    store,
    observer: telemetry,
    overrides,
    abuse: events.abuse,
    overLimitCache,
    monotonicNow,
    ...limiterOptions(settings),
  });
  const { bounds } = settings;
  const rateLimit: RateLimitParts = { decider: limiter, bounds, observer: telemetry };
  const { rpcServer, tlsReload } = composeListener(settings, {
    rateLimit,
    health,
    logger,
    isHanded: worker !== null,
  });
  const measured = { ...stores, rules, overLimitCache, overrides, rpcServer, tlsReload };
  registerMetrics(telemetry, { ...measured, events });
  const service = new Service({
    events,
    rules,
    store,
    quota,
    health,
    rpcServer,
    tlsReload,
    sideListeners:
      worker === null
        ? sideListeners(settings, { rateLimit, health, telemetry, rules, logger })
        : [],
    logger,
    needsStoreConnection,
    drainDelayMs: settings.server.drainDelayMs,
    drainTimeoutMs: settings.server.drainTimeoutMs,
    description: worker === null ? { version, ...describeSettings(settings) } : {},
  });
  return {
    service,
    logger,
    overrides,
    telemetry,
    health,
    listener: rpcServer instanceof NativeServer ? rpcServer : null,
    answerJson: (body) => answerJson(body, rateLimit),
  };
}

/** A single process uses the first three; the rest is for a worker. */
export interface Composed extends ComposedWorker {
  readonly service: Service;
  readonly logger: Logger;
  /** Of this process alone. */
  readonly overrides: EmergencyOverrides;
}

/** Null for 0: it is off. */
function overLimitCacheOf(bytes: number): OverLimitCache | null {
  return bytes > 0 ? new OverLimitCache(bytes) : null;
}

interface Around {
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly audit: Audit;
  readonly health: HealthState;
  /** Rules with leased limits are in force. */
  readonly onLeased: (set: RuleSet) => void;
}

function composeRules(
  settings: Settings,
  { telemetry, logger, audit, health, onLeased }: Around,
  worker: WorkerSide | null,
): RuleSource {
  const notice = leasedNotice(settings, 1, logger);
  const onLoaded = (set: RuleSet): void => {
    if (worker === null && notice(set)) onLeased(set);
    if (settings.health.needsLoadedDomain) health.setConfig(set.domains.size > 0);
  };
  if (worker === null) return limitsSource(settings, { telemetry, logger, audit, onLoaded });
  return worker.rules({ compile: compileOptions(settings, telemetry), onCurrent: onLoaded });
}

interface RpcParts {
  readonly rateLimit: RateLimitParts;
  readonly health: HealthState;
  readonly logger: Logger;
  readonly isHanded: boolean;
}

interface Listener {
  readonly rpcServer: RpcServer;
  readonly tlsReload: TlsReload | null;
}

function composeListener(settings: Settings, parts: RpcParts): Listener {
  const { rateLimit, health, logger, isHanded } = parts;
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
  const rpcServer = new NativeServer({ ...options, isHanded, tuning: { connectionsMax } });
  if (files === null || tls === null) return { rpcServer, tlsReload: null };
  const apply = rpcServer.reloadTls.bind(rpcServer);
  return { rpcServer, tlsReload: new TlsReload({ files, inForce: tls, apply, logger }) };
}
