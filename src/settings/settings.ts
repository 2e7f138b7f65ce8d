/**
 * Everything a running Weir is told by its environment: complete, checked, frozen. Limits are not
 * here: they come from files and change while it runs. Each group is what one room of the program
 * needs.
 */
import type { DurationMs } from '../core/time.ts';
import type { BreakerThresholds } from './breaker-thresholds.ts';
import type { RedisTarget } from './redis-target.ts';
import type { Address } from './row.ts';
import type { Secret } from './secret.ts';

export type GrpcAddress =
  | ({ readonly kind: 'tcp' } & Address)
  | { readonly kind: 'unix'; readonly path: string };

/** PEM files; with a client authority every client must show a certificate from it. */
export interface GrpcTls {
  readonly certPath: string;
  readonly keyPath: string;
  readonly clientCaPath: string | null;
  /** '' accepts every certificate from the authority. */
  readonly clientSan: string;
}

export interface ServerSettings {
  /** Processes behind the gRPC port; `auto` is one for each core. 1 has no supervisor. */
  readonly workers: number | 'auto';
  readonly http: Address;
  readonly debug: Address;
  readonly grpc: GrpcAddress;
  /** Our own HTTP/2, or the library's. */
  readonly grpcListener: 'native' | 'grpc-js';
  readonly grpcTls: GrpcTls | null;
  /** Calls at work on one connection. */
  readonly concurrentStreamsMax: number;
  /** Of the native listener. */
  readonly connectionsMax: number;
  /** 0 is never. */
  readonly keepaliveMs: DurationMs;
  readonly keepaliveTimeoutMs: DurationMs;
  /** 0 is never; the grace too. */
  readonly maxConnectionAgeMs: DurationMs;
  readonly maxConnectionAgeGraceMs: DurationMs;
  readonly drainDelayMs: DurationMs;
  readonly drainTimeoutMs: DurationMs;
}

/** What makes the health checks fail, beside shutting down. */
export interface HealthSettings {
  readonly needsLoadedDomain: boolean;
  readonly needsStoreConnection: boolean;
}

export interface LimitsSettings {
  readonly directory: string;
  /** Which variables named the directory; `shipped` when none did. */
  readonly directoryFrom: 'shipped' | 'LIMITS_DIRECTORY' | 'RUNTIME';
  /**
   * The symbolic link whose swap means "reload"; null: a change of a file in the directory does.
   */
  readonly watchRoot: string | null;
  readonly ignoreDotFiles: boolean;
  readonly mergeDomains: boolean;
}

export interface CounterSettings {
  readonly backend: 'redis' | 'memory';
  readonly keyFormat: 'exact' | 'reference';
  readonly keyPrefix: string;
  readonly expirationJitterMaxSeconds: number;
  readonly nearLimitRatio: number;
  readonly stopIncrementWhenOver: boolean;
  /** 0 is off. */
  readonly overLimitCacheBytes: number;
  readonly memoryKeysMax: number;
  readonly storeFailureMode: 'local' | 'open' | 'closed' | 'error';
  /** Processes that share what a rule allows while Redis cannot serve: replicas x workers. */
  readonly localReplicas: number;
}

/** PEM files; null is none. They are read for each connection. */
export interface RedisTlsFiles {
  /** Null: the authorities that the runtime knows. */
  readonly caPath: string | null;
  /** Both or none. */
  readonly certPath: string | null;
  readonly keyPath: string | null;
  readonly skipsHostnameVerification: boolean;
}

export interface RedisSettings {
  readonly target: RedisTarget;
  /** '' when none is named. */
  readonly username: string;
  readonly password: Secret | null;
  readonly database: number;
  /** Null: no TLS. It is spoken to the Sentinels too. */
  readonly tls: RedisTlsFiles | null;
  readonly timeoutMs: DurationMs;
  readonly batchChargesMax: number;
  readonly queuedRequestsMax: number;
  readonly breakers: BreakerThresholds;
}

/** Service-wide modes, over those of the rules. */
export interface ModeSettings {
  readonly shadow: boolean;
  readonly quota: boolean;
}

export interface ResponseSettings {
  readonly dynamicMetadata: boolean;
  /** Names of the headers; null when headers are off. */
  readonly headers: {
    readonly limit: string;
    readonly remaining: string;
    readonly reset: string;
  } | null;
}

export interface MetricsSettings {
  /** False with DISABLE_STATS: no page anywhere. */
  readonly isEnabled: boolean;
  /** Where the page is served beside the debug port; null with USE_PROMETHEUS unset. */
  readonly address: Address | null;
  readonly path: string;
  readonly responseTimeAsMs: boolean;
  readonly seriesPerDomainMax: number;
  readonly domainsMax: number;
  readonly seriesMax: number;
}

export type LogLevelName = 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'FATAL' | 'PANIC';

export interface LogSettings {
  readonly level: LogLevelName;
  readonly format: 'text' | 'json';
}

/** What a request may hold; beyond it the request is refused. */
export interface RequestBounds {
  readonly messageBytesMax: number;
  readonly domainBytesMax: number;
  readonly descriptorsMax: number;
  readonly entriesMax: number;
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
}

/** A voter of the group that grants global quotas. */
export interface QuotaPeer {
  readonly id: string;
  readonly host: string;
  /** Null: `host` is the name of SRV records. */
  readonly port: number | null;
}

/** PEM files. */
export interface QuotaTlsFiles {
  readonly certPath: string;
  readonly keyPath: string;
  readonly caPath: string;
}

export interface QuotaSettings {
  readonly nodeId: string;
  readonly clusterId: string;
  /** The voters; empty: this replica is alone. */
  readonly peers: readonly QuotaPeer[];
  /** Null unless it is one of several voters. */
  readonly listen: Address | null;
  readonly tls: QuotaTlsFiles | null;
  readonly directory: string | null;
  /** Longest wait for the leader's word. */
  readonly timeoutMs: DurationMs;
  /** Which counters in Redis are charged ahead; null: none. */
  readonly promote: { readonly hitsPerSecond: number; readonly keysMax: number } | null;
}

/** What is recorded for people, in the Redis of the counters. */
export interface EventSettings {
  /** Key of the audit's stream, outside a cluster. */
  readonly stream: string;
  /** About how many entries a stream keeps. */
  readonly maxLength: number;
}

export interface Settings {
  readonly server: ServerSettings;
  readonly health: HealthSettings;
  readonly limits: LimitsSettings;
  readonly counters: CounterSettings;
  /** Null when counters are in memory. */
  readonly redis: RedisSettings | null;
  /** Counts the limits per second; null: the one above counts all. */
  readonly redisPerSecond: RedisSettings | null;
  readonly quota: QuotaSettings;
  /** Null: nothing is recorded. */
  readonly events: EventSettings | null;
  readonly modes: ModeSettings;
  readonly response: ResponseSettings;
  readonly metrics: MetricsSettings;
  readonly log: LogSettings;
  readonly bounds: RequestBounds;
}
