/**
 * What runs, in one flat line for the log at start: the choices that explain most questions later.
 */
import type { Settings } from './settings.ts';

/** Field to value. Holds no secret. */
export function describeSettings(settings: Settings): Record<string, string | number | boolean> {
  const { server, limits, counters, redis, metrics, modes, log } = settings;
  const { grpc } = server;
  return {
    grpc: grpc.kind === 'tcp' ? placeText(grpc) : grpc.path,
    listener: server.grpcListener,
    tls: server.grpcTls !== null,
    http: placeText(server.http),
    debug: placeText(server.debug),
    metrics: metricsText(settings),
    backend: counters.backend,
    ...(redis === null ? {} : { redis: redisText(redis.target) }),
    keyFormat: counters.keyFormat,
    overLimitCacheBytes: counters.overLimitCacheBytes,
    limits: limits.directory,
    limitsFrom: limits.directoryFrom,
    shadowMode: modes.shadow,
    quotaMode: modes.quota,
    logLevel: log.level,
    seriesMax: metrics.seriesMax,
  };
}

function metricsText({ metrics, server }: Settings): string {
  if (!metrics.isEnabled) return 'off';
  return `${placeText(metrics.address ?? server.debug)}${metrics.path}`;
}

function redisText(target: NonNullable<Settings['redis']>['target']): string {
  return target.kind === 'tcp' ? placeText(target) : target.path;
}

function placeText({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
