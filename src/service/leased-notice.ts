/**
 * What an operator must know when leased limits are loaded where they are not shared as the files promise:
 * once, and again when they come back after there were none.
 */
import type { RuleSet } from '../core/rules/rule-set.ts';
import type { Settings } from '../settings/settings.ts';
import type { Logger } from '../telemetry/logger.ts';

/** To be told of each rule set that is put in force; says whether it has any. `workers`: processes that answer. */
export function leasedNotice(
  settings: Settings,
  workers: number,
  logger: Logger,
): (set: RuleSet) => boolean {
  const text = noticeOf(settings, workers);
  let wasLeased = false;
  return (set) => {
    const rules = leasedRules(set);
    if (text !== null && rules > 0 && !wasLeased) logger.warn(text, { rules });
    wasLeased = rules > 0;
    return wasLeased;
  };
}

function noticeOf({ redis, quota, counters }: Settings, workers: number): string | null {
  if (workers > 1) {
    return 'limits with quota: leased are counted in Redis like all others: WORKERS is more than 1';
  }
  if (quota.peers.length > 0 && counters.localReplicas < quota.peers.length) {
    return (
      'limits with quota: leased: without a leader each replica whose failure mode is local admits its part of a limit, ' +
      'as LOCAL_LIMITER_REPLICAS says how many there are: set it'
    );
  }
  if (redis === null || quota.peers.length > 0) return null;
  return (
    'limits with quota: leased are granted by this replica to itself: each replica that counts in this Redis ' +
    'would admit them in full; QUOTA_PEERS makes them share'
  );
}

function leasedRules({ domains }: RuleSet): number {
  let count = 0;
  for (const { leased } of domains.values()) count += leased.length;
  return count;
}
