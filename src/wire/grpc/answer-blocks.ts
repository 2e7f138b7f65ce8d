/**
 * Header blocks of answers. Those of successful calls are the same bytes every time.
 */

import type { AnswerBlocks } from '../http2/frame-sender.ts';
import { encodeHeaders } from '../http2/hpack/encoder.ts';
import { encodeGrpcMessage } from './grpc-message.ts';

const HEAD = [
  [':status', '200'],
  ['content-type', 'application/grpc'],
] as const;

/** What surrounds the message of a call that went well. */
export const OK_BLOCKS: AnswerBlocks = {
  head: encodeHeaders(HEAD),
  trailers: encodeHeaders([['grpc-status', '0']]),
};

/** Trailers after messages. */
export function statusTrailers(status: number, message: string): Uint8Array {
  return encodeHeaders(statusFields(status, message));
}

/** An answer without messages is one block ("trailers-only"). */
export function trailersOnly(status: number, message: string): Uint8Array {
  return encodeHeaders([...HEAD, ...statusFields(status, message)]);
}

/** The answer to an encoding that is not understood names those that are. */
export function unknownEncoding(status: number, message: string): Uint8Array {
  const known = ['grpc-accept-encoding', 'identity,gzip'] as const;
  return encodeHeaders([...HEAD, known, ...statusFields(status, message)]);
}

/** An answer to what is no gRPC at all. */
export function plainHead(httpStatus: number): Uint8Array {
  return encodeHeaders([
    [':status', String(httpStatus)],
    ['content-type', 'text/plain; charset=utf-8'],
  ]);
}

function statusFields(status: number, message: string): (readonly [string, string])[] {
  const fields: (readonly [string, string])[] = [['grpc-status', String(status)]];
  if (message !== '') fields.push(['grpc-message', encodeGrpcMessage(message)]);
  return fields;
}
