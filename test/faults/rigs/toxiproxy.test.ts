/** The rig itself: each trouble does to a connection what its name says, and `clear` ends it. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { describeWithToxiproxy } from '../../support/parts.ts';
import { type DisturbedPort, startToxiproxy, type Toxiproxy } from '../../support/toxiproxy.ts';

/** What a test calls much: far more than a healthy loopback needs, even on a busy machine. */
const MUCH_MS = 300;

describeWithToxiproxy('toxiproxy', () => {
  let toxiproxy: Toxiproxy;
  let line: DisturbedPort;
  let server: Server;
  const accepted = new Set<Socket>();

  beforeAll(async () => {
    server = createServer((socket) => {
      accepted.add(socket);
      socket.on('error', () => {});
      socket.pipe(socket);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    toxiproxy = await startToxiproxy();
  });
  beforeEach(async () => {
    line = await toxiproxy.proxy(upstream());
  });
  afterAll(async () => {
    await toxiproxy[Symbol.asyncDispose]();
    for (const socket of accepted) socket.destroy();
    server.close();
  });

  function upstream(): number {
    return (server.address() as { port: number }).port;
  }

  /** A connection over which one exchange has gone well. */
  async function talking(to: DisturbedPort = line): Promise<Socket> {
    const socket = connect(to.port, '127.0.0.1').on('error', () => {});
    await exchange(socket, 'hello');
    return socket;
  }

  test('latency: an answer comes later, and in time again after clear', async () => {
    const socket = await talking();
    await line.addLatency(MUCH_MS, 10);
    expect(await exchange(socket, 'slow')).toBeGreaterThan(MUCH_MS - 20);
    await line.clear();
    expect(await exchange(socket, 'fast')).toBeLessThan(MUCH_MS - 20);
    socket.destroy();
  });

  test('reset: an open connection ends with ECONNRESET', async () => {
    const abrupt = await toxiproxy.proxy(upstream(), { endsByReset: true });
    const socket = await talking(abrupt);
    const failed = once(socket, 'error');
    await abrupt.resetPeer(0);
    socket.write('anything');
    expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' });
    await abrupt.clear();
    (await talking(abrupt)).destroy();
  });

  test('reset without endsByReset: an open connection is closed, a new one reset', async () => {
    const open = await talking();
    await line.resetPeer(0);
    const failed = once(open, 'error').then(() => 'reset');
    open.resume().write('anything');
    expect(await Promise.race([failed, once(open, 'close').then(() => 'closed')])).toBe('closed');
    const later = connect(line.port, '127.0.0.1');
    later.write('anything');
    expect((await once(later, 'error'))[0]).toMatchObject({ code: 'ECONNRESET' });
  });

  test('a limit of bytes: an answer is cut in the middle', async () => {
    const socket = await talking();
    await line.limitBytesThenCut(3);
    const text = received(socket);
    socket.write('abcdef');
    await once(socket, 'close');
    expect(text()).toBe('abc');
  });

  test('timeout: nothing comes through and the connection stays open, until clear', async () => {
    const socket = await talking();
    await line.timeout();
    const text = received(socket);
    socket.write('lost');
    await new Promise((resolve) => setTimeout(resolve, MUCH_MS));
    expect([text(), socket.readyState]).toEqual(['', 'open']);
    const closed = once(socket, 'close');
    await line.clear();
    await closed;
    (await talking()).destroy();
  });

  test('bandwidth: many bytes take their time', async () => {
    const socket = await talking();
    await line.bandwidth(100);
    expect(await exchange(socket, 'x'.repeat(60_000))).toBeGreaterThan(MUCH_MS);
    socket.destroy();
  });

  test('slow close: the other side hears of the end later', async () => {
    const socket = await talking();
    await line.slowClose(MUCH_MS);
    const sinceMs = performance.now();
    for (const each of accepted) each.end();
    await once(socket.resume(), 'close');
    expect(performance.now() - sinceMs).toBeGreaterThan(MUCH_MS - 20);
  });

  test('an order it does not take is an error that says so', async () => {
    await expect(line.addLatency(0.5)).rejects.toThrow('toxiproxy refused');
  });
});

/** Milliseconds until all of `text` has come back. */
async function exchange(socket: Socket, text: string): Promise<number> {
  const sinceMs = performance.now();
  const back = received(socket);
  socket.write(text);
  while (back().length < text.length) await once(socket, 'data');
  return performance.now() - sinceMs;
}

function received(socket: Socket): () => string {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  return () => text;
}
