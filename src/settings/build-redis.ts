/**
 * The settings of the Redis that holds the counters, and of the second one for limits per second,
 * which has variables of its own for where it is and how it is logged in to, and shares the rest.
 */
import { breakerThresholds } from './breaker-thresholds.ts';
import type { Findings } from './build-settings.ts';
import { parseRedisAuth, parseRedisUrl, placeAt, type RedisPlace } from './redis-target.ts';
import type { RedisSettings, RedisTlsFiles } from './settings.ts';

/** Prefix of the variables of each. */
type Which = 'REDIS' | 'REDIS_PERSECOND';

const TLS_FILES = ['REDIS_TLS_CACERT', 'REDIS_TLS_CLIENT_CERT', 'REDIS_TLS_CLIENT_KEY'] as const;
/** What only says something of the second Redis. */
const SECOND_ONLY = [
  'REDIS_PERSECOND_URL',
  'REDIS_PERSECOND_TYPE',
  'REDIS_PERSECOND_SOCKET_TYPE',
  'REDIS_PERSECOND_AUTH',
  'REDIS_PERSECOND_SENTINEL_AUTH',
  'REDIS_PERSECOND_TLS',
  'REDIS_PERSECOND_TIMEOUT',
] as const;

export interface BothRedis {
  readonly redis: RedisSettings | null;
  readonly redisPerSecond: RedisSettings | null;
}

export function bothRedisOf(findings: Findings, backend: 'redis' | 'memory'): BothRedis {
  const { values, isSet, notes } = findings;
  if (backend === 'memory') {
    if (values.REDIS_PERSECOND) {
      notes.push('REDIS_PERSECOND has no effect, as counters are in memory: set REDIS_URL');
    }
    return { redis: null, redisPerSecond: null };
  }
  const breakers = breakerThresholds(values, findings.problems);
  const redis = redisOf(findings, 'REDIS', breakers);
  checkBatch(findings);
  const redisPerSecond = values.REDIS_PERSECOND
    ? redisOf(findings, 'REDIS_PERSECOND', breakers)
    : null;
  if (redisPerSecond === null) {
    for (const name of SECOND_ONLY) {
      if (isSet(name)) notes.push(`${name} has no effect while REDIS_PERSECOND is false`);
    }
  }
  if (redis.tls === null && (redisPerSecond?.tls ?? null) === null) noteUnusedTls(findings);
  return { redis, redisPerSecond };
}

function redisOf(
  findings: Findings,
  which: Which,
  breakers: RedisSettings['breakers'],
): RedisSettings {
  const { values } = findings;
  const { isSecure, ...place } = placeOf(findings, which);
  const auth = values[`${which}_AUTH`];
  const usesTls = values[`${which}_TLS`] || isSecure;
  return {
    ...place,
    ...(auth === '' ? {} : parseRedisAuth(auth)),
    target: withSentinelAuth(findings, which, place.target),
    tls: usesTls ? tlsOf(findings) : null,
    timeoutMs: Math.ceil(values[`${which}_TIMEOUT`]),
    batchChargesMax: values.REDIS_BATCH_CHARGES_MAX,
    queuedRequestsMax: values.REDIS_QUEUED_REQUESTS_MAX,
    breakers,
  };
}

function placeOf({ values, isSet, problems, notes }: Findings, which: Which): RedisPlace {
  const type = values[`${which}_TYPE`];
  const socketType = isSet(`${which}_SOCKET_TYPE`) ? values[`${which}_SOCKET_TYPE`] : null;
  if (type === 'CLUSTER' && values.KEY_FORMAT === 'reference') {
    problems.push(
      `${which}_TYPE=CLUSTER and KEY_FORMAT=reference: the reference's keys have no place for what ` +
        'keeps the counters of a request on one node; use KEY_FORMAT=exact',
    );
  }
  if (type === 'CLUSTER' && values.CACHE_KEY_PREFIX.includes('{')) {
    problems.push(
      `CACHE_KEY_PREFIX must not hold a {, as ${which}_TYPE=CLUSTER: it would be taken for what ` +
        'spreads the counters over the nodes',
    );
  }
  const result = parseRedisUrl(values[`${which}_URL`], type, socketType);
  if ('place' in result) {
    if (result.isTcpAssumed) {
      notes.push(`${which}_SOCKET_TYPE is unset: ${which}_URL is no path, so tcp is used`);
    }
    return result.place;
  }
  const examples = {
    SINGLE: 'localhost:6379',
    SENTINEL: 'mymaster,sentinel-1:26379,sentinel-2:26379',
    CLUSTER: 'node-1:6379,node-2:6379',
  };
  const told = 'text' in result ? `: ${result.text}` : ` must be ${result.expected}`;
  problems.push(`${which}_URL=***${told}; for example ${which}_URL=${examples[type]}`);
  return placeAt({ kind: 'unix', path: '' });
}

function withSentinelAuth(
  { values, isSet, notes }: Findings,
  which: Which,
  target: RedisPlace['target'],
): RedisPlace['target'] {
  const auth = values[`${which}_SENTINEL_AUTH`];
  if (target.kind !== 'sentinel') {
    const type = values[`${which}_TYPE`];
    if (isSet(`${which}_SENTINEL_AUTH`) && type !== 'SENTINEL') {
      notes.push(`${which}_SENTINEL_AUTH has no effect with ${which}_TYPE=${type}`);
    }
    return target;
  }
  return auth === '' ? target : { ...target, ...parseRedisAuth(auth) };
}

function tlsOf({ values, isSet, problems }: Findings): RedisTlsFiles {
  const pair = ['REDIS_TLS_CLIENT_CERT', 'REDIS_TLS_CLIENT_KEY'] as const;
  const [unset] = pair.filter((name) => !isSet(name));
  if (unset !== undefined && pair.some((name) => isSet(name))) {
    const set = pair.find((name) => name !== unset);
    const text = `${unset} must name a PEM file, as ${set} does`;
    // Both may ask for it.
    if (!problems.includes(text)) problems.push(text);
  }
  const [caPath, certPath, keyPath] = TLS_FILES.map((name) => values[name] || null);
  return {
    caPath: caPath ?? null,
    certPath: certPath ?? null,
    keyPath: keyPath ?? null,
    skipsHostnameVerification: values.REDIS_TLS_SKIP_HOSTNAME_VERIFICATION,
  };
}

function noteUnusedTls({ values, isSet, notes }: Findings): void {
  for (const name of TLS_FILES) {
    if (isSet(name)) notes.push(`${name} has no effect while REDIS_TLS is false`);
  }
  if (values.REDIS_TLS_SKIP_HOSTNAME_VERIFICATION) {
    notes.push('REDIS_TLS_SKIP_HOSTNAME_VERIFICATION has no effect while REDIS_TLS is false');
  }
}

/** A request goes to Redis in one call: one that may hold more would fail whenever it does. */
function checkBatch({ values, problems }: Findings): void {
  const { REDIS_BATCH_CHARGES_MAX: charges, REQUEST_DESCRIPTORS_MAX: descriptors } = values;
  if (charges >= descriptors) return;
  problems.push(
    `REDIS_BATCH_CHARGES_MAX=${charges} must be at least REQUEST_DESCRIPTORS_MAX=${descriptors}, ` +
      'as the descriptors of a request are counted in one call: raise the one or lower the other',
  );
}
