/** The methods of the peers' service as grpc-js wants them: a path, and how messages become bytes. */
import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import {
  ExchangeRequestSchema,
  ExchangeResponseSchema,
  LeaseRequestSchema,
  LeaseResponseSchema,
  PeerService,
  SpendRequestSchema,
  SpendResponseSchema,
} from '../../gen/weir/peer/v1/peer_pb.ts';

/**
 * Of one message. The largest are a lease request of 1,024 wants with the longest names, some 600 KiB, and
 * an append: 256 KiB of entries.
 */
export const MESSAGE_BYTES_MAX = 1024 * 1024;

export interface Side<T> {
  readonly toBytes: (message: T) => Buffer;
  readonly fromBytes: (bytes: Buffer) => T;
}

export interface Method<Request, Response> {
  readonly path: string;
  readonly request: Side<Request>;
  readonly response: Side<Response>;
}

export const EXCHANGE = methodOf('Exchange', ExchangeRequestSchema, ExchangeResponseSchema);
export const LEASE = methodOf('Lease', LeaseRequestSchema, LeaseResponseSchema);
export const SPEND = methodOf('Spend', SpendRequestSchema, SpendResponseSchema);

function methodOf<A extends DescMessage, B extends DescMessage>(
  name: string,
  request: A,
  response: B,
): Method<MessageShape<A>, MessageShape<B>> {
  const path = `/${PeerService.typeName}/${name}`;
  return { path, request: sideOf(request), response: sideOf(response) };
}

function sideOf<D extends DescMessage>(schema: D): Side<MessageShape<D>> {
  return {
    toBytes: (message) => {
      const { buffer, byteOffset, byteLength } = toBinary(schema, message);
      return Buffer.from(buffer, byteOffset, byteLength);
    },
    fromBytes: (bytes) => fromBinary(schema, bytes),
  };
}
