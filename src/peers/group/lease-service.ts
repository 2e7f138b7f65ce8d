/** What this voter answers to lessees elsewhere. */
import { status } from '@grpc/grpc-js';
import type { WallMs } from '../../core/time.ts';
import type {
  LeaseRequest,
  LeaseResponse,
  SpendRequest,
  SpendResponse,
} from '../../gen/weir/peer/v1/peer_pb.ts';
import {
  decodeLeaseRequest,
  decodeQuota,
  encodeLeaseReply,
  LEASE_VERSION,
} from '../messages/lease-messages.ts';
import { amountOf, MalformedMessage, wholeOf } from '../messages/whole.ts';
import { PeerCallError } from '../transport/voter-channel.ts';
import type { Decision } from './lessee.ts';
import { encodeDecided, type OwnVoter } from './voter-calls.ts';

/** A caller that waits longer comes again. */
const WAIT_MS_MAX = 1000;

export class LeaseService {
  readonly #voter: OwnVoter;

  constructor(voter: OwnVoter) {
    this.#voter = voter;
  }

  /** Rejects with MalformedMessage or PeerCallError. `arrivedAt`: when the request came. */
  readonly lease = async (request: LeaseRequest, arrivedAt: WallMs): Promise<LeaseResponse> => {
    assertVersion(request.version);
    const reply = await this.#voter.granting.serve(decodeLeaseRequest(request));
    return encodeLeaseReply(reply, arrivedAt);
  };

  readonly spend = async (request: SpendRequest): Promise<SpendResponse> => {
    assertVersion(request.version);
    const withinMs = Math.min(amountOf(request.withinMs), WAIT_MS_MAX);
    return encodeDecided(await this.#voter.decide(decisionOf(request), withinMs));
  };
}

/** Of none at all nothing is to be decided. */
function decisionOf({ resource, quota, hits: most, least }: SpendRequest): Decision {
  const hits = wholeOf(most);
  const atLeast = wholeOf(least) || hits;
  if (hits === 0 || atLeast > hits) throw new MalformedMessage(`${atLeast} to ${hits} hits`);
  return { resource, quota: decodeQuota(quota), hits, least: atLeast };
}

/** Another meaning must not be guessed at: the holder tries a voter that knows it. */
function assertVersion(version: number): void {
  if (version === LEASE_VERSION) return;
  const details = `leases of version ${version} are not known here, only ${LEASE_VERSION}`;
  throw new PeerCallError(status.FAILED_PRECONDITION, details);
}
