/**
 * Clients that others made, against the native listener of the real service, plain and with TLS:
 * every call is answered, every answer is right, and the counter says exactly as many as were made.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SHOULD_RATE_LIMIT } from '../../src/rpc/should-rate-limit.ts';
import { message } from '../support/http2-frames.ts';
import {
  CA_PATH,
  CALLS,
  DOMAIN,
  expectCharged,
  HOST,
  KEY,
  PROTO_DIR,
  RLS_PROTO,
  requestOf,
  runClient,
  startInterop,
  TRANSPORTS,
} from '../support/interop.ts';
import {
  answerLength,
  callByGrpcJs,
  callByNodeHttp2,
  type NodeReport,
  requestBytes,
} from '../support/interop-node-clients.ts';
import { describeWithClient } from '../support/parts.ts';
import type { Service } from '../support/service.ts';

/** One process makes one call, however many messages it is given: 10,000 would take minutes. */
const GRPCURL_CALLS = 40;
const GRPCURL_AT_ONCE = 4;
const PREFIX_BYTES = 5;
const METHOD = SHOULD_RATE_LIMIT.slice(1);

/** Bytes of all answers with their prefixes, from the length of one that says CALLS - 1 places left. */
function allAnswersLength(answerBytes: number): number {
  // A field of three bytes there, of two below 128, and none at all for 0.
  const shorter = 3 + 127;
  return CALLS * (PREFIX_BYTES + answerBytes) - shorter;
}

const ALL_OK = { ok: CALLS, distinct: CALLS } as const;

describe.each(TRANSPORTS)('over $name', (transport) => {
  const { isTls } = transport;
  let service: Service;
  let dir: string;

  beforeAll(async () => {
    service = await startInterop(transport);
    dir = mkdtempSync(join(tmpdir(), 'weir-interop-'));
  });
  afterAll(async () => {
    await service[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  const address = (): string => `${HOST}:${service.ports.grpc}`;

  test.each([
    ['grpc-js', callByGrpcJs],
    ['node-http2', callByNodeHttp2],
  ])(`${CALLS} calls of %s are all answered, each once`, async (client, callBy) => {
    const report: NodeReport = await callBy(service.ports.grpc, transport, CALLS);
    expect(report).toEqual({ ...ALL_OK, failed: [] });
    await expectCharged(service, client, CALLS);
  });

  describeWithClient('goClient', 'grpc-go', (program) => {
    test.each([
      ['grpc-go', 1],
      ['grpc-go-many', 8],
    ])(`${CALLS} calls are all answered, each once (%s)`, async (client, connections) => {
      const args = ['-address', address(), '-domain', DOMAIN, '-key', KEY, '-value', client];
      args.push('-calls', String(CALLS), '-connections', String(connections));
      if (isTls) args.push('-ca', CA_PATH);
      expect(JSON.parse(await runClient(program, args))).toEqual({ ...ALL_OK, failed: {} });
      await expectCharged(service, client, CALLS);
    });

    test(`${CALLS} compressed calls are all answered, each once`, async () => {
      const args = ['-address', address(), '-domain', DOMAIN, '-key', KEY, '-value', 'go-gzip'];
      args.push('-calls', String(CALLS), '-gzip', ...(isTls ? ['-ca', CA_PATH] : []));
      expect(JSON.parse(await runClient(program, args))).toEqual({ ...ALL_OK, failed: {} });
      await expectCharged(service, 'go-gzip', CALLS);
    });
  });

  describeWithClient('h2load', 'h2load', (program) => {
    test(`${CALLS} calls are all answered, each charged once`, async () => {
      const body = join(dir, 'h2load-body');
      writeFileSync(body, message(requestBytes('h2load')));
      const fields = ['content-type: application/grpc', 'te: trailers'].flatMap((f) => ['-H', f]);
      const load = ['-n', String(CALLS), '-c', '10', '-m', '50', '-d', body, ...fields];
      const url = `${isTls ? 'https' : 'http'}://${address()}${SHOULD_RATE_LIMIT}`;
      const said = await runClient(program, [...load, url]);
      expect(said).toContain(
        `requests: ${CALLS} total, ${CALLS} started, ${CALLS} done, ${CALLS} succeeded, ` +
          '0 failed, 0 errored, 0 timeout',
      );
      expect(said).toContain(`status codes: ${CALLS} 2xx, 0 3xx, 0 4xx, 0 5xx`);
      // It looks into no answer, but counts their bytes: each was a message of its length.
      const answer = await answerLength(service.ports.grpc, transport, 'h2load-answer');
      expect(/\((\d+)\) data/.exec(said)?.[1]).toBe(String(allAnswersLength(answer)));
      await expectCharged(service, 'h2load', CALLS);
    });
  });

  describeWithClient('ghz', 'ghz', (program) => {
    test(`${CALLS} calls are all answered, each charged once`, async () => {
      const proto = ['--proto', join(PROTO_DIR, RLS_PROTO), '--import-paths', PROTO_DIR];
      const load = ['-n', String(CALLS), '-c', '50', '--connections', '5', '-O', 'json'];
      const request = ['--call', METHOD, '-d', JSON.stringify(requestOf('ghz'))];
      const secure = isTls ? ['--cacert', CA_PATH] : ['--insecure'];
      const said = await runClient(program, [...proto, ...load, ...request, ...secure, address()]);
      const report = JSON.parse(said) as Record<string, unknown>;
      expect(report).toMatchObject({ count: CALLS, statusCodeDistribution: { OK: CALLS } });
      await expectCharged(service, 'ghz', CALLS);
    });
  });

  describeWithClient('grpcurl', 'grpcurl', (program) => {
    const proto = ['-import-path', PROTO_DIR, '-proto', RLS_PROTO];
    const secure = isTls ? ['-cacert', CA_PATH] : ['-plaintext'];

    test(`${GRPCURL_CALLS} calls, a process each, are all answered, each once`, async () => {
      const args = [...proto, ...secure, '-d', JSON.stringify(requestOf('grpcurl'))];
      const answers: { overallCode: string; statuses: [{ limitRemaining: number }] }[] = [];
      const caller = async (): Promise<void> => {
        for (let i = 0; i < GRPCURL_CALLS / GRPCURL_AT_ONCE; i++) {
          answers.push(JSON.parse(await runClient(program, [...args, address(), METHOD])));
        }
      };
      await Promise.all(Array.from({ length: GRPCURL_AT_ONCE }, caller));
      expect(answers.map(({ overallCode }) => overallCode)).toEqual(
        Array.from({ length: GRPCURL_CALLS }, () => 'OK'),
      );
      const left = new Set(answers.map(({ statuses }) => statuses[0].limitRemaining));
      expect(left.size).toBe(GRPCURL_CALLS);
      await expectCharged(service, 'grpcurl', GRPCURL_CALLS);
    });
  });
});
