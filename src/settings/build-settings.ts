/**
 * Values by name to the grouped Settings. What only several variables together say is checked here.
 */
import { eventsOf } from './build-events.ts';
import { quotaOf } from './build-quota.ts';
import { bothRedisOf } from './build-redis.ts';
import type {
  CounterSettings,
  GrpcAddress,
  GrpcTls,
  LimitsSettings,
  MetricsSettings,
  RequestBounds,
  ResponseSettings,
  ServerSettings,
  Settings,
} from './settings.ts';
import type { Values } from './table.ts';

/** What the reading of settings collects on its way. */
export interface Findings {
  readonly values: Values;
  /** True when the environment holds the variable, not empty. */
  readonly isSet: (name: keyof Values) => boolean;
  readonly problems: string[];
  readonly notes: string[];
}

/** The reference's own words for it. */
const SINKS_PROBLEM =
  'Error: unable to use more than one stats sink at the same time. ' +
  'Set one of USE_DOG_STATSD, USE_STATSD, USE_PROMETHEUS.';

/** Where a checkout and an image both keep the limits that ship with Weir. */
const SHIPPED_LIMITS = decodeURIComponent(new URL('../../config/limits', import.meta.url).pathname);

export function buildSettings(findings: Findings): Settings {
  const { values } = findings;
  const backend = backendOf(findings);
  const workers = workersOf(findings, backend);
  const settings = {
    server: { workers, ...serverOf(findings) },
    health: {
      needsLoadedDomain: values.HEALTHY_WITH_AT_LEAST_ONE_CONFIG_LOADED,
      needsStoreConnection: values.REDIS_HEALTH_CHECK_ACTIVE_CONNECTION,
    },
    limits: limitsOf(findings),
    counters: {
      ...countersOf(values, backend),
      localReplicas: values.LOCAL_LIMITER_REPLICAS * (workers === 'auto' ? 1 : workers),
    },
    ...bothRedisOf(findings, backend),
    quota: quotaOf(findings, backend),
    events: eventsOf(findings, backend),
    modes: { shadow: values.SHADOW_MODE, quota: values.QUOTA_MODE },
    response: responseOf(values),
    metrics: metricsOf(findings),
    log: {
      level: values.LOG_LEVEL === 'WARNING' ? 'WARN' : values.LOG_LEVEL,
      format: values.LOG_FORMAT,
    },
    bounds: boundsOf(values),
  };
  checkPorts(settings, findings.problems);
  return settings;
}

function backendOf({ values, isSet }: Findings): 'redis' | 'memory' {
  if (values.BACKEND_TYPE !== '') return values.BACKEND_TYPE;
  return isSet('REDIS_URL') ? 'redis' : 'memory';
}

/** More than one where that keeps limits exact; `auto` is one where it does not. */
function workersOf(
  { values, problems, notes }: Findings,
  backend: 'redis' | 'memory',
): number | 'auto' {
  const { WORKERS: asked } = values;
  const obstacle = obstacleToWorkers(values, backend);
  if (asked === 1 || obstacle === null) return asked;
  if (asked === 'auto') notes.push(`WORKERS=auto is 1 here: ${obstacle}`);
  else problems.push(`WORKERS=${asked} must be 1 here, or unset: ${obstacle}`);
  return 1;
}

function obstacleToWorkers(values: Values, backend: 'redis' | 'memory'): string | null {
  if (backend === 'memory') {
    return (
      'with counters in memory each process would count for itself, and limits would be as many ' +
      'times too high; set REDIS_URL to count together'
    );
  }
  if (values.QUOTA_PEERS !== '') {
    return 'QUOTA_PEERS makes this process a replica with one name among its peers';
  }
  if (values.GRPC_LISTENER === 'grpc-js') {
    return 'GRPC_LISTENER=grpc-js cannot share its port; use GRPC_LISTENER=native';
  }
  return null;
}

function serverOf(findings: Findings): Omit<ServerSettings, 'workers'> {
  const { values } = findings;
  const grpc: GrpcAddress =
    values.GRPC_UDS === ''
      ? { kind: 'tcp', host: values.GRPC_HOST, port: values.GRPC_PORT }
      : { kind: 'unix', path: values.GRPC_UDS };
  return {
    http: { host: values.HOST, port: values.PORT },
    debug: { host: values.DEBUG_HOST, port: values.DEBUG_PORT },
    grpc,
    grpcListener: values.GRPC_LISTENER,
    grpcTls: grpcTlsOf(findings),
    concurrentStreamsMax: values.GRPC_MAX_CONCURRENT_STREAMS,
    connectionsMax: connectionsMaxOf(findings),
    keepaliveMs: values.GRPC_KEEPALIVE_TIME,
    keepaliveTimeoutMs: values.GRPC_KEEPALIVE_TIMEOUT,
    maxConnectionAgeMs: values.GRPC_MAX_CONNECTION_AGE,
    maxConnectionAgeGraceMs: values.GRPC_MAX_CONNECTION_AGE_GRACE,
    drainDelayMs: values.DRAIN_DELAY,
    drainTimeoutMs: values.DRAIN_TIMEOUT,
  };
}

function connectionsMaxOf({ values, isSet, notes }: Findings): number {
  if (values.GRPC_LISTENER === 'grpc-js' && isSet('GRPC_CONNECTIONS_MAX')) {
    notes.push('GRPC_CONNECTIONS_MAX has no effect with GRPC_LISTENER=grpc-js');
  }
  return values.GRPC_CONNECTIONS_MAX;
}

function grpcTlsOf({ values, problems, notes, isSet }: Findings): GrpcTls | null {
  const files = [
    'GRPC_SERVER_TLS_CERT',
    'GRPC_SERVER_TLS_KEY',
    'GRPC_CLIENT_TLS_CACERT',
    'GRPC_CLIENT_TLS_SAN',
  ] as const;
  if (!values.GRPC_SERVER_USE_TLS) {
    for (const name of files) {
      if (isSet(name)) notes.push(`${name} has no effect while GRPC_SERVER_USE_TLS is false`);
    }
    return null;
  }
  for (const name of files.slice(0, 2)) {
    if (!isSet(name)) {
      problems.push(`${name} must name a PEM file, as GRPC_SERVER_USE_TLS is true`);
    }
  }
  if (isSet('GRPC_CLIENT_TLS_SAN') && !isSet('GRPC_CLIENT_TLS_CACERT')) {
    problems.push(
      'GRPC_CLIENT_TLS_CACERT must name a PEM file, as GRPC_CLIENT_TLS_SAN asks for a name in it',
    );
  }
  return {
    certPath: values.GRPC_SERVER_TLS_CERT,
    keyPath: values.GRPC_SERVER_TLS_KEY,
    clientCaPath: values.GRPC_CLIENT_TLS_CACERT === '' ? null : values.GRPC_CLIENT_TLS_CACERT,
    clientSan: values.GRPC_CLIENT_TLS_SAN,
  };
}

function limitsOf({ values, isSet, problems, notes }: Findings): LimitsSettings {
  const parts = ['RUNTIME_ROOT', 'RUNTIME_SUBDIRECTORY', 'RUNTIME_APPDIRECTORY'] as const;
  const setParts = parts.filter((name) => isSet(name));
  const files = {
    ignoreDotFiles: values.RUNTIME_IGNOREDOTFILES,
    mergeDomains: values.MERGE_DOMAIN_CONFIG,
  };
  if (setParts.length > 0) {
    if (isSet('LIMITS_DIRECTORY')) {
      problems.push(`LIMITS_DIRECTORY and ${setParts.join(', ')} both name a directory: unset one`);
    }
    const directory = parts.map((name) => values[name]).filter((part) => part !== '');
    return {
      directory: directory.join('/').replaceAll(/\/{2,}/g, '/'),
      directoryFrom: 'RUNTIME',
      watchRoot: values.RUNTIME_WATCH_ROOT ? values.RUNTIME_ROOT : null,
      ...files,
    };
  }
  if (isSet('LIMITS_DIRECTORY')) {
    return {
      directory: values.LIMITS_DIRECTORY,
      directoryFrom: 'LIMITS_DIRECTORY',
      watchRoot: null,
      ...files,
    };
  }
  notes.push(`no limits directory is named: the shipped limits in ${SHIPPED_LIMITS} are used`);
  return { directory: SHIPPED_LIMITS, directoryFrom: 'shipped', watchRoot: null, ...files };
}

function countersOf(
  values: Values,
  backend: 'redis' | 'memory',
): Omit<CounterSettings, 'localReplicas'> {
  return {
    backend,
    keyFormat: values.KEY_FORMAT,
    keyPrefix: values.CACHE_KEY_PREFIX,
    expirationJitterMaxSeconds: values.EXPIRATION_JITTER_MAX_SECONDS,
    nearLimitRatio: values.NEAR_LIMIT_RATIO,
    stopIncrementWhenOver: values.STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT,
    overLimitCacheBytes: values.LOCAL_CACHE_SIZE_IN_BYTES,
    memoryKeysMax: values.MEMORY_KEYS_MAX,
    storeFailureMode: values.STORE_FAILURE_MODE,
  };
}

function responseOf(values: Values): ResponseSettings {
  return {
    dynamicMetadata: values.RESPONSE_DYNAMIC_METADATA,
    headers: values.LIMIT_RESPONSE_HEADERS_ENABLED
      ? {
          limit: values.LIMIT_LIMIT_HEADER,
          remaining: values.LIMIT_REMAINING_HEADER,
          reset: values.LIMIT_RESET_HEADER,
        }
      : null,
  };
}

function metricsOf({ values, problems }: Findings): MetricsSettings {
  const sinks = [values.USE_DOG_STATSD, values.USE_STATSD, values.USE_PROMETHEUS];
  if (!values.DISABLE_STATS && sinks.filter(Boolean).length > 1) problems.push(SINKS_PROBLEM);
  if (!values.PROMETHEUS_PATH.startsWith('/')) {
    problems.push('PROMETHEUS_PATH must begin with a slash; for example PROMETHEUS_PATH=/metrics');
  }
  return {
    isEnabled: !values.DISABLE_STATS,
    address: values.USE_PROMETHEUS && !values.DISABLE_STATS ? values.PROMETHEUS_ADDR : null,
    path: values.PROMETHEUS_PATH,
    responseTimeAsMs: values.PROMETHEUS_RESPONSE_TIME_AS_MILLISECONDS,
    seriesPerDomainMax: values.METRICS_SERIES_PER_DOMAIN_MAX,
    domainsMax: values.METRICS_DOMAINS_MAX,
    seriesMax: values.METRICS_SERIES_MAX,
  };
}

function boundsOf(values: Values): RequestBounds {
  return {
    messageBytesMax: values.REQUEST_MESSAGE_BYTES_MAX,
    domainBytesMax: values.REQUEST_DOMAIN_BYTES_MAX,
    descriptorsMax: values.REQUEST_DESCRIPTORS_MAX,
    entriesMax: values.REQUEST_ENTRIES_MAX,
    keyBytesMax: values.REQUEST_KEY_BYTES_MAX,
    valueBytesMax: values.REQUEST_VALUE_BYTES_MAX,
  };
}

/**
 * Two listeners on one port would fail one after the other; said at once, by the variables' names.
 */
function checkPorts({ server, metrics, quota }: Settings, problems: string[]): void {
  const { grpc } = server;
  const listeners = [
    { name: 'PORT', port: server.http.port },
    { name: 'DEBUG_PORT', port: server.debug.port },
    { name: 'GRPC_PORT', port: grpc.kind === 'tcp' ? grpc.port : 0 },
    { name: 'QUOTA_LISTEN', port: quota.listen?.port ?? 0 },
    { name: 'PROMETHEUS_ADDR', port: metrics.address?.port ?? 0 },
  ];
  const names = new Map<number, string>();
  for (const { name, port } of listeners) {
    const other = names.get(port);
    if (port !== 0 && other !== undefined) {
      problems.push(`${other} and ${name} are both ${port}: give each its own port`);
    }
    names.set(port, name);
  }
}
