/**
 * What tests with clients of other makes share: the real service with one rule that lets exactly so
 * many calls pass as each client makes, plain or with TLS, and the proof that none was lost and none
 * counted twice.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { type Service, startService } from './service.ts';

/** Calls that a client makes; the limit is the same number. */
export const CALLS = 10_000;
export const DOMAIN = 'interop';
export const KEY = 'client';
export const HOST = 'localhost';
/** A client that has not made its calls by then hangs. */
const CLIENT_MS_MAX = 25_000;
/** Reports of clients are a few KiB. */
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

const PEMS = fileURLToPath(new URL('../wire/tls/', import.meta.url));
export const CA_PATH = `${PEMS}ca.pem`;
export const PROTO_DIR = fileURLToPath(new URL('../../proto', import.meta.url));
export const RLS_PROTO = 'envoy/service/ratelimit/v3/rls.proto';

/** A window of a year does not end amid a test. */
const LIMITS = `
domain: ${DOMAIN}
descriptors:
  - key: ${KEY}
    detailed_metric: true
    rate_limit: { unit: year, requests_per_unit: ${CALLS} }
`;

export interface Transport {
  readonly name: string;
  readonly isTls: boolean;
}

export const TRANSPORTS: readonly Transport[] = [
  { name: 'plain', isTls: false },
  { name: 'TLS', isTls: true },
];

/** Without `limits` those for `requestOf`. */
export function startInterop({ isTls }: Transport, limits = LIMITS): Promise<Service> {
  const tls = {
    GRPC_SERVER_USE_TLS: 'true',
    GRPC_SERVER_TLS_CERT: `${PEMS}server.pem`,
    GRPC_SERVER_TLS_KEY: `${PEMS}server.key.pem`,
  };
  return startService({ files: { 'interop.yaml': limits }, env: isTls ? tls : {} });
}

/** The request of a client, in proto3 JSON. */
export function requestOf(client: string): object {
  return { domain: DOMAIN, descriptors: [{ entries: [{ key: KEY, value: client }] }] };
}

/**
 * So many calls of the client were charged, each once and within the limit, and there is room for no
 * more than the limit has left.
 */
export async function expectCharged(
  service: Service,
  client: string,
  calls: number,
): Promise<void> {
  const labels = `{domain="${DOMAIN}",key1="${KEY}_${client}"}`;
  const count = (name: string): Promise<number> =>
    service.metric(`ratelimit_service_rate_limit_${name}${labels}`);
  expect(await count('total_hits')).toBe(calls);
  expect(await count('within_limit')).toBe(calls);
  const answer = await fetch(`http://127.0.0.1:${service.ports.http}/json`, {
    method: 'POST',
    body: JSON.stringify(requestOf(client)),
  });
  const isFull = calls === CALLS;
  const body = (await answer.json()) as { statuses: [{ limitRemaining?: number }] };
  expect(body).toMatchObject({ overallCode: isFull ? 'OVER_LIMIT' : 'OK' });
  expect(body.statuses[0].limitRemaining ?? 0).toBe(isFull ? 0 : CALLS - calls - 1);
}

/** What a client of another make prints. Rejects with it when the client fails or hangs. */
export async function runClient(
  program: string,
  args: readonly string[],
  input?: string,
): Promise<string> {
  const options = { timeout: CLIENT_MS_MAX, maxBuffer: OUTPUT_BYTES_MAX };
  const running = promisify(execFile)(program, args, options);
  if (input !== undefined) running.child.stdin?.end(input);
  const { stdout } = await running;
  return stdout;
}
