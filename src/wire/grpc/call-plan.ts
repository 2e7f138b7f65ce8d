/**
 * What a request's header fields ask for, read once for each different head.
 *
 * `te` may be missing: the reference's server accepts that, and a present one other than `trailers`
 * is malformed HTTP/2 already.
 */
import type { RequestHead } from '../http2/request-head.ts';
import {
  GrpcStatus,
  REQUEST_ID_BYTES_MAX,
  REQUEST_ID_HEADER,
  REQUEST_ID_TOO_LONG,
  type RpcMethods,
  type StreamHandler,
  type UnaryHandler,
} from '../rpc-server.ts';
import { trailersOnly, unknownEncoding } from './answer-blocks.ts';
import { parseGrpcTimeout } from './grpc-timeout.ts';

export type CallPlan = UnaryPlan | StreamPlan | RefusedPlan | PlainPlan;

export interface CallTerms {
  readonly path: string;
  /** From the request's head on; 0 when the caller named none. */
  readonly timeoutMs: number;
  /** Compressed messages are gzip; otherwise there may be none. */
  readonly isGzip: boolean;
  /** '' when the caller gave none. */
  readonly requestId: string;
}

export interface UnaryPlan extends CallTerms {
  readonly kind: 'unary';
  readonly handler: UnaryHandler;
}

export interface StreamPlan extends CallTerms {
  readonly kind: 'stream';
  readonly handler: StreamHandler;
}

/** gRPC that cannot be served: the answer's only block. */
export interface RefusedPlan {
  readonly kind: 'refused';
  readonly block: Uint8Array;
}

/** No gRPC: answered in plain HTTP. */
export interface PlainPlan {
  readonly kind: 'plain';
  readonly httpStatus: number;
  readonly text: string;
}

/** A timeout of nothing is one all the same: 0 stands for none. */
const TIMEOUT_MS_MIN = 1e-6;

export function planCall(head: RequestHead, methods: RpcMethods): CallPlan {
  let contentType = '';
  let timeout = '';
  let encoding = 'identity';
  let requestId = '';
  for (const { name, value } of head.fields) {
    if (name === 'content-type') contentType = value;
    else if (name === 'grpc-timeout') timeout = value;
    else if (name === 'grpc-encoding') encoding = value;
    else if (name === REQUEST_ID_HEADER) requestId = value;
  }
  if (!isGrpc(contentType)) return plain(415, 'content-type must be application/grpc\n');
  if (head.method !== 'POST') return plain(405, 'the method must be POST\n');
  const timeoutMs = timeout === '' ? 0 : parseGrpcTimeout(timeout);
  if (timeoutMs < 0) {
    return refused(trailersOnly(GrpcStatus.INTERNAL, `malformed grpc-timeout: ${timeout}`));
  }
  if (encoding !== 'identity' && encoding !== 'gzip') {
    const text = `grpc-encoding ${encoding} is not supported`;
    return refused(unknownEncoding(GrpcStatus.UNIMPLEMENTED, text));
  }
  if (requestId.length > REQUEST_ID_BYTES_MAX) {
    return refused(trailersOnly(GrpcStatus.INVALID_ARGUMENT, REQUEST_ID_TOO_LONG));
  }
  const terms = {
    path: head.path,
    requestId,
    timeoutMs: timeout === '' ? 0 : Math.max(timeoutMs, TIMEOUT_MS_MIN),
    isGzip: encoding === 'gzip',
  };
  return routed(terms, methods);
}

function routed(terms: CallTerms, methods: RpcMethods): CallPlan {
  const unary = methods.unary.get(terms.path);
  if (unary !== undefined) return { kind: 'unary', handler: unary, ...terms };
  const streaming = methods.serverStreaming.get(terms.path);
  if (streaming !== undefined) return { kind: 'stream', handler: streaming, ...terms };
  return refused(trailersOnly(GrpcStatus.UNIMPLEMENTED, `unknown method ${terms.path}`));
}

/** `application/grpc`, a subtype of it, or either with parameters. */
function isGrpc(contentType: string): boolean {
  return /^application\/grpc(?:$|[+;])/.test(contentType);
}

function plain(httpStatus: number, text: string): PlainPlan {
  return { kind: 'plain', httpStatus, text };
}

function refused(block: Uint8Array): RefusedPlan {
  return { kind: 'refused', block };
}
