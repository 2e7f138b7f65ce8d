import { readFileSync } from 'node:fs';
import { credentials, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { carriesName, type ServerTls } from '../../../src/wire/server-tls.ts';
import { RawClient, type StartedServer, startServer } from './raw-client.ts';

const UNARY = '/weir.test.v1.Echo/Say';
const STREAM = '/weir.test.v1.Echo/Listen';
const pem = (name: string): Buffer => readFileSync(new URL(`../tls/${name}.pem`, import.meta.url));

const SERVER: ServerTls = {
  cert: pem('server'),
  key: pem('server.key'),
  clientCa: null,
  clientSan: '',
};
const WITH_CA: ServerTls = { ...SERVER, clientCa: pem('ca') };
const WITH_NAME: ServerTls = { ...WITH_CA, clientSan: 'spiffe://weir.test/envoy' };

let running: StartedServer | null = null;
const clients: RawClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await running?.server.drain(0);
  running = null;
});

async function serve(tls: ServerTls): Promise<number> {
  running = await startServer(
    {
      unary: new Map([[UNARY, (request, call) => call.reply(request)]]),
      serverStreaming: new Map([[STREAM, (request, call) => call.send(request)]]),
    },
    { tls },
  );
  return running.port;
}

function caller(port: number, name: string | null): RawClient {
  const own = name === null ? [] : [pem(`${name}.key`), pem(name)];
  const client = new RawClient(
    `localhost:${port}`,
    credentials.createSsl(pem('ca'), own[0] ?? null, own[1] ?? null),
  );
  clients.push(client);
  return client;
}

describe('TLS', () => {
  it.each<[string, ServerTls, string | null, number]>([
    ['without a client CA lets anyone in', SERVER, null, status.OK],
    ['with a client CA lets its certificates in', WITH_CA, 'stranger', status.OK],
    ['with a client CA keeps callers without certificate out', WITH_CA, null, status.UNAVAILABLE],
    ['with a client name lets its bearer in', WITH_NAME, 'envoy', status.OK],
    ['with a client name keeps others out', WITH_NAME, 'stranger', status.UNAUTHENTICATED],
  ])('%s', async (_name, tls, own, code) => {
    const port = await serve(tls);
    expect((await caller(port, own).call(UNARY, Uint8Array.of(1))).code).toBe(code);
  });

  it('checks the client name of streams too', async () => {
    const port = await serve(WITH_NAME);
    const feed = caller(port, 'envoy').stream(STREAM, Uint8Array.of(7));
    expect([...(await feed.next())]).toEqual([7]);
    const refused = caller(port, 'stranger').stream(STREAM, Uint8Array.of(7));
    expect((await refused.ended).code).toBe(status.UNAUTHENTICATED);
  });

  it.each<[string, ServerTls]>([
    ['a key of another certificate', { ...SERVER, key: pem('envoy.key') }],
    ['no PEM at all', { ...SERVER, cert: Buffer.from('not a certificate') }],
  ])('with %s does not start and names the variables', async (_name, tls) => {
    await expect(startServer({}, { tls })).rejects.toThrow('gRPC: GRPC_SERVER_TLS_CERT');
  });
});

describe('a name in a certificate', () => {
  it.each([
    ['the first of several', 'DNS:envoy.test, URI:spiffe://a/b', 'envoy.test', true],
    ['the last of several', 'DNS:envoy.test, URI:spiffe://a/b', 'spiffe://a/b', true],
    ['only a part of one', 'DNS:envoy.test', 'envoy', false],
    ['hidden in a quoted one', 'DNS:"x, DNS:envoy.test"', 'envoy.test', false],
    ['none', undefined, 'envoy.test', false],
  ])('that is %s', (_name, names, wanted, isCarried) => {
    const certificate = names === undefined ? {} : { subjectaltname: names };
    expect(carriesName({ sslPeerCertificate: certificate }, wanted)).toBe(isCarried);
  });

  it('is carried by no one without a certificate', () => {
    expect(carriesName({}, 'envoy.test')).toBe(false);
  });
});
