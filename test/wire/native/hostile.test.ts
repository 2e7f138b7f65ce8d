/** Peers that mean harm, over real sockets; others are served meanwhile. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { UnaryHandler } from '../../../src/wire/rpc-server.ts';
import {
  call,
  callFields,
  describeFrames,
  settings,
  windowUpdate,
} from '../../support/http2-frames.ts';
import { bytes, echo, listenerRig, PATH, unary } from '../listener-fixture.ts';
import { openRaw, startNative } from './native-fixture.ts';

/** Their answers are 12 MB: the system takes 4 MB at most. */
const CALLS = 3000;

const { serve, clientOf } = listenerRig(startNative);

describe('a hostile peer', () => {
  it('that never reads is not read, then cut off; others are served meanwhile', async () => {
    const { server, port } = await serve(
      unary((_request, unaryCall) => unaryCall.reply(new Uint8Array(1000))),
      { tuning: { stallMsMax: 300, tickMs: 20, backlogBytesMax: 65_536 } },
    );
    const socket = await openRaw(port);
    socket.pause();
    // Windows as wide as they go, so that only the socket holds the answers back.
    socket.write(settings([4, 0x7fff_ffff]));
    socket.write(windowUpdate(0, 0x7ff0_0000));
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    let id = 1;
    const pump = (): void => {
      while (!socket.destroyed) {
        const calls = Buffer.concat(
          Array.from({ length: 100 }, () => call((id += 2), 'x', callFields(PATH))),
        );
        if (!socket.write(calls)) return;
      }
    };
    socket.on('drain', pump);
    pump();
    const client = clientOf(port);
    while (server.counters.http2.stalls === 0) {
      expect(await client.call(PATH, bytes(1))).toMatchObject({ code: 0 });
    }
    socket.resume();
    await closed;
    while (server.connectionCount > 1) await new Promise(setImmediate);
  });

  it('whose output overflows is cut off', async () => {
    const { server, port } = await serve(unary(echo), {
      sendBytesMax: 100,
      tuning: { outputBytesMax: 500 },
    });
    const socket = await openRaw(port);
    const calls = Array.from({ length: 50 }, (_, i) => call(2 * i + 1, 'x', callFields(PATH)));
    socket.resume();
    socket.write(Buffer.concat(calls));
    await once(socket, 'close');
    expect(server.counters.http2.overflows).toBe(1);
  });

  it('that sends junk gets an error and its end, and disturbs nobody', async () => {
    const { port } = await serve(unary(echo), { tuning: { lingerMs: 20, tickMs: 10 } });
    const client = clientOf(port);
    await client.call(PATH, bytes());
    const socket = connect(port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\n\r\n');
    const said: Buffer[] = [];
    socket.on('data', (chunk) => said.push(chunk));
    socket.on('error', () => {});
    await once(socket, 'close');
    expect(describeFrames(Buffer.concat(said)).at(-1)).toBe(
      'GOAWAY 0 last=0 PROTOCOL_ERROR not HTTP/2',
    );
    expect(await client.call(PATH, bytes())).toMatchObject({ code: 0 });
  });

  it('that sends megabytes at once has its turn like others, and loses nothing', async () => {
    const seen = { bulk: 0 };
    const bulk: UnaryHandler = (_request, unaryCall) => {
      seen.bulk++;
      unaryCall.reply(bytes());
    };
    const methods = {
      unary: new Map([
        [PATH, echo],
        ['/bulk', bulk],
      ]),
    };
    const { port } = await serve(methods, { tuning: { turnBytesMax: 1 } });
    const socket = await openRaw(port);
    socket.resume();
    const text = 'x'.repeat(1000);
    const calls = Array.from({ length: 2000 }, (_, i) =>
      call(2 * i + 1, text, callFields('/bulk')),
    );
    socket.write(Buffer.concat(calls));
    const client = clientOf(port);
    while (seen.bulk < 2000) {
      expect(await client.call(PATH, bytes(1))).toMatchObject({ code: 0 });
    }
    socket.destroy();
  });

  it('that keeps its side open after the end is cut off', async () => {
    const { server, port } = await serve(unary(echo), { tuning: { lingerMs: 30, tickMs: 5 } });
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => {});
    socket.write('junk');
    socket.resume();
    await once(socket, 'end');
    while (server.connectionCount > 0) await new Promise(setImmediate);
    socket.destroy();
  });
});

describe('a slow reader', () => {
  it.each([
    ['while its requests are not read', 1000],
    ['while its requests are read', 20_000_000],
  ])('gets every answer, each whole, %s', async (_name, backlogBytesMax) => {
    const { server, port } = await serve(
      unary((request, unaryCall) => unaryCall.reply(new Uint8Array(4000).fill(request[0] ?? 0))),
      { tuning: { backlogBytesMax } },
    );
    const socket = await openRaw(port);
    socket.setNoDelay(true).pause();
    socket.write(Buffer.concat([settings([4, 0x7fff_ffff]), windowUpdate(0, 0x7ff0_0000)]));
    // More than the system keeps for a connection, a call at a time: each answer is its own write.
    for (let i = 0; i < CALLS; i++) {
      socket.write(call(2 * i + 1, String.fromCharCode(i % 128), callFields(PATH)));
      await new Promise(setImmediate);
    }
    const said: Buffer[] = [];
    let saidBytes = 0;
    socket.on('data', (chunk) => {
      said.push(chunk);
      saidBytes += chunk.length;
    });
    socket.resume();
    const { http2 } = server.counters;
    while (http2.streamsClosed < CALLS || saidBytes < http2.bytesSent) {
      await new Promise(setImmediate);
    }
    const bodies = describeFrames(Buffer.concat(said)).filter((line) => line.startsWith('DATA'));
    expect(bodies).toHaveLength(CALLS);
    for (const [i, line] of bodies.entries()) {
      const body = JSON.parse(line.slice(line.indexOf('"'))) as string;
      expect(body.slice(5)).toBe(String.fromCharCode(i % 128).repeat(4000));
    }
    socket.destroy();
  });
});
