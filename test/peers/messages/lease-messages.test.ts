import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import type { LeaseRequest } from '../../../src/core/quota/message.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import { LeaseRequestSchema, LeaseResponseSchema } from '../../../src/gen/weir/peer/v1/peer_pb.ts';
import {
  decodeLeaseReply,
  decodeLeaseRequest,
  encodeLeaseReply,
  encodeLeaseRequest,
  type LeaseReply,
} from '../../../src/peers/messages/lease-messages.ts';
import { MalformedMessage } from '../../../src/peers/messages/whole.ts';

const seen = { term: 3, generation: 17 };

const REQUESTS: readonly LeaseRequest[] = [
  {
    id: 1,
    instance: 'replica-1',
    incarnation: 1_790_000_000_000,
    session: 0,
    seen: { term: 0, generation: 0 },
    health: 1,
    report: null,
    wants: [],
    isLeaving: false,
  },
  {
    id: 2,
    instance: 'replica-1',
    incarnation: 5,
    session: 9,
    seen,
    health: 0.25,
    report: { sequence: 4, items: [{ resource: 'a', window: 60_000, used: 3, returned: 1 }] },
    wants: [
      {
        resource: 'a',
        quota: { kind: 'count', limit: 10, unit: Unit.WEEK },
        perSecond: 1.5,
        left: 2,
        need: 5,
      },
      {
        resource: 'ü',
        quota: { kind: 'rate', limit: 2 ** 32 - 1, unit: Unit.SECOND, burst: 1 },
        perSecond: 0,
        left: 0,
        need: 0,
      },
    ],
    isLeaving: true,
  },
];

const REPLIES: readonly LeaseReply[] = [
  { kind: 'not-leader', leader: null },
  { kind: 'not-leader', leader: 'b' },
  { kind: 'refused', id: 4, version: seen, reason: 'no-session' },
  { kind: 'refused', id: 4, version: seen, reason: 'ending' },
  { kind: 'refused', id: 4, version: seen, reason: 'not-opened' },
  {
    kind: 'granted',
    id: 5,
    session: 9,
    version: seen,
    grantedMs: 9_870,
    sequence: 4,
    grants: [
      {
        kind: 'count',
        resource: 'a',
        window: 60_000,
        endsInMs: 12.5,
        granted: 10,
        used: 3,
        returned: 1,
        isRevoked: true,
        free: 4,
        beyond: 'over',
      },
      { kind: 'rate', resource: 'b', rate: 100, burst: 7, tokens: 7, beyond: 'leader' },
      { kind: 'rate', resource: 'c', rate: 0, burst: 0, tokens: 0, beyond: 'ask' },
    ],
  },
];

describe('a lease request', () => {
  it.each(REQUESTS)('$id arrives as it was sent', (request) => {
    const bytes = toBinary(LeaseRequestSchema, encodeLeaseRequest(request, 'shop'));
    expect(decodeLeaseRequest(fromBinary(LeaseRequestSchema, bytes))).toEqual(request);
  });

  it.each([
    ['no caller', {}],
    ['no version', { caller: {} }],
    ['a health that is no number', { caller: {}, seen: {}, health: Number.NaN }],
    ['a want of no quota', { caller: {}, seen: {}, wants: [{ resource: 'a' }] }],
    [
      'a want of less than nothing',
      { caller: {}, seen: {}, wants: [{ quota: {}, perSecond: -1 }] },
    ],
  ])('with %s makes no sense', (_what, fields) => {
    expect(() => decodeLeaseRequest(create(LeaseRequestSchema, fields))).toThrow(MalformedMessage);
  });
});

describe('an answer', () => {
  it.each(REPLIES)('of kind $kind arrives as it was sent', (reply) => {
    const bytes = toBinary(LeaseResponseSchema, encodeLeaseReply(reply, 1_790_000_000_000.25));
    const response = fromBinary(LeaseResponseSchema, bytes);
    expect(response.wallMs).toBe(1_790_000_000_000.25);
    expect(decodeLeaseReply(response)).toEqual(reply);
  });

  it('leaves out grants of kinds that are not known: there is no share then', () => {
    const value = { version: {}, grants: [{ resource: 'a' }] };
    const response = create(LeaseResponseSchema, { outcome: { case: 'granted', value } });
    expect(decodeLeaseReply(response)).toMatchObject({ kind: 'granted', grants: [] });
  });

  it.each([
    ['no outcome', {}],
    [
      'a reason that is not known',
      { outcome: { case: 'refused' as const, value: { version: {} } } },
    ],
  ])('with %s makes no sense', (_what, fields) => {
    expect(() => decodeLeaseReply(create(LeaseResponseSchema, fields))).toThrow(MalformedMessage);
  });
});
