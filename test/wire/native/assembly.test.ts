/** Peers that send the greater part of large messages and never the rest, many at once. */
import type { Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import type { UnaryHandler } from '../../../src/wire/rpc-server.ts';
import { bodyFrame, callFields, headers, message } from '../../support/http2-frames.ts';
import { RawClient } from '../grpc-js/raw-client.ts';
import { openRaw, type StartedNative, startNative } from './native-fixture.ts';

const PATH = '/weir.test.v1.Echo/Say';
const echo: UnaryHandler = (request, call) => call.reply(Uint8Array.from(request));

const CONNECTIONS = 60;
const STREAMS = 3;
const PART_BYTES = 16_000;
/** Room for some twenty of the connections. */
const TOTAL_BYTES_MAX = 1_000_000;
/** In two frames, so that it needs memory too. */
const ORDINARY = new Uint8Array(20_000).fill(7);

let running: StartedNative | null = null;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await running?.server.drain(0);
  running = null;
});

/** The first part of each of the connection's messages. */
function parts(): Buffer {
  const part = message(new Uint8Array(60_000)).subarray(0, PART_BYTES);
  const frames = Array.from({ length: STREAMS }, (_, i) => [
    headers(2 * i + 1, callFields(PATH)),
    bodyFrame(2 * i + 1, part, 0),
  ]);
  return Buffer.concat(frames.flat());
}

it('many connections together keep no more than the bound, and others are served', async () => {
  running = await startNative(
    { unary: new Map([[PATH, echo]]) },
    { receiveBytesMax: 65_536, tuning: { assemblyTotalBytesMax: TOTAL_BYTES_MAX, tickMs: 20 } },
  );
  const { server, port } = running;
  let bytesMax = 0;
  const client = new RawClient(port);
  let closed = 0;
  for (let i = 0; i < CONNECTIONS; i++) {
    const socket = await openRaw(port);
    socket.resume();
    socket.once('close', () => closed++);
    sockets.push(socket);
    socket.write(parts());
    const outcome = await client.call(PATH, ORDINARY);
    expect(outcome).toMatchObject({ code: 0 });
    bytesMax = Math.max(bytesMax, server.assemblyBytes);
  }
  const { http2, grpc } = server.counters;
  expect(bytesMax).toBeLessThanOrEqual(TOTAL_BYTES_MAX);
  expect(bytesMax).toBeGreaterThan(TOTAL_BYTES_MAX / 2);
  expect(grpc.assembliesEvicted + grpc.assembliesRefused).toBeGreaterThan(0);
  expect(http2.connectionsFailed).toBe(grpc.assembliesEvicted);
  while (closed < grpc.assembliesEvicted) await new Promise(setImmediate);
  for (const socket of sockets) socket.destroy();
  while (server.connectionCount > 1) await new Promise(setImmediate);
  expect(server.assemblyBytes).toBe(0);
  client.close();
});

it('what is not completed in time is given back', async () => {
  running = await startNative(
    { unary: new Map([[PATH, echo]]) },
    { receiveBytesMax: 65_536, tuning: { requestMsMax: 50, tickMs: 10 } },
  );
  const { server, port } = running;
  const socket = await openRaw(port);
  sockets.push(socket);
  socket.resume();
  socket.write(parts());
  while (server.assemblyBytes === 0) await new Promise(setImmediate);
  while (server.assemblyBytes > 0) await new Promise(setImmediate);
  expect(server.counters.http2.stalls).toBe(STREAMS);
});
