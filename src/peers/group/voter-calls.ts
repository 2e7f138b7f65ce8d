/** The way to the voters for a lessee: over the network, or within the process to this replica's own. */
import { create } from '@bufbuild/protobuf';
import type { LeaseRequest } from '../../core/quota/message.ts';
import { SpendResult } from '../../core/quota/spend-result.ts';
import type { NodeId } from '../../core/raft/log-entry.ts';
import type { DurationMs } from '../../core/time.ts';
import {
  type Caller,
  SpendRequestSchema,
  type SpendResponse,
  SpendResponseSchema,
  SpendVerdict,
} from '../../gen/weir/peer/v1/peer_pb.ts';
import type { Clocks } from '../clocks.ts';
import {
  decodeLeaseReply,
  encodeLeaseRequest,
  LEASE_VERSION,
  type LeaseReply,
  type NotLeader,
  wireQuotaOf,
} from '../messages/lease-messages.ts';
import type { PeerTime } from '../messages/peer-time.ts';
import { wholeOf } from '../messages/whole.ts';
import { LEASE, SPEND } from '../transport/peer-rpc.ts';
import type { VoterChannel } from '../transport/voter-channel.ts';
import type { ClockSkew } from './clock-skew.ts';
import type { Granting } from './granting.ts';
import type { Decided, Decision, VoterPort } from './lessee.ts';
import type { PeerCounts } from './peer-counts.ts';

export interface VoterCallsParts {
  readonly caller: Caller;
  readonly channels: ReadonlyMap<NodeId, VoterChannel>;
  /** Of the voter in this process; null while there is none. */
  readonly own: () => OwnVoter | null;
  readonly ownId: NodeId;
  readonly clocks: Clocks;
  readonly skew: ClockSkew;
  readonly counts: PeerCounts;
  readonly time: PeerTime;
}

export interface OwnVoter {
  readonly granting: Granting;
  readonly decide: (asked: Decision, withinMs: DurationMs) => Promise<Decided | NotLeader>;
}

export class VoterCalls implements VoterPort {
  readonly #parts: VoterCallsParts;

  constructor(parts: VoterCallsParts) {
    this.#parts = parts;
  }

  async lease(
    voter: NodeId,
    request: LeaseRequest,
    timeoutMs: DurationMs,
  ): Promise<LeaseReply | null> {
    const { caller, channels, own, ownId, clocks, skew, counts, time } = this.#parts;
    const local = voter === ownId ? own() : null;
    try {
      if (local !== null) return await local.granting.serve(request);
      const sentAt = clocks.monotonic();
      const asked = encodeLeaseRequest(request, caller.clusterId);
      asked.time = time.stamp();
      const response = await channels.get(voter)?.call(LEASE, asked, timeoutMs);
      if (response === undefined) return null;
      time.take(response);
      skew.observe(voter, sentAt, response.wallMs);
      return decodeLeaseReply(response);
    } catch {
      counts.leases.failed += 1;
      return null;
    }
  }

  async spend(
    voter: NodeId,
    asked: Decision,
    timeoutMs: DurationMs,
  ): Promise<Decided | NotLeader | null> {
    const { caller, channels, own, ownId, time } = this.#parts;
    const local = voter === ownId ? own() : null;
    if (local !== null) return await local.decide(asked, timeoutMs);
    const { resource, quota, hits, least } = asked;
    try {
      const request = create(SpendRequestSchema, {
        caller,
        version: LEASE_VERSION,
        resource,
        quota: wireQuotaOf(quota),
        hits: BigInt(hits),
        least: BigInt(least),
        withinMs: timeoutMs,
        time: time.stamp(),
      });
      const response = await channels.get(voter)?.call(SPEND, request, timeoutMs);
      if (response === undefined) return null;
      time.take(response);
      return decidedOf(response);
    } catch {
      return null;
    }
  }
}

export function encodeDecided(decided: Decided | NotLeader): SpendResponse {
  if (decided.kind === 'not-leader') {
    const value = { leader: decided.leader ?? '' };
    return create(SpendResponseSchema, { outcome: { case: 'notLeader', value } });
  }
  const { result, admitted } = decided;
  const value =
    result === SpendResult.ADMITTED
      ? SpendVerdict.ADMITTED
      : result === SpendResult.OVER
        ? SpendVerdict.OVER
        : SpendVerdict.UNDECIDED;
  return create(SpendResponseSchema, {
    outcome: { case: 'verdict', value },
    admitted: BigInt(admitted),
  });
}

/** Throws MalformedMessage. */
function decidedOf({ outcome, admitted }: SpendResponse): Decided | NotLeader {
  if (outcome.case === 'notLeader') {
    return { kind: 'not-leader', leader: outcome.value.leader || null };
  }
  const verdict = outcome.value ?? SpendVerdict.UNDECIDED;
  if (verdict === SpendVerdict.ADMITTED) {
    return { kind: 'decided', result: SpendResult.ADMITTED, admitted: wholeOf(admitted) };
  }
  const result = verdict === SpendVerdict.OVER ? SpendResult.OVER : SpendResult.SHORT;
  return { kind: 'decided', result, admitted: 0 };
}
