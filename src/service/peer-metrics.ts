/** What the group that shares out global quotas counts, as our own metrics. Labels are of closed sets. */
import type { Ledger } from '../core/quota/ledger.ts';
import type { QuotaGroup } from '../peers/group/quota-group.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { monotonicNow } from './clocks.ts';

const CLOCK_STATES = ['good', 'off', 'passive', 'fenced'] as const;

export function registerQuotaGroup(telemetry: Telemetry, group: QuotaGroup): void {
  registerVoter(telemetry, group);
  registerLedger(telemetry, group);
  const { counts } = group;
  telemetry.register('weir_quota_health', () => group.status.health);
  telemetry.register('weir_quota_leased', () =>
    group.status.leasedUntil > monotonicNow() ? 1 : 0,
  );
  telemetry.register('weir_quota_lease_requests_total', () => byOutcome(counts.leases));
  telemetry.register('weir_quota_proposals_total', () => byOutcome(counts.proposals));
  telemetry.register('weir_quota_snapshots_total', () => counts.snapshots);
  telemetry.register('weir_quota_divergences_total', () => counts.divergences);
  telemetry.register('weir_quota_hybrid_times_refused_total', () => counts.timesRefused);
  telemetry.register('weir_quota_excess_hits_total', () => counts.excessHits);
  telemetry.register('weir_quota_messages_total', () =>
    [...counts.messages()].map(({ kind, event, count }) => ({
      labels: { kind, event },
      value: count,
    })),
  );
}

function registerVoter(telemetry: Telemetry, group: QuotaGroup): void {
  telemetry.register('weir_quota_leader', () => (group.status.raft?.leading?.isReady ? 1 : 0));
  telemetry.register('weir_quota_voter_failed', () => (group.status.failure === null ? 0 : 1));
  telemetry.register('weir_quota_term', () => group.status.raft?.term ?? 0);
  telemetry.register('weir_quota_commit_index', () => group.status.raft?.commit ?? 0);
  telemetry.register('weir_quota_applied_index', () => group.status.raft?.applied ?? 0);
  telemetry.register('weir_quota_log_bytes', () => group.status.raft?.logBytes ?? 0);
  telemetry.register('weir_quota_peers', () => group.status.connectedPeers);
  telemetry.register('weir_quota_peer_skew_seconds', () =>
    group.status.skews.map(({ id, skewMs }) => ({ labels: { peer: id }, value: skewMs / 1000 })),
  );
  telemetry.register('weir_quota_clock', () =>
    CLOCK_STATES.map((state) => ({
      labels: { state },
      value: group.status.clock === state ? 1 : 0,
    })),
  );
}

function registerLedger(telemetry: Telemetry, group: QuotaGroup): void {
  telemetry.register('weir_quota_sessions', () => group.ledger?.sessions.size ?? 0);
  telemetry.register('weir_quota_resources', () => group.ledger?.books.size ?? 0);
  telemetry.register('weir_quota_window_hits', () =>
    Object.entries(windowHits(group.ledger)).map(([state, value]) => ({
      labels: { state },
      value,
    })),
  );
}

/** Over all count quotas, each for the window that its page is at. */
function windowHits(ledger: Ledger | null) {
  const sums = { granted: 0, used: 0, returned: 0, stranded: 0 };
  for (const book of ledger?.books.values() ?? []) {
    if (book.kind !== 'count') continue;
    sums.granted += book.totals.granted;
    sums.used += book.totals.used;
    sums.returned += book.totals.returned;
    sums.stranded += book.totals.stranded;
  }
  return sums;
}

function byOutcome(values: Readonly<Record<string, number>>) {
  return Object.entries(values).map(([outcome, value]) => ({ labels: { outcome }, value }));
}
