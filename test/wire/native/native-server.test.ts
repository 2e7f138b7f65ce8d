import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { NativeServer } from '../../../src/wire/native/native-server.ts';
import { GrpcStatus, type StreamCall, type UnaryCall } from '../../../src/wire/rpc-server.ts';
import { call, callFields, describeFrames } from '../../support/http2-frames.ts';
import { bytes, echo, listenerRig, PATH, streaming, unary } from '../listener-fixture.ts';
import { nativeOptions, openRaw, startNative } from './native-fixture.ts';

/** Long enough that only a bug lets a test wait for it. */
const LONG_MS = 20_000;

const { serve, clientOf } = listenerRig(startNative);

describe('a unary call of grpc-js', () => {
  it.each([
    ['no bytes', bytes()],
    ['some bytes', bytes(0, 1, 255)],
    ['a message of many frames', new Uint8Array(300_000).fill(7)],
    ['a message beyond all windows', new Uint8Array(3_000_000).fill(8)],
  ])('carries %s both ways', async (_name, message) => {
    const { port } = await serve(unary(echo));
    const outcome = await clientOf(port).call(PATH, message);
    expect(outcome.code).toBe(status.OK);
    expect(Buffer.compare(outcome.message as Uint8Array, message)).toBe(0);
  });

  it('fails with the status and the text that the handler gave', async () => {
    const { port } = await serve(
      unary((_request, unaryCall) => unaryCall.fail(GrpcStatus.INVALID_ARGUMENT, 'größer als 3 %')),
    );
    const outcome = await clientOf(port).call(PATH, bytes());
    expect(outcome).toEqual({ code: 3, text: 'größer als 3 %', message: null });
  });

  it('of an unknown method is UNIMPLEMENTED', async () => {
    const { port } = await serve(unary(echo));
    expect(await clientOf(port).call('/no/where', bytes())).toMatchObject({ code: 12 });
  });

  it('tells its deadline on the monotonic clock', async () => {
    const deadlines: number[] = [];
    const { port } = await serve(
      unary((_request, unaryCall) => {
        deadlines.push(unaryCall.deadlineMs - performance.now());
        unaryCall.reply(bytes());
      }),
    );
    const client = clientOf(port);
    await client.call(PATH, bytes(), 5000);
    await client.call(PATH, bytes(), null);
    expect(deadlines[0]).toBeGreaterThan(3000);
    expect(deadlines[0]).toBeLessThanOrEqual(5000);
    expect(deadlines[1]).toBeLessThan(0);
  });

  it('beyond the bound on received bytes is RESOURCE_EXHAUSTED', async () => {
    const { port } = await serve(unary(echo), { receiveBytesMax: 10 });
    const client = clientOf(port);
    expect(await client.call(PATH, new Uint8Array(10))).toMatchObject({ code: 0 });
    expect(await client.call(PATH, new Uint8Array(11))).toMatchObject({ code: 8 });
    expect(await client.call(PATH, new Uint8Array(100_000))).toMatchObject({ code: 8 });
  });

  it('whose handler throws is INTERNAL, logged, and the next one works', async () => {
    let calls = 0;
    const { port, logged } = await serve(
      unary((_request, unaryCall) => {
        if (calls++ === 0) throw new Error('broken');
        unaryCall.reply(bytes(1));
      }),
    );
    const client = clientOf(port);
    expect(await client.call(PATH, bytes())).toMatchObject({ code: 13, text: 'internal error' });
    expect(await client.call(PATH, bytes())).toMatchObject({ code: 0 });
    expect(logged).toHaveLength(1);
  });

  it('many at once, answered later and in another order, each get their own answer', async () => {
    const waiting: [Uint8Array, UnaryCall][] = [];
    const { port, server } = await serve(
      unary((request, unaryCall) => {
        waiting.push([Uint8Array.from(request), unaryCall]);
        if (waiting.length < 50) return;
        setImmediate(() => {
          for (const [message, waited] of waiting.reverse()) waited.reply(message);
        });
      }),
    );
    const client = clientOf(port);
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, i) => client.call(PATH, bytes(i))),
    );
    expect(outcomes.map(({ message }) => message?.[0])).toEqual(
      Array.from({ length: 50 }, (_, i) => i),
    );
    expect(server.callCount).toBe(0);
    expect(server.connectionCount).toBe(1);
    expect(server.counters.grpc.callsStarted).toBe(50);
  });
});

describe('a server stream of grpc-js', () => {
  it('gets messages as they come, and a status', async () => {
    let open: StreamCall | undefined;
    const { port } = await serve(
      streaming((request, stream) => {
        open = stream;
        stream.send(Uint8Array.from(request));
      }),
    );
    const feed = clientOf(port).stream(PATH, bytes(1));
    expect([...(await feed.next())]).toEqual([1]);
    open?.send(bytes(2));
    expect([...(await feed.next())]).toEqual([2]);
    open?.end(GrpcStatus.NOT_FOUND, 'gone');
    expect(await feed.ended).toEqual({ code: 5, text: 'gone' });
  });

  it('that the caller cancels tells its handler', async () => {
    const closed = new Promise<void>((resolve) => {
      void serve(
        streaming((_request, stream) => {
          stream.onClose(resolve);
          stream.send(bytes(1));
        }),
      ).then(async ({ port }) => {
        const feed = clientOf(port).stream(PATH, bytes());
        await feed.next();
        feed.cancel();
      });
    });
    await closed;
  });
});

describe('a client of node:http2', () => {
  it('that is no gRPC gets plain HTTP', async () => {
    const { port } = await serve(unary(echo));
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    const request = session.request({ ':path': '/' });
    const [fields] = await once(request, 'response');
    request.setEncoding('utf8');
    let text = '';
    for await (const part of request) text += part;
    expect([fields[':status'], text]).toEqual([415, 'content-type must be application/grpc\n']);
    session.close();
    await once(session, 'close');
  });
});

describe('draining', () => {
  it('lets calls in flight finish, ends streams, takes no new connections, and resolves', async () => {
    let held: UnaryCall | undefined;
    const reached = Promise.withResolvers<void>();
    const { server, port } = await serve({
      ...unary((_request, unaryCall) => {
        held = unaryCall;
        reached.resolve();
      }),
      serverStreaming: new Map([['/s/s', (_request, stream) => stream.send(bytes(1))]]),
    });
    const client = clientOf(port);
    const feed = client.stream('/s/s', bytes());
    await feed.next();
    const outcome = client.call(PATH, bytes());
    await reached.promise;
    const drained = server.drain(LONG_MS);
    expect(server.drain(0)).toBe(drained);
    expect(await feed.ended).toEqual({ code: 14, text: 'the server is shutting down' });
    held?.reply(bytes(9));
    expect(await outcome).toMatchObject({ code: 0 });
    await drained;
    expect(await clientOf(port).call(PATH, bytes())).toMatchObject({ code: 14 });
    expect(server.connectionCount).toBe(0);
  });

  it('cuts what has not finished within the grace', async () => {
    const { server, port } = await serve(unary(() => {}));
    const outcome = clientOf(port).call(PATH, bytes());
    while (server.counters.grpc.callsStarted === 0) await new Promise(setImmediate);
    await server.drain(10);
    expect((await outcome).code).not.toBe(0);
  });

  it('does not wait beyond the grace for a peer that says nothing and never closes', async () => {
    const { server, port } = await serve(unary(echo), { tuning: { lingerMs: 50 } });
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    await once(socket, 'connect');
    await server.drain(10);
    socket.destroy();
  });

  it('resolves at once on a server that never listened', async () => {
    await new NativeServer(nativeOptions({})).drain(LONG_MS);
  });
});

describe('listening', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-'));

  it('on a port in use rejects with the address and the variable to change', async () => {
    const { port } = await serve({});
    const listen = { host: '127.0.0.1', port };
    await expect(startNative({}, { listen })).rejects.toThrow(
      `gRPC: 127.0.0.1:${port} is already in use: stop the other listener or change GRPC_PORT`,
    );
  });

  it('serves on a unix socket', async () => {
    const socketPath = join(folder, 'weir.sock');
    const { port } = await serve(unary(echo), { listen: { socketPath } });
    expect(port).toBe(0);
    expect(await clientOf(`unix:${socketPath}`).call(PATH, bytes(3))).toMatchObject({ code: 0 });
  });

  it('leaves a file alone that is no socket', async () => {
    const socketPath = join(folder, 'file');
    writeFileSync(socketPath, '');
    await expect(startNative({}, { listen: { socketPath } })).rejects.toThrow('is no socket');
    rmSync(folder, { recursive: true });
  });

  it('accepts no more than connectionsMax', async () => {
    const { server, port } = await serve(unary(echo), { tuning: { connectionsMax: 1 } });
    const first = await openRaw(port);
    await once(first, 'data');
    const second = connect(port, '127.0.0.1');
    second.on('error', () => {});
    await once(second, 'close');
    expect(server.counters.connectionsRefused).toBe(1);
    first.destroy();
  });
});

describe('the age of a connection', () => {
  it('ends it gracefully, and its calls after the grace', async () => {
    const { server, port } = await serve(
      unary(() => {}),
      {
        connectionAgeMsMax: 60,
        connectionAgeGraceMs: 30,
        tuning: { tickMs: 10, lingerMs: 30 },
      },
    );
    const socket = await openRaw(port);
    socket.write(call(1, 'x', callFields(PATH)));
    const said: Buffer[] = [];
    socket.on('data', (chunk) => said.push(chunk));
    await once(socket, 'close');
    const lines = describeFrames(Buffer.concat(said));
    expect(lines.filter((line) => line.startsWith('GOAWAY'))).toEqual([
      'GOAWAY 0 last=2147483647 NO_ERROR',
      'GOAWAY 0 last=1 NO_ERROR',
    ]);
    while (server.connectionCount > 0) await new Promise(setImmediate);
  });

  it('lets its calls finish when there is no end to the grace', async () => {
    let held: UnaryCall | undefined;
    const { port } = await serve(
      unary((_request, unaryCall) => {
        held = unaryCall;
      }),
      { connectionAgeMsMax: 20, connectionAgeGraceMs: 0, tuning: { tickMs: 5 } },
    );
    const socket = await openRaw(port);
    socket.write(call(1, 'x', callFields(PATH)));
    const said: Buffer[] = [];
    const lines = (): string[] => describeFrames(Buffer.concat(said));
    socket.on('data', (chunk) => said.push(chunk));
    while (!lines().some((line) => line.startsWith('GOAWAY'))) await once(socket, 'data');
    // Several looks at the connection later its call still lives.
    for (const until = performance.now() + 60; performance.now() < until; ) {
      await new Promise(setImmediate);
    }
    held?.reply(bytes(5));
    await once(socket, 'end');
    expect(lines().filter((line) => line.startsWith('DATA'))).toHaveLength(1);
    socket.destroy();
  });

  it('lets grpc-js move to a new connection without a failed call', async () => {
    const { server, port } = await serve(unary(echo), {
      connectionAgeMsMax: 40,
      connectionAgeGraceMs: LONG_MS,
      tuning: { tickMs: 5 },
    });
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    const same = (message: Buffer): Buffer => message;
    // What grpc-js sends amid a GOAWAY it refuses itself, and sends again: its retries are on here.
    while (server.counters.http2.connectionsOpened < 3) {
      await new Promise<void>((resolve, reject) => {
        client.makeUnaryRequest(PATH, same, same, Buffer.of(1), (error) => {
          if (error === null) resolve();
          else reject(error);
        });
      });
    }
    client.close();
  });
});

describe('memory of connections', () => {
  it('is free for others once they are gone', async () => {
    const { server, port } = await serve(unary(echo));
    const sockets = await Promise.all(Array.from({ length: 20 }, () => openRaw(port)));
    while (server.connectionCount < 20) await new Promise(setImmediate);
    for (const socket of sockets) socket.destroy();
    while (server.connectionCount > 0) await new Promise(setImmediate);
    expect(server.counters.http2.connectionsClosed).toBe(20);
  });
});
