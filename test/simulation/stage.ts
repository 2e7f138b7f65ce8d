/**
 * What the parts of a run share. One object, made by the run; parts read it and call what concerns others.
 */
import type { LeaseRequest } from '../../src/core/quota/message.ts';
import type { QuotaOptions } from '../../src/core/quota/options.ts';
import type { Quota } from '../../src/core/quota/quota.ts';
import type { NodeId } from '../../src/core/raft/log-entry.ts';
import type { Message } from '../../src/core/raft/message.ts';
import type { RaftLimits, RaftOptions } from '../../src/core/raft/options.ts';
import type { Random } from '../core/quota/support/random.ts';
import type { Bugs } from './bugs.ts';
import type { LeaseChecks } from './checks/lease-checks.ts';
import type { LedgerChecks } from './checks/ledger-checks.ts';
import type { RaftChecks } from './checks/raft-checks.ts';
import type { EventQueue } from './event-queue.ts';
import type { Machine } from './machine.ts';
import type { Network } from './network.ts';
import type { Replica } from './replica.ts';
import type { Reply, Voter } from './voter.ts';

export interface Stage {
  readonly queue: EventQueue;
  readonly bugs: Bugs;
  readonly quotaOptions: QuotaOptions;
  /** As rules say them now. */
  readonly quotas: Map<string, Quota>;
  readonly network: Network;
  readonly machines: readonly Machine[];
  readonly voters: readonly Voter[];
  readonly replicas: readonly Replica[];
  readonly raftChecks: RaftChecks;
  readonly ledgerChecks: LedgerChecks;
  readonly leaseChecks: LeaseChecks;
  readonly machineRandom: Random;
  readonly workRandom: Random;
  readonly diskRandom: Random;
  /** All is healed, and everybody wants much of what is measured. */
  readonly isMeasured: boolean;
  readonly presentReplicas: number;
  raftOptions(id: NodeId, incarnation: number, limits: RaftLimits): RaftOptions;
  sendRaft(from: Voter, message: Message): void;
  sendRequest(
    from: Machine,
    voter: number,
    request: LeaseRequest,
    receive: (reply: Reply) => void,
  ): void;
  /** A voter leads, and has all that was committed. */
  elected(voter: Voter): void;
  /** The replica gave everything back. */
  hasLeft(replica: Replica): void;
  /** The voter's disk failed: it says nothing any more until its process starts again. */
  voterFailed(voter: Voter): Promise<void>;
}
