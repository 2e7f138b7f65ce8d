/** Clients made here on libraries of others: @grpc/grpc-js and node:http2. */
import { readFileSync } from 'node:fs';
import { type ClientHttp2Session, connect } from 'node:http2';
import { create, fromBinary, fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { Client, credentials } from '@grpc/grpc-js';
import {
  RateLimitRequestSchema,
  type RateLimitResponse,
  RateLimitResponse_Code,
  RateLimitResponseSchema,
} from '../../src/gen/envoy/service/ratelimit/v3/rls_pb.ts';
import { SHOULD_RATE_LIMIT } from '../../src/rpc/should-rate-limit.ts';
import { message } from './http2-frames.ts';
import { CA_PATH, HOST, requestOf, type Transport } from './interop.ts';

/** Calls under way at once. */
const UNDER_WAY = 200;
const CALL_MS_MAX = 20_000;
const PREFIX_BYTES = 5;

export interface NodeReport {
  readonly ok: number;
  /** Places left that differ among the answers. */
  readonly distinct: number;
  /** Everything else, each by what it was. */
  readonly failed: readonly string[];
}

/** Makes one call; its message's answer, or what went wrong. */
type Call = (done: (answer: Uint8Array | string) => void) => void;

export function requestBytes(client: string): Buffer {
  const request = fromJson(RateLimitRequestSchema, requestOf(client) as JsonValue);
  return Buffer.from(toBinary(RateLimitRequestSchema, create(RateLimitRequestSchema, request)));
}

function grpcJsClient(port: number, { isTls }: Transport): Client {
  const creds = isTls ? credentials.createSsl(readFileSync(CA_PATH)) : credentials.createInsecure();
  return new Client(`${HOST}:${port}`, creds);
}

const same = (bytes: Buffer): Buffer => bytes;

/** Bytes of one answer's message; rejects when the call fails. */
export async function answerLength(
  port: number,
  transport: Transport,
  name: string,
): Promise<number> {
  const client = grpcJsClient(port, transport);
  try {
    return await new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + CALL_MS_MAX };
      const request = requestBytes(name);
      client.makeUnaryRequest(SHOULD_RATE_LIMIT, same, same, request, options, (error, answer) => {
        if (error === null && answer !== undefined) resolve(answer.length);
        else reject(error ?? new Error('no answer'));
      });
    });
  } finally {
    client.close();
  }
}

export async function callByGrpcJs(
  port: number,
  transport: Transport,
  calls: number,
): Promise<NodeReport> {
  const client = grpcJsClient(port, transport);
  const request = requestBytes('grpc-js');
  const report = await makeCalls(calls, (done) => {
    const options = { deadline: Date.now() + CALL_MS_MAX };
    client.makeUnaryRequest(SHOULD_RATE_LIMIT, same, same, request, options, (error, answer) => {
      done(error === null && answer !== undefined ? answer : String(error));
    });
  });
  client.close();
  return report;
}

export async function callByNodeHttp2(
  port: number,
  { isTls }: Transport,
  calls: number,
): Promise<NodeReport> {
  const scheme = isTls ? 'https' : 'http';
  const session = connect(`${scheme}://${HOST}:${port}`, { ca: readFileSync(CA_PATH) });
  const body = message(requestBytes('node-http2'));
  const report = await makeCalls(calls, (done) => requestOnce(session, body, done));
  session.close();
  return report;
}

function requestOnce(
  session: ClientHttp2Session,
  body: Buffer,
  done: (answer: Uint8Array | string) => void,
): void {
  const stream = session.request({
    ':method': 'POST',
    ':path': SHOULD_RATE_LIMIT,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const parts: Buffer[] = [];
  let fault = '';
  stream.on('response', (head) => {
    if (head[':status'] !== 200) fault = `:status ${head[':status']}`;
  });
  let status: unknown = 'none';
  stream.on('trailers', (trailers) => {
    status = trailers['grpc-status'];
  });
  stream.on('data', (part: Buffer) => parts.push(part));
  stream.on('error', (error) => {
    fault = error.message;
  });
  stream.on('close', () => {
    if (fault === '' && status !== '0') fault = `grpc-status ${String(status)}`;
    const bytes = Buffer.concat(parts);
    const isWhole =
      bytes.length >= PREFIX_BYTES && bytes.readUInt32BE(1) === bytes.length - PREFIX_BYTES;
    if (fault === '' && !isWhole) fault = 'not one whole message';
    done(fault === '' ? bytes.subarray(PREFIX_BYTES) : fault);
  });
  stream.end(body);
}

function makeCalls(calls: number, call: Call): Promise<NodeReport> {
  const failed: string[] = [];
  const left = new Set<number>();
  let [ok, started, ended] = [0, 0, 0];
  return new Promise((resolve) => {
    const next = (): void => {
      if (started === calls) return;
      started++;
      call((answer) => {
        const fault = typeof answer === 'string' ? answer : faultOf(answer, left);
        if (fault === '') ok++;
        else failed.push(fault);
        if (++ended === calls) resolve({ ok, distinct: left.size, failed });
        else next();
      });
    };
    for (let i = 0; i < UNDER_WAY; i++) next();
  });
}

/** '' for an answer that lets the request pass; its places left are noted. */
function faultOf(bytes: Uint8Array, left: Set<number>): string {
  let response: RateLimitResponse;
  try {
    response = fromBinary(RateLimitResponseSchema, bytes);
  } catch (error) {
    return String(error);
  }
  const [status] = response.statuses;
  if (response.overallCode !== RateLimitResponse_Code.OK || status === undefined) {
    return `overall code ${response.overallCode}, ${response.statuses.length} statuses`;
  }
  left.add(status.limitRemaining);
  return '';
}
