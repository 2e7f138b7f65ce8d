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
import { wholeOf } from '../messages/whole.ts';
import { PeerCallError } from '../transport/voter-channel.ts';
import { encodeDecided, type OwnVoter } from './voter-calls.ts';

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
    const { resource, quota, hits } = request;
    const asked = { resource, quota: decodeQuota(quota), hits: wholeOf(hits) };
    return encodeDecided(this.#voter.decide(asked));
  };
}

/** Another meaning must not be guessed at: the holder tries a voter that knows it. */
function assertVersion(version: number): void {
  if (version === LEASE_VERSION) return;
  const details = `leases of version ${version} are not known here, only ${LEASE_VERSION}`;
  throw new PeerCallError(status.FAILED_PRECONDITION, details);
}
