/** Finds the variable that a mistyped name was probably meant to be. */

/** Slips in a name before it is taken for another one. */
const DISTANCE_MAX = 2;
/** No variable of ours is longer by far; longer names are not compared. */
const NAME_LENGTH_MAX = 64;
/**
 * What a name begins with before it is worth comparing, so that foreign variables stay in peace.
 */
const FAMILIES = [
  'BACKEND_',
  'CACHE_',
  'CONFIG_',
  'DEBUG_',
  'DISABLE_',
  'DRAIN_',
  'EXPIRATION_',
  'FORCE_START_',
  'GRPC_',
  'HEALTHY_',
  'KEY_',
  'LIMIT_',
  'LIMITS_',
  'LOCAL_CACHE_',
  'LOG_',
  'MEMCACHE_',
  'MEMORY_',
  'MERGE_',
  'METRICS_',
  'NEAR_',
  'PROMETHEUS_',
  'QUOTA_',
  'REDIS_',
  'REQUEST_',
  'RESPONSE_',
  'RUNTIME_',
  'SHADOW_',
  'STATS_',
  'STATSD_',
  'STOP_CACHE_',
  'TRACING_',
  'USE_',
  'XDS_CLIENT_',
];

/** The nearest of `names`, or null when `name` is not of their families or too far from all. */
export function nearestName(name: string, names: Iterable<string>): string | null {
  if (name.length > NAME_LENGTH_MAX) return null;
  if (!FAMILIES.some((family) => name.startsWith(family))) return null;
  let nearest: string | null = null;
  let least = DISTANCE_MAX + 1;
  for (const candidate of names) {
    if (Math.abs(candidate.length - name.length) >= least) continue;
    const distance = slips(name, candidate);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

/** Insertions, deletions, exchanges and swaps of neighbours between two names. */
function slips(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const isSame = a[i - 1] === b[j - 1];
      let best = Math.min(
        (last[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (last[j - 1] as number) + (isSame ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (beforeLast[j - 2] as number) + 1);
      }
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] as number;
}
