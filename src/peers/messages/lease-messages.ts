/** What holders and the leader say to each other, on the wire. */
import { create } from '@bufbuild/protobuf';
import type {
  CountGrant,
  Grant,
  LeaseAnswer,
  LeaseRefusal,
  LeaseRequest,
  RateGrant,
  Want,
} from '../../core/quota/message.ts';
import type { Quota } from '../../core/quota/quota.ts';
import type { Unit } from '../../core/rules/unit.ts';
import type { WallMs } from '../../core/time.ts';
import {
  Beyond,
  LeaseRequestSchema,
  type LeaseResponse,
  LeaseResponseSchema,
  RefusalReason,
  type Grant as WireGrant,
  type LeaseRequest as WireLeaseRequest,
  type Quota as WireQuota,
  type Report as WireReport,
  type LedgerVersion as WireVersion,
} from '../../gen/weir/peer/v1/peer_pb.ts';
import { amountOf, MalformedMessage, present, wholeOf } from './whole.ts';

/** Of the meaning of lease requests and answers. A leader refuses any other. */
export const LEASE_VERSION = 1;

/** What a voter says to a lease request; `leader` null: it knows of none. */
export type LeaseReply = LeaseAnswer | LeaseRefusal | NotLeader;

export interface NotLeader {
  readonly kind: 'not-leader';
  readonly leader: string | null;
}

const REASONS = [
  ['no-session', RefusalReason.NO_SESSION],
  ['ending', RefusalReason.ENDING],
  ['not-opened', RefusalReason.NOT_OPENED],
] as const;

const BEYONDS = [
  ['ask', Beyond.ASK],
  ['leader', Beyond.LEADER],
  ['over', Beyond.OVER],
] as const;

export function encodeLeaseRequest(request: LeaseRequest, clusterId: string): WireLeaseRequest {
  const { id, instance, incarnation, session, seen, health, report, wants, isLeaving } = request;
  return create(LeaseRequestSchema, {
    caller: { clusterId, nodeId: instance, incarnation: BigInt(incarnation) },
    version: LEASE_VERSION,
    id: BigInt(id),
    session: BigInt(session),
    seen: wireVersionOf(seen),
    health,
    ...(report === null ? {} : { report: wireReportOf(report) }),
    wants: wants.map(({ resource, quota, perSecond, left, need }) => ({
      resource,
      quota: wireQuotaOf(quota),
      perSecond,
      left: BigInt(Math.max(0, left)),
      need: BigInt(need),
    })),
    isLeaving,
  });
}

/** Throws MalformedMessage. Names and quotas are the ledger's to judge. */
export function decodeLeaseRequest(wire: WireLeaseRequest): LeaseRequest {
  const { id, session, seen, health, report, wants, isLeaving } = wire;
  const { nodeId, incarnation } = present(wire.caller, 'its caller');
  return {
    id: wholeOf(id),
    instance: nodeId,
    incarnation: wholeOf(incarnation),
    session: wholeOf(session),
    seen: versionOf(seen),
    health: amountOf(health),
    report: report === undefined ? null : reportOf(report),
    wants: wants.map(
      ({ resource, quota, perSecond, left, need }): Want => ({
        resource,
        quota: decodeQuota(quota),
        perSecond: amountOf(perSecond),
        left: wholeOf(left),
        need: wholeOf(need),
      }),
    ),
    isLeaving,
  };
}

/** `wallMs`: when the request came. */
export function encodeLeaseReply(reply: LeaseReply, wallMs: WallMs): LeaseResponse {
  return create(LeaseResponseSchema, { wallMs, outcome: wireOutcomeOf(reply) });
}

function wireOutcomeOf(reply: LeaseReply) {
  if (reply.kind === 'not-leader') {
    return { case: 'notLeader' as const, value: { leader: reply.leader ?? '' } };
  }
  const head = { id: BigInt(reply.id), version: wireVersionOf(reply.version) };
  if (reply.kind === 'refused') {
    const reason = REASONS.find(([name]) => name === reply.reason)?.[1];
    return { case: 'refused' as const, value: { ...head, reason: reason as RefusalReason } };
  }
  const { session, grantedMs, sequence, grants } = reply;
  const value = {
    ...head,
    session: BigInt(session),
    grantedMs,
    sequence: BigInt(sequence),
    grants: grants.map(wireGrantOf),
  };
  return { case: 'granted' as const, value };
}

/** Throws MalformedMessage, also for an outcome that this version does not know. */
export function decodeLeaseReply({ outcome }: LeaseResponse): LeaseReply {
  switch (outcome.case) {
    case 'notLeader':
      return { kind: 'not-leader', leader: outcome.value.leader || null };
    case 'refused': {
      const { id, version, reason } = outcome.value;
      const known = REASONS.find(([, number]) => number === reason)?.[0];
      const head = { id: wholeOf(id), version: versionOf(version) };
      return { kind: 'refused', ...head, reason: present(known, 'a known reason') };
    }
    case 'granted': {
      const { id, session, version, grantedMs, sequence, grants } = outcome.value;
      return {
        kind: 'granted',
        id: wholeOf(id),
        session: wholeOf(session),
        version: versionOf(version),
        grantedMs: amountOf(grantedMs),
        sequence: wholeOf(sequence),
        grants: grants.map(grantOf).filter((grant) => grant !== null),
      };
    }
    default:
      throw new MalformedMessage('an answer without a known outcome');
  }
}

export function wireQuotaOf(quota: Quota) {
  const { limit, unit } = quota;
  const burst = quota.kind === 'rate' ? { burst: BigInt(quota.burst) } : {};
  return { limit: BigInt(limit), unit, ...burst };
}

/** The numbers of units are those of Envoy on both sides; whether it makes sense is the ledger's to say. */
export function decodeQuota(wire: WireQuota | undefined): Quota {
  const { limit, unit, burst } = present(wire, 'a quota');
  const head = { limit: wholeOf(limit), unit: unit as Unit };
  if (burst === undefined) return { kind: 'count', ...head };
  return { kind: 'rate', ...head, burst: wholeOf(burst) };
}

function wireVersionOf({ term, generation }: { term: number; generation: number }) {
  return { term: BigInt(term), generation: BigInt(generation) };
}

function versionOf(wire: WireVersion | undefined) {
  const { term, generation } = present(wire, 'a version');
  return { term: wholeOf(term), generation: wholeOf(generation) };
}

function wireReportOf({ sequence, items }: NonNullable<LeaseRequest['report']>) {
  return {
    sequence: BigInt(sequence),
    items: items.map(({ resource, window, used, returned }) => ({
      resource,
      window: BigInt(window),
      used: BigInt(used),
      returned: BigInt(returned),
    })),
  };
}

function reportOf({ sequence, items }: WireReport): NonNullable<LeaseRequest['report']> {
  return {
    sequence: wholeOf(sequence),
    items: items.map(({ resource, window, used, returned }) => ({
      resource,
      window: wholeOf(window),
      used: wholeOf(used),
      returned: wholeOf(returned),
    })),
  };
}

function wireGrantOf(grant: Grant) {
  const { resource } = grant;
  const beyond = BEYONDS.find(([name]) => name === grant.beyond)?.[1] as Beyond;
  return { resource, beyond, share: grant.kind === 'count' ? wireCount(grant) : wireRate(grant) };
}

function wireCount(grant: CountGrant) {
  const { window, endsInMs, granted, used, returned, isRevoked, free } = grant;
  const value = {
    window: BigInt(window),
    endsInMs,
    granted: BigInt(granted),
    used: BigInt(used),
    returned: BigInt(returned),
    isRevoked,
    free: BigInt(free),
  };
  return { case: 'count' as const, value };
}

function wireRate({ rate, burst, tokens }: RateGrant) {
  const value = { rate: BigInt(rate), burst: BigInt(burst), tokens: BigInt(tokens) };
  return { case: 'rate' as const, value };
}

/** null for a kind of a newer leader: then the holder has no share of it, which is always safe. */
function grantOf({ resource, beyond: number, share }: WireGrant): Grant | null {
  const beyond = BEYONDS.find(([, known]) => known === number)?.[0] ?? 'ask';
  switch (share.case) {
    case 'count': {
      const { window, endsInMs, granted, used, returned, isRevoked, free } = share.value;
      return {
        kind: 'count',
        resource,
        beyond,
        window: wholeOf(window),
        endsInMs: amountOf(endsInMs),
        granted: wholeOf(granted),
        used: wholeOf(used),
        returned: wholeOf(returned),
        isRevoked,
        free: wholeOf(free),
      };
    }
    case 'rate': {
      const { rate, burst, tokens } = share.value;
      return {
        kind: 'rate',
        resource,
        beyond,
        rate: wholeOf(rate),
        burst: wholeOf(burst),
        tokens: wholeOf(tokens),
      };
    }
    default:
      return null;
  }
}
