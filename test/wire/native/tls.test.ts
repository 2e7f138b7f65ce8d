import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { credentials } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { NativeServer } from '../../../src/wire/native/native-server.ts';
import type { ServerTls } from '../../../src/wire/server-tls.ts';
import { RawClient } from '../grpc-js/raw-client.ts';
import { nativeOptions, pem, type StartedNative, startNative } from './native-fixture.ts';

const PATH = '/weir.test.v1.Echo/Say';
const METHODS = {
  unary: new Map([
    [PATH, (request: Uint8Array, call: { reply(m: Uint8Array): void }) => call.reply(request)],
  ]),
};
const TLS: ServerTls = {
  cert: pem('server'),
  key: pem('server.key'),
  clientCa: null,
  clientSan: '',
};
const MTLS: ServerTls = { ...TLS, clientCa: pem('ca') };

const started: StartedNative[] = [];
const clients: RawClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await Promise.all(started.splice(0).map(({ server }) => server.drain(0)));
});

async function serve(tls: ServerTls): Promise<StartedNative> {
  const running = await startNative(METHODS, { tls, tuning: { lingerMs: 50 } });
  started.push(running);
  return running;
}

function clientOf(port: number, name: string | null): RawClient {
  const own = name === null ? [] : [pem(`${name}.key`), pem(name)];
  const client = new RawClient(`localhost:${port}`, credentials.createSsl(pem('ca'), ...own));
  clients.push(client);
  return client;
}

function closeOf(socket: Socket): Promise<void> {
  socket.on('error', () => {});
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
}

async function outcomeOf(port: number, name: string | null): Promise<number> {
  const { code } = await clientOf(port, name).call(PATH, Uint8Array.of(7));
  return code;
}

describe('TLS', () => {
  it('is refused to peers that do not speak HTTP/2, or no TLS at all', async () => {
    const { server, port } = await serve(TLS);
    const mute = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    await closeOf(mute);
    const other = connectTls({
      port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
    });
    await closeOf(other);
    const plain = connectTcp(port, '127.0.0.1');
    plain.write('GET / HTTP/1.1\r\n\r\n');
    plain.resume();
    await closeOf(plain);
    expect(server.counters.handshakesFailed).toBe(3);
    expect(await outcomeOf(port, null)).toBe(0);
  });
});

describe('reloading certificates', () => {
  it('applies to new connections and leaves open ones alone', async () => {
    const { server, port } = await serve(MTLS);
    const early = clientOf(port, 'envoy');
    expect((await early.call(PATH, Uint8Array.of(1))).code).toBe(0);
    // An authority that signed nobody, and a name that nobody carries.
    server.reloadTls({ ...MTLS, clientCa: pem('stranger'), clientSan: 'nobody' });
    expect(await outcomeOf(port, 'envoy')).toBe(14);
    expect((await early.call(PATH, Uint8Array.of(2))).code).toBe(0);
    server.reloadTls({ ...MTLS, clientSan: 'nobody' });
    expect(await outcomeOf(port, 'envoy')).toBe(16);
    server.reloadTls(MTLS);
    expect(await outcomeOf(port, 'envoy')).toBe(0);
  });

  it('cannot change whether callers need a certificate', async () => {
    const { server, port } = await serve(MTLS);
    expect(() => server.reloadTls(TLS)).toThrow('cannot set or unset GRPC_CLIENT_TLS_CACERT');
    expect(await outcomeOf(port, null)).toBe(14);
  });

  it('keeps what it has when the new texts do not fit', async () => {
    const { server, port } = await serve(TLS);
    expect(() => server.reloadTls({ ...TLS, cert: Buffer.from('x') })).toThrow(
      /^gRPC: GRPC_SERVER/,
    );
    expect(await outcomeOf(port, null)).toBe(0);
  });

  it('is refused on a listener without TLS', async () => {
    const server = new NativeServer(nativeOptions(METHODS));
    expect(() => server.reloadTls(TLS)).toThrow('without GRPC_SERVER_USE_TLS');
  });
});
