/**
 * Bugs that can be switched on, to prove that a run finds them: those of Raft and of leases are each one line
 * in the code under test, those of the process around it are here.
 */

import type { QuotaFault } from '../../src/core/quota/options.ts';
import type { Fault } from '../../src/core/raft/options.ts';

const RAFT_BUGS = [
  'vote-twice',
  'skip-up-to-date-check',
  'count-duplicate-votes',
  'commit-older-terms',
  'apply-beyond-commit',
  'send-before-durable',
  'skip-previous-check',
  'keep-conflicting-entries',
  'lead-without-quorum',
] as const satisfies readonly Fault[];

const QUOTA_BUGS = [
  'no-drift-margin',
  'extend-from-now',
  'new-leader-does-not-wait',
  'regrant-before-ack',
  'report-twice',
  'accept-lower-generation',
  'deadline-from-receipt',
  'ignore-clock-jump',
] as const satisfies readonly QuotaFault[];

const PROCESS_BUGS = [
  /** What was written is told to be on the disk without a sync. */
  'no-fsync',
  /** A voter whose disk is damaged begins anew under its id. */
  'wiped-voter-returns',
  /** The ledger takes the time of the replica that applies a command, not the command's. */
  'local-time-in-ledger',
] as const;

export type ProcessBug = (typeof PROCESS_BUGS)[number];

export const BUGS: readonly string[] = [...RAFT_BUGS, ...QUOTA_BUGS, ...PROCESS_BUGS];

export interface Bugs {
  readonly raft: ReadonlySet<Fault>;
  readonly quota: ReadonlySet<QuotaFault>;
  readonly process: ReadonlySet<ProcessBug>;
}

/** Throws a RangeError for a name that is none. */
export function bugsOf(names: readonly string[]): Bugs {
  const unknown = names.find((name) => !BUGS.includes(name));
  if (unknown !== undefined) {
    throw new RangeError(`there is no bug ${unknown}; there are ${BUGS.join(', ')}`);
  }
  return {
    raft: new Set(RAFT_BUGS.filter((bug) => names.includes(bug))),
    quota: new Set(QUOTA_BUGS.filter((bug) => names.includes(bug))),
    process: new Set(PROCESS_BUGS.filter((bug) => names.includes(bug))),
  };
}
