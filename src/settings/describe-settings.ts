/**
 * What runs, in one flat line for the log at start: the choices that explain most questions later.
 */
import type { RedisTarget } from './redis-target.ts';
import type { Settings } from './settings.ts';

/** Field to value. Holds no secret. */
export function describeSettings(settings: Settings): Record<string, string | number | boolean> {
  const { server, limits, counters, metrics, modes, log } = settings;
  const { grpc } = server;
  return {
    grpc: grpc.kind === 'tcp' ? placeText(grpc) : grpc.path,
    listener: server.grpcListener,
    tls: server.grpcTls !== null,
    workers: server.workers,
    http: placeText(server.http),
    debug: placeText(server.debug),
    metrics: metricsText(settings),
    backend: counters.backend,
    ...redisFields(settings),
    ...quotaFields(settings),
    ...(settings.events === null ? {} : { events: settings.events.stream }),
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

function redisFields({ redis, redisPerSecond }: Settings): Record<string, string | boolean> {
  if (redis === null) return {};
  const first = { redis: redisText(redis.target), redisTls: redis.tls !== null };
  if (redisPerSecond === null) return first;
  return { ...first, redisPerSecond: redisText(redisPerSecond.target) };
}

function quotaFields({ quota }: Settings): Record<string, string | number | boolean> {
  const { peers, nodeId, tls } = quota;
  if (peers.length === 0) return {};
  return { quotaNode: nodeId, quotaPeers: peers.length, quotaTls: tls !== null };
}

function redisText(target: RedisTarget): string {
  switch (target.kind) {
    case 'tcp':
      return placeText(target);
    case 'unix':
      return target.path;
    case 'sentinel':
      return `${target.primary} of ${target.sentinels.map(placeText).join(',')}`;
    default:
      return `cluster of ${target.nodes.map(placeText).join(',')}`;
  }
}

function placeText({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
