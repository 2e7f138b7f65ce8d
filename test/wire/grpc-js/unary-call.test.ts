import { Metadata } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { GrpcJsUnaryCall } from '../../../src/wire/grpc-js/unary-call.ts';

type Parameters = ConstructorParameters<typeof GrpcJsUnaryCall>;

it('keeps a reply whose bytes its handler uses again, since the library encodes it later', () => {
  const replies: unknown[] = [];
  const call = { metadata: new Metadata(), getDeadline: () => Number.POSITIVE_INFINITY };
  const unary = new GrpcJsUnaryCall(call as Parameters[0], (_error, reply) => replies.push(reply));
  const bytes = Uint8Array.of(1, 2, 3);
  unary.reply(bytes);
  bytes.fill(9);
  expect(replies).toEqual([Buffer.of(1, 2, 3)]);
});
