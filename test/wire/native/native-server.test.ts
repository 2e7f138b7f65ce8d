import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { Client, credentials } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { NativeServer } from '../../../src/wire/native/native-server.ts';
import { call, callFields, describeFrames } from '../../support/http2-frames.ts';
import { bytes, echo, listenerRig, PATH, unary } from '../listener-fixture.ts';
import { nativeOptions, openRaw, startNative } from './native-fixture.ts';

/** Long enough that only a bug lets a test wait for it. */
const LONG_MS = 20_000;

const { serve, clientOf } = listenerRig(startNative);

it('calls and connections are counted', async () => {
  const { port, server } = await serve(unary(echo));
  const client = clientOf(port);
  await Promise.all(Array.from({ length: 50 }, (_, i) => client.call(PATH, bytes(i))));
  expect(server.callCount).toBe(0);
  expect(server.connectionCount).toBe(1);
  expect(server.counters.grpc.callsStarted).toBe(50);
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

it('a drain resolves at once on a server that never listened', async () => {
  await new NativeServer(nativeOptions({})).drain(LONG_MS);
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
