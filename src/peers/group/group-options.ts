import type { HybridClock } from '../../core/hlc/hybrid-clock.ts';
import type { QuotaOptions } from '../../core/quota/options.ts';
import type { NodeId } from '../../core/raft/log-entry.ts';
import type { DurationMs } from '../../core/time.ts';
import type { Clocks } from '../clocks.ts';
import type { Resolver } from '../discovery/resolver.ts';
import type { VoterAddress } from '../discovery/voter-place.ts';
import type { PeerTls } from '../transport/peer-tls.ts';
import type { GroupEvent } from './group-event.ts';
import type { HealthReadings } from './health-score.ts';

export interface GroupOptions {
  /** Replicas of other clusters are refused. */
  readonly clusterId: string;
  /** This replica's: a voter's id, or any other name that no other replica has. */
  readonly nodeId: NodeId;
  /** 3 or 5, the same list at every replica; empty: this replica is alone, and the only voter. */
  readonly voters: readonly VoterAddress[];
  /** Where this voter's peers find it; null for who is none, or alone. Port 0 is no use here. */
  readonly listen: { readonly host: string; readonly port: number } | null;
  readonly tls: PeerTls | null;
  /** Of a voter; null only for one that is alone, which then forgets everything at its end. */
  readonly directory: string | null;
  /** T of Raft: see RaftOptions. */
  readonly electionTimeoutMs: DurationMs;
  readonly quota: QuotaOptions;
  readonly clocks: Clocks;
  /** This replica's: it travels with what is said. */
  readonly hybrid: HybridClock;
  readonly resolver: Resolver;
  /** What the service knows of itself. */
  readonly readings: () => Pick<HealthReadings, 'errorRatio' | 'isStoreHealthy'>;
  readonly onEvent: (event: GroupEvent) => void;
}

export function isVoter({ voters, nodeId }: GroupOptions): boolean {
  return voters.length === 0 || voters.some(({ id }) => id === nodeId);
}
