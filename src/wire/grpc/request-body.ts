/**
 * The start that unary and streaming calls share: the request's message is read, its handler called.
 */
import type { Http2Stream } from '../http2/stream.ts';
import { GrpcStatus } from '../rpc-server.ts';
import { trailersOnly } from './answer-blocks.ts';
import type { CallTerms } from './call-plan.ts';
import type { GrpcConnection } from './grpc-service.ts';
import { MessageFault, MessageReader, type Outcome, PREFIX_BYTES } from './message-reader.ts';

/** Where a message's prefix is made, just before it is copied out. */
const prefix = new Uint8Array(PREFIX_BYTES);

/** The prefix of a message of so many bytes, valid until the next call. */
export function messagePrefix(length: number): Uint8Array {
  prefix[1] = length >>> 24;
  prefix[2] = length >>> 16;
  prefix[3] = length >>> 8;
  prefix[4] = length;
  return prefix;
}

export function createReader(connection: GrpcConnection, terms: CallTerms): MessageReader {
  const { receiveBytesMax, gunzip } = connection.service.options;
  const budget = connection.assembly;
  return new MessageReader({ isGzip: terms.isGzip, receiveBytesMax, gunzip, budget });
}

/** On the monotonic clock; 0 when the caller named none. */
export function deadlineOf(stream: Http2Stream, terms: CallTerms): number {
  return terms.timeoutMs === 0 ? 0 : stream.openedMs + terms.timeoutMs;
}

/** Answers a message that cannot be taken; null passes on the message, or null for "not yet". */
export function refuseFault(
  connection: GrpcConnection,
  stream: Http2Stream,
  outcome: Outcome,
): Uint8Array | null {
  if (!(outcome instanceof MessageFault)) return outcome;
  connection.service.counters.callsRefused++;
  stream.sender.headOnly(stream, trailersOnly(outcome.status, outcome.text));
  return null;
}

/** What a handler that threw leaves its caller with. */
export const HANDLER_THREW = [GrpcStatus.INTERNAL, 'internal error'] as const;
