/** Connections that another process accepted: the listener binds no port and is given sockets. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { credentials } from '@grpc/grpc-js';
import { expect, onTestFinished, test } from 'vitest';
import type { NativeServerOptions } from '../../../src/wire/native/native-options.ts';
import { NativeServer } from '../../../src/wire/native/native-server.ts';
import type { UnaryCall } from '../../../src/wire/rpc-server.ts';
import { until } from '../../support/child.ts';
import { RawClient } from '../grpc-js/raw-client.ts';
import { bytes, echo, PATH, unary } from '../listener-fixture.ts';
import { nativeOptions, openRaw, pem } from './native-fixture.ts';

async function start(
  options: Partial<NativeServerOptions> = {},
): Promise<{ server: NativeServer; port: number }> {
  const server = new NativeServer(nativeOptions(unary(echo), { isHanded: true, ...options }));
  expect(await server.listen()).toBe(0);
  const acceptor = createServer({ pauseOnConnect: true }, (socket) => server.take(socket));
  acceptor.listen(0, '127.0.0.1');
  await once(acceptor, 'listening');
  onTestFinished(async () => {
    acceptor.close();
    await server.drain(0);
  });
  return { server, port: (acceptor.address() as { port: number }).port };
}

test.each([
  ['plain', null],
  ['TLS', { cert: pem('server'), key: pem('server.key'), clientCa: null, clientSan: '' }],
])('calls on a handed connection are answered (%s)', async (_name, tls) => {
  const { port } = await start({ tls });
  const client =
    tls === null
      ? new RawClient(port)
      : new RawClient(`localhost:${port}`, credentials.createSsl(pem('ca')));
  onTestFinished(() => client.close());
  const { code, message } = await client.call(PATH, bytes(1, 2));
  expect([code, ...(message as Uint8Array)]).toEqual([0, 1, 2]);
});

test('more connections than its bound are closed and counted', async () => {
  const { server, port } = await start({ tuning: { connectionsMax: 1 } });
  await openRaw(port);
  await until(
    () => server.connectionCount,
    (count) => count === 1,
  );
  const second = await openRaw(port);
  await once(second.resume(), 'close');
  expect(server.counters.connectionsRefused).toBe(1);
  expect(server.connectionCount).toBe(1);
});

test('a drain ends when the last handed connection has closed, and its call was answered', async () => {
  const calls: UnaryCall[] = [];
  const { server, port } = await start({
    methods: {
      unary: new Map([[PATH, (_request, call) => calls.push(call)]]),
      serverStreaming: new Map(),
    },
  });
  const client = new RawClient(port);
  onTestFinished(() => client.close());
  const answer = client.call(PATH, bytes(1));
  await until(
    () => calls.length,
    (count) => count === 1,
  );
  let isDrained = false;
  const drained = server.drain(20_000).then(() => {
    isDrained = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isDrained).toBe(false);
  calls[0]?.reply(bytes(9));
  expect([...((await answer).message as Uint8Array)]).toEqual([9]);
  await drained;
  expect(server.connectionCount).toBe(0);
});

test('a drain without connections ends at once', async () => {
  const { server } = await start();
  await server.drain(20_000);
});
