/** What became of charges of leased limits, and of counters charged ahead, as our own metrics. */
import type { LeasedCounterStore } from '../counters/leased/leased-counter-store.ts';
import type { PrepaidCounterStore } from '../counters/prepaid/prepaid-counter-store.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';

export function registerLeased(telemetry: Telemetry, store: LeasedCounterStore): void {
  const { counts, debts } = store;
  telemetry.register('weir_quota_decisions_total', () =>
    Object.entries(counts.results).map(([result, value]) => ({ labels: { result }, value })),
  );
  telemetry.register('weir_quota_untracked_counters', () => store.untrackedResources);
  telemetry.register('weir_quota_waiting_charges', () => store.waiting);
  telemetry.register('weir_quota_questions_total', () => counts.questions);
  telemetry.register('weir_quota_wasted_hits_total', () => counts.wastedHits);
  telemetry.register('weir_quota_local_hits_total', () => [
    { labels: { outcome: 'paid' }, value: debts.paidHits },
    { labels: { outcome: 'lost' }, value: debts.lostHits },
  ]);
}

export function registerPrepaid(telemetry: Telemetry, store: PrepaidCounterStore): void {
  const { counts } = store;
  telemetry.register('weir_quota_promoted_keys', () => store.keyCount);
  telemetry.register('weir_quota_prepaid_hits_total', () => [
    { labels: { outcome: 'charged' }, value: counts.chargedHits },
    { labels: { outcome: 'spent' }, value: counts.spentHits },
    { labels: { outcome: 'given_back' }, value: counts.givenBackHits },
    { labels: { outcome: 'lost' }, value: counts.lostHits },
  ]);
}

/** Rows of weir_degraded_charges_total. */
export function degradedByLease({ counts }: LeasedCounterStore) {
  return [...counts.degraded].map(([mode, value]) => ({
    labels: { mode, reason: 'lease' },
    value,
  }));
}
