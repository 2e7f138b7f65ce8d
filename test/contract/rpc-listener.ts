/** What every RpcServer does with sockets: listening, TLS, the age of connections, draining. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { StreamHandler, UnaryCall } from '../../src/wire/rpc-server.ts';
import type { ServerTls } from '../../src/wire/server-tls.ts';
import { Child } from '../support/child.ts';
import { RawClient } from '../wire/grpc-js/raw-client.ts';
import { bytes, echo, listenerRig, PATH, unary } from '../wire/listener-fixture.ts';
import type { StartListener } from './rpc-server.ts';

const STREAM = '/weir.test.v1.Echo/Listen';
/** So long that only a bug lets a test wait for it. */
const LONG_MS = 600_000;
const JUNK_RUNS = 50;
const JUNK_MS_MAX = 200;

const echoFirst: StreamHandler = (request, call) => call.send(Uint8Array.from(request));
const pem = (name: string): Buffer =>
  readFileSync(new URL(`../wire/tls/${name}.pem`, import.meta.url));
const TLS: ServerTls = {
  cert: pem('server'),
  key: pem('server.key'),
  clientCa: null,
  clientSan: '',
};
const WITH_CA: ServerTls = { ...TLS, clientCa: pem('ca') };
const WITH_NAME: ServerTls = { ...WITH_CA, clientSan: 'spiffe://weir.test/envoy' };

export function rpcListenerContract(start: StartListener): void {
  describe('listening', () => listening(start));
  describe('TLS', () => encryption(start));
  describe('a connection', () => connections(start));
  describe('draining', () => draining(start));
}

function listening(start: StartListener): void {
  const { serve, clientOf } = listenerRig(start);
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'weir-uds-'));
    return () => rmSync(dir, { recursive: true, force: true });
  });

  it('on a port in use rejects with the address and the variable to change', async () => {
    const { port } = await serve(unary(echo));
    const second = start(unary(echo), { listen: { host: '127.0.0.1', port } });
    await expect(second).rejects.toThrow(
      `gRPC: 127.0.0.1:${port} is already in use: stop the other listener or change GRPC_PORT`,
    );
  });

  it.each([
    ['an address of another machine', '192.0.2.1', 'is not an address of this machine'],
    ['an IPv6 address of another machine', '2001:db8::1', 'gRPC: [2001:db8::1]:0 '],
  ])('on %s rejects with what to change', async (_name, host, text) => {
    await expect(start(unary(echo), { listen: { host, port: 0 } })).rejects.toThrow(text);
  });

  it('serves on a unix socket, and again after a process that left its socket file', async () => {
    const socketPath = join(dir, 'grpc.sock');
    await leaveStaleSocket(socketPath);
    const { port } = await serve(unary(echo), { listen: { socketPath } });
    expect(port).toBe(0);
    expect((await clientOf(`unix:${socketPath}`).call(PATH, bytes(1))).code).toBe(status.OK);
  });

  it('leaves a socket alone that another server answers on', async () => {
    const socketPath = join(dir, 'grpc.sock');
    const other = createServer().listen(socketPath);
    await once(other, 'listening');
    await expect(start(unary(echo), { listen: { socketPath } })).rejects.toThrow(
      `gRPC: ${socketPath} is already in use: stop the other listener or change GRPC_UDS`,
    );
    other.close();
  });

  it('leaves a file alone that is no socket', async () => {
    const socketPath = join(dir, 'precious.txt');
    writeFileSync(socketPath, 'text');
    await expect(start(unary(echo), { listen: { socketPath } })).rejects.toThrow(
      `gRPC: ${socketPath} exists and is no socket: change GRPC_UDS or move it`,
    );
  });

  it('in a directory that does not exist rejects with the cause', async () => {
    const socketPath = join(dir, 'absent', 'grpc.sock');
    await expect(start(unary(echo), { listen: { socketPath } })).rejects.toThrow(socketPath);
  });
}

/** A socket file with nobody behind it: a killed process's. */
async function leaveStaleSocket(path: string): Promise<void> {
  const script = `require('node:net').createServer().listen(process.argv[1], () => console.log('up'))`;
  const child = new Child({ command: [process.execPath, '-e', script, path], env: process.env });
  await child.ready(() => Promise.resolve(child.output.includes('up')));
  await child.stop('SIGKILL');
}

function encryption(start: StartListener): void {
  const { serve } = listenerRig(start);

  async function serveTls(tls: ServerTls): Promise<number> {
    const methods = { ...unary(echo), serverStreaming: new Map([[STREAM, echoFirst]]) };
    return (await serve(methods, { tls })).port;
  }

  function caller(port: number, name: string | null): RawClient {
    const own = name === null ? [] : [pem(`${name}.key`), pem(name)];
    const client = new RawClient(`localhost:${port}`, credentials.createSsl(pem('ca'), ...own));
    onTestFinished(() => client.close());
    return client;
  }

  it.each<[string, ServerTls, string | null, number]>([
    ['without a client CA lets anyone in', TLS, null, status.OK],
    ['with a client CA lets its certificates in', WITH_CA, 'stranger', status.OK],
    ['with a client CA keeps callers without certificate out', WITH_CA, null, status.UNAVAILABLE],
    ['with a client name lets its bearer in', WITH_NAME, 'envoy', status.OK],
    ['with a client name keeps others out', WITH_NAME, 'stranger', status.UNAUTHENTICATED],
  ])('%s', async (_name, tls, own, code) => {
    const port = await serveTls(tls);
    expect((await caller(port, own).call(PATH, bytes(1))).code).toBe(code);
  });

  it('carries large messages', async () => {
    const message = new Uint8Array(1_000_000).fill(5);
    const outcome = await caller(await serveTls(TLS), null).call(PATH, message);
    expect(Buffer.compare(outcome.message as Uint8Array, message)).toBe(0);
  });

  it('checks the client name of streams too', async () => {
    const port = await serveTls(WITH_NAME);
    const feed = caller(port, 'envoy').stream(STREAM, bytes(7));
    expect([...(await feed.next())]).toEqual([7]);
    const refused = caller(port, 'stranger').stream(STREAM, bytes(7));
    expect((await refused.ended).code).toBe(status.UNAUTHENTICATED);
  });

  it.each<[string, ServerTls]>([
    ['a key of another certificate', { ...TLS, key: pem('envoy.key') }],
    ['no PEM at all', { ...TLS, cert: Buffer.from('not a certificate') }],
  ])('with %s does not start and names the variables', async (_name, tls) => {
    await expect(start({}, { tls })).rejects.toThrow('gRPC: GRPC_SERVER_TLS_CERT');
  });
}

function connections(start: StartListener): void {
  const { serve, clientOf } = listenerRig(start);

  it.each([0, 1000])('is told to go away when it has reached its age (grace %d ms)', async (ms) => {
    const options = { connectionAgeMsMax: 50, connectionAgeGraceMs: ms };
    const { port } = await serve(unary(echo), options);
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    session.on('error', () => {});
    const code = await new Promise((resolve) => session.once('goaway', resolve));
    expect(code).toBe(0);
    session.destroy();
    expect((await clientOf(port).call(PATH, bytes(1))).code).toBe(status.OK);
  });

  it('that has reached its age lets its calls finish when there is no end to the grace', async () => {
    const held = Promise.withResolvers<UnaryCall>();
    const options = { connectionAgeMsMax: 30, connectionAgeGraceMs: 0 };
    const { port } = await serve(
      unary((_request, call) => held.resolve(call)),
      options,
    );
    const inFlight = clientOf(port).call(PATH, bytes(1));
    const call = await held.promise;
    // Two younger connections, one after the other: when the second has had to go, the older one was
    // told long before.
    for (let younger = 0; younger < 2; younger += 1) {
      const session = connectHttp2(`http://127.0.0.1:${port}`);
      session.on('error', () => {});
      await new Promise((resolve) => session.once('close', resolve));
    }
    call.reply(bytes(7));
    expect((await inFlight).code).toBe(status.OK);
  });

  it('that sends junk does not disturb others', async () => {
    const { port, logged } = await serve(unary(echo));
    const client = clientOf(port);
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.boolean(), async (junk, isHttp2) => {
        await sendAndClose(port, isHttp2 ? Buffer.concat([preface, junk]) : Buffer.from(junk));
        expect((await client.call(PATH, bytes(1))).code).toBe(status.OK);
      }),
      { numRuns: JUNK_RUNS },
    );
    expect(logged).toEqual([]);
  });
}

function sendAndClose(port: number, data: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(data));
    socket.on('error', () => {});
    socket.once('close', () => resolve());
    socket.resume();
    socket.setTimeout(JUNK_MS_MAX, () => socket.destroy());
  });
}

function draining(start: StartListener): void {
  const { serve, clientOf } = listenerRig(start);

  it('lets a call in flight finish, refuses new ones, ends streams, and resolves', async () => {
    const held = Promise.withResolvers<UnaryCall>();
    const { server, port } = await serve({
      ...unary((_request, call) => held.resolve(call)),
      serverStreaming: new Map([[STREAM, echoFirst]]),
    });
    const client = clientOf(port);
    const inFlight = client.call(PATH, bytes(1));
    const feed = client.stream(STREAM, bytes(9));
    const call = await held.promise;
    await feed.next();

    const drained = server.drain(LONG_MS);
    expect(await feed.ended).toEqual({
      code: status.UNAVAILABLE,
      text: 'the server is shutting down',
    });
    const refused = await clientOf(port).call(PATH, bytes(2));
    expect(refused.code).toBe(status.UNAVAILABLE);
    call.reply(bytes(4));
    expect(await inFlight).toMatchObject({ code: status.OK, message: Buffer.from([4]) });
    await drained;
    expect(server.drain(1)).toBe(server.drain(2));
  });

  it('cuts what has not finished within the grace', async () => {
    const held = Promise.withResolvers<UnaryCall>();
    const { server, port } = await serve(unary((_request, call) => held.resolve(call)));
    const inFlight = clientOf(port).call(PATH, bytes(1), null);
    const call = await held.promise;
    await server.drain(20);
    expect((await inFlight).code).not.toBe(status.OK);
    call.reply(bytes(4));
  });

  it('resolves at once when there is no connection', async () => {
    const { server } = await serve(unary(echo));
    await server.drain(LONG_MS);
  });

  it.each([
    ['amid its TLS handshake', TLS],
    ['that says nothing and never closes', null],
  ])('does not wait beyond the grace for a connection %s', async (_name, tls) => {
    const { server, port } = await serve(unary(echo), { tls });
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => {});
    await once(socket, 'connect');
    await server.drain(10);
    socket.destroy();
  });
}
