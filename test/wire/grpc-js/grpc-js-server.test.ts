import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect, createServer, type Server as NetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { STATUS_TEXT_LENGTH_MAX } from '../../../src/wire/grpc-js/status-text.ts';
import { STREAM_BACKLOG_MAX } from '../../../src/wire/grpc-js/stream-call.ts';
import {
  GrpcStatus,
  type StreamCall,
  type UnaryCall,
  type UnaryHandler,
} from '../../../src/wire/rpc-server.ts';
import { bytes, echo, listenerRig, PATH, streaming, unary } from '../listener-fixture.ts';
import { startServer } from './raw-client.ts';

const OTHER = '/weir.test.v1.Echo/Other';

const { serve, clientOf } = listenerRig(startServer);

describe('a unary call', () => {
  it.each([
    ['no bytes', bytes()],
    ['some bytes', bytes(0, 1, 255)],
    ['a message of many frames', new Uint8Array(300_000).fill(7)],
  ])('carries %s both ways', async (_name, message) => {
    const { port } = await serve(unary(echo));
    const outcome = await clientOf(port).call(PATH, message);
    expect(outcome.code).toBe(status.OK);
    expect(Buffer.compare(outcome.message as Uint8Array, message)).toBe(0);
  });

  it('fails with the status and the text that the handler gave', async () => {
    const { port } = await serve(
      unary((_request, call) => call.fail(GrpcStatus.INVALID_ARGUMENT, 'größer als 3 %')),
    );
    const outcome = await clientOf(port).call(PATH, bytes());
    expect(outcome).toEqual({ code: 3, text: 'größer als 3 %', message: null });
  });

  it('cuts a long text and mends one that is not well-formed', async () => {
    const text = `\ud800${'x'.repeat(STATUS_TEXT_LENGTH_MAX)}`;
    const { port } = await serve(unary((_request, call) => call.fail(GrpcStatus.UNKNOWN, text)));
    const outcome = await clientOf(port).call(PATH, bytes());
    expect(outcome.text).toBe(`\ufffd${'x'.repeat(STATUS_TEXT_LENGTH_MAX - 1)}`);
  });

  it.each<[string, UnaryHandler, number]>([
    ['a reply', (request, call) => (call.reply(request), call.fail(GrpcStatus.UNKNOWN, 'x')), 0],
    ['a failure', (request, call) => (call.fail(GrpcStatus.UNKNOWN, 'x'), call.reply(request)), 2],
    ['two replies', (request, call) => (call.reply(request), call.reply(request)), 0],
    [
      'two failures',
      (_request, call) => (
        call.fail(GrpcStatus.NOT_FOUND, 'x'), call.fail(GrpcStatus.UNKNOWN, 'y')
      ),
      5,
    ],
  ])('ignores whatever follows %s', async (_name, handler, code) => {
    const { port, logged } = await serve(unary(handler));
    const client = clientOf(port);
    expect((await client.call(PATH, bytes(1))).code).toBe(code);
    expect((await client.call(PATH, bytes(1))).code).toBe(code);
    expect(logged).toEqual([]);
  });

  it('becomes INTERNAL when its handler throws, and the next one works', async () => {
    const failure = new Error('secret detail');
    const { port, logged } = await serve(
      unary((request, call) => {
        if (request.length === 0) throw failure;
        call.reply(request);
      }),
    );
    const client = clientOf(port);
    const outcome = await client.call(PATH, bytes());
    expect(outcome).toMatchObject({ code: status.INTERNAL, text: 'internal error' });
    expect((await client.call(PATH, bytes(1))).code).toBe(status.OK);
    expect(logged).toEqual([{ message: `gRPC: the handler of ${PATH} threw`, error: failure }]);
  });

  it('of an unknown method is UNIMPLEMENTED', async () => {
    const { port } = await serve(unary(echo));
    expect((await clientOf(port).call(OTHER, bytes())).code).toBe(status.UNIMPLEMENTED);
  });

  it('tells the deadline on the monotonic clock, 0 when there is none', async () => {
    const seen: number[] = [];
    const { port } = await serve(
      unary((request, call) => {
        seen.push(call.deadlineMs);
        call.reply(request);
      }),
    );
    const client = clientOf(port);
    await client.call(PATH, bytes(), null);
    const before = performance.now();
    await client.call(PATH, bytes(), 5000);
    expect(seen[0]).toBe(0);
    expect(seen[1]).toBeGreaterThan(before + 4000);
    expect(seen[1]).toBeLessThan(performance.now() + 5001);
  });

  it('within the bound on received bytes passes, one byte more is RESOURCE_EXHAUSTED', async () => {
    const { port } = await serve(unary(echo), { receiveBytesMax: 1000 });
    const client = clientOf(port);
    expect((await client.call(PATH, new Uint8Array(1000))).code).toBe(status.OK);
    const outcome = await client.call(PATH, new Uint8Array(1001));
    expect(outcome.code).toBe(status.RESOURCE_EXHAUSTED);
  });

  it('within the bound on sent bytes passes, one byte more is RESOURCE_EXHAUSTED', async () => {
    const { port } = await serve(unary(echo), { sendBytesMax: 1000 });
    const client = clientOf(port);
    expect((await client.call(PATH, new Uint8Array(1000))).code).toBe(status.OK);
    const outcome = await client.call(PATH, new Uint8Array(1001));
    expect(outcome.code).toBe(status.RESOURCE_EXHAUSTED);
  });
});

describe('a server stream', () => {
  it('sends messages as they come and ends with OK', async () => {
    const { port } = await serve(
      streaming((request, call) => {
        call.send(request);
        call.send(bytes(2));
        call.end(GrpcStatus.OK, '');
        call.send(bytes(3));
        call.end(GrpcStatus.UNKNOWN, 'too late');
      }),
    );
    const feed = clientOf(port).stream(PATH, bytes(1));
    expect([...(await feed.next())]).toEqual([1]);
    expect([...(await feed.next())]).toEqual([2]);
    expect((await feed.ended).code).toBe(status.OK);
  });

  it('ends with the status that the handler gave', async () => {
    const { port } = await serve(
      streaming((_request, call) => call.end(GrpcStatus.RESOURCE_EXHAUSTED, 'full')),
    );
    const feed = clientOf(port).stream(PATH, bytes());
    expect(await feed.ended).toEqual({ code: status.RESOURCE_EXHAUSTED, text: 'full' });
  });

  it('tells when the caller goes away, once, and also who asks afterwards', async () => {
    let closes = 0;
    let open: StreamCall | null = null;
    const closed = Promise.withResolvers<void>();
    const { port } = await serve(
      streaming((request, call) => {
        open = call;
        call.send(request);
        call.onClose(() => {
          closes += 1;
          closed.resolve();
        });
      }),
    );
    const feed = clientOf(port).stream(PATH, bytes(1));
    await feed.next();
    feed.cancel();
    await closed.promise;
    const call = open as unknown as StreamCall;
    call.send(bytes(2));
    call.end(GrpcStatus.OK, '');
    let isToldLate = false;
    call.onClose(() => {
      isToldLate = true;
    });
    expect([closes, isToldLate]).toEqual([1, true]);
  });

  it('becomes INTERNAL when its handler throws', async () => {
    const { port, logged } = await serve(
      streaming(() => {
        throw new Error('defect');
      }),
    );
    const feed = clientOf(port).stream(PATH, bytes());
    expect(await feed.ended).toEqual({ code: status.INTERNAL, text: 'internal error' });
    expect(logged).toHaveLength(1);
  });

  it('is ended when its reader has fallen too far behind', async () => {
    const { port } = await serve(
      streaming((_request, call) => {
        for (let sent = 0; sent <= STREAM_BACKLOG_MAX; sent += 1) call.send(new Uint8Array(10));
      }),
    );
    const feed = clientOf(port).stream(PATH, bytes());
    expect(await feed.ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });
});

describe('draining', () => {
  it('lets a call in flight finish, refuses new ones, ends streams, and resolves', async () => {
    const held = Promise.withResolvers<UnaryCall>();
    const { server, port } = await serve({
      ...unary((_request, call) => held.resolve(call)),
      serverStreaming: new Map([[OTHER, (request, call) => call.send(request)]]),
    });
    const client = clientOf(port);
    const inFlight = client.call(PATH, bytes(1));
    const feed = client.stream(OTHER, bytes(9));
    const call = await held.promise;
    await feed.next();

    const drained = server.drain(600_000);
    expect((await feed.ended).code).toBe(status.UNAVAILABLE);
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

  it('does not wait beyond the grace for a connection amid its TLS handshake', async () => {
    const pem = (name: string): Buffer =>
      readFileSync(new URL(`../tls/${name}.pem`, import.meta.url));
    const tls = { cert: pem('server'), key: pem('server.key'), clientCa: null, clientSan: '' };
    const { server, port } = await serve(unary(echo), { tls });
    const socket = connect(port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    await server.drain(10);
    socket.destroy();
  });

  it('resolves at once on a server that never listened', async () => {
    const { server } = await startServer(unary(echo));
    await server.drain(600_000);
  });
});

describe('listening', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'weir-uds-'));
    return () => rmSync(dir, { recursive: true, force: true });
  });

  it('on a port in use rejects with the address and the variable to change', async () => {
    const { port } = await serve(unary(echo));
    const second = startServer(unary(echo), { listen: { host: '127.0.0.1', port } });
    await expect(second).rejects.toThrow(
      `gRPC: 127.0.0.1:${port} is already in use: stop the other listener or change GRPC_PORT`,
    );
  });

  it.each([
    ['an address of another machine', '192.0.2.1', 'is not an address of this machine'],
    ['an IPv6 address of another machine', '2001:db8::1', 'gRPC: [2001:db8::1]:0 '],
  ])('on %s rejects with what to change', async (_name, host, text) => {
    await expect(startServer(unary(echo), { listen: { host, port: 0 } })).rejects.toThrow(text);
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
    const other: NetServer = createServer();
    await new Promise<void>((resolve) => other.listen(socketPath, resolve));
    await expect(startServer(unary(echo), { listen: { socketPath } })).rejects.toThrow(
      `gRPC: ${socketPath} is already in use: stop the other listener or change GRPC_UDS`,
    );
    await new Promise((resolve) => other.close(resolve));
  });

  it('leaves a file alone that is no socket', async () => {
    const socketPath = join(dir, 'precious.txt');
    writeFileSync(socketPath, 'text');
    await expect(startServer(unary(echo), { listen: { socketPath } })).rejects.toThrow(
      `gRPC: ${socketPath} exists and is no socket: change GRPC_UDS or move it`,
    );
  });

  it('in a directory that does not exist rejects with the cause', async () => {
    const socketPath = join(dir, 'absent', 'grpc.sock');
    await expect(startServer(unary(echo), { listen: { socketPath } })).rejects.toThrow(socketPath);
  });
});

/** A socket file with nobody behind it: a killed process's. */
async function leaveStaleSocket(path: string): Promise<void> {
  const { spawn } = await import('node:child_process');
  const script = `require('node:net').createServer().listen(process.argv[1], () => console.log('up'))`;
  const child = spawn(process.execPath, ['-e', script, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
}

describe('a connection', () => {
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
      { numRuns: 50 },
    );
    expect(logged).toEqual([]);
  });
});

function sendAndClose(port: number, data: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(data));
    socket.on('error', () => {});
    socket.once('close', () => resolve());
    socket.resume();
    socket.setTimeout(200, () => socket.destroy());
  });
}
