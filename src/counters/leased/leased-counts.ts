/** What became of charges of leased limits: for metrics. Labels are of closed sets. */
import type { FailureMode } from '../../core/verdict/failure-mode.ts';

export type LeaseResult =
  /** Admitted by this replica's own share. */
  | 'share'
  /** Admitted by the leader, which was asked. */
  | 'leader'
  | 'over'
  /** Over, since the share is used up and the leader did not say in time whether there is more. */
  | 'withheld'
  /** Nobody could say in time: answered by the failure mode. */
  | 'lapsed'
  /** More limits than one replica or the ledger can lease, or a key that is too long: counted in the store. */
  | 'untracked';

export class LeasedCounts {
  readonly results: Record<LeaseResult, number> = {
    share: 0,
    leader: 0,
    over: 0,
    withheld: 0,
    lapsed: 0,
    untracked: 0,
  };
  /** Charges that were answered by their failure modes. */
  readonly degraded = new Map<FailureMode, number>();
  /** Questions to the leader. */
  questions = 0;
  /** Hits that the leader admitted, and that nobody waited for any more. */
  wastedHits = 0;

  degrade(mode: FailureMode): void {
    this.results.lapsed += 1;
    this.degraded.set(mode, (this.degraded.get(mode) ?? 0) + 1);
  }
}
