import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { ErrorCounts } from '../../../src/counters/redis/error-counts.ts';
import { RedisCounterStore } from '../../../src/counters/redis/redis-counter-store.ts';
import type { RedisEvent } from '../../../src/counters/redis/redis-options.ts';
import { ask, askOne, group, readings } from '../../contract/charges.ts';
import { until } from '../../support/child.ts';
import { freePort } from '../../support/free-ports.ts';
import { startRedis } from '../../support/redis-server.ts';
import { startFakeRedis } from './fake-redis.ts';
import { health, startRig } from './rig.ts';

const EXACT = { keyFormat: 'exact', timeoutMs: 5000 } as const;

test('before its start and after its end a store is unavailable', async () => {
  const address = { host: '127.0.0.1', port: await freePort() };
  const store = new RedisCounterStore({ ...EXACT, address });
  expect(store.isHealthy).toBe(false);
  expect(store.reconnects).toBe(0);
  const [its] = await ask(store, [group({ key: 'k' })]);
  const text = `redis 127.0.0.1:${address.port}: no connection`;
  expect(its?.failure).toEqual({ code: 'unavailable', text });
  await store.close();
  expect(await askOne(store, { key: 'k' })).toBe('unavailable');
});

test('a start without a Redis is rejected in time; the store connects when there is one', async () => {
  const port = await freePort();
  const address = { host: '127.0.0.1', port };
  const store = new RedisCounterStore({ ...EXACT, address, startMaxMs: 200, retryMaxMs: 50 });
  await expect(store.start()).rejects.toThrow(
    new RegExp(`^redis 127.0.0.1:${port} was not ready in 200 ms: .*ECONNREFUSED`),
  );
  const ready = health(store, true);
  await using server = await startRedis({ port });
  await ready;
  expect(await askOne(store, { key: 'k' })).toBe('0>1');
  await store.close();
  expect(server.port).toBe(port);
});

test('a store that is closed between two attempts is gone at once', async () => {
  const address = { host: '127.0.0.1', port: await freePort() };
  const events: string[] = [];
  const onEvent = ({ kind }: { kind: string }) => events.push(kind);
  const store = new RedisCounterStore({ ...EXACT, address, onEvent });
  const rejected = expect(store.start()).rejects.toThrow('closed before it was ready');
  await until(
    () => events,
    (its) => its.includes('error'),
  );
  await store.close();
  await rejected;
});

test('a store that is closed while it starts says so', async () => {
  const address = { host: '127.0.0.1', port: await freePort() };
  const store = new RedisCounterStore({ ...EXACT, address });
  const started = store.start();
  const rejected = expect(started).rejects.toThrow('closed before it was ready');
  await store.close();
  await rejected;
});

test('a wrong password is told at the start, and is in no text', async () => {
  await using server = await startRedis({ args: ['--requirepass', 'right'], password: 'right' });
  const address = { host: '127.0.0.1', port: server.port };
  const texts: string[] = [];
  const onEvent = ({ text }: { text: string }) => texts.push(text);
  const wrong = { ...EXACT, address, startMaxMs: 300, password: 's3cret', onEvent };
  const store = new RedisCounterStore(wrong);
  await expect(store.start()).rejects.toThrow(/WRONGPASS/);
  await store.close();
  expect(texts.length).toBeGreaterThan(0);
  expect(texts.join()).not.toContain('s3cret');
  const right = new RedisCounterStore({ ...wrong, startMaxMs: 5000, password: 'right' });
  await right.start();
  expect(await askOne(right, { key: 'k' })).toBe('0>1');
  await right.close();
});

const rights = [['-evalsha'], ['-eval', '-script']];
test.each(rights)('a user with %s is refused, with what Redis said', async (...denied) => {
  await using server = await startRedis();
  const address = { host: '127.0.0.1', port: server.port };
  const admin = new Redis(server.port);
  await admin.acl('SETUSER', 'rl', 'on', '>pw', '~*', '+@all', ...denied);
  admin.disconnect();
  const store = new RedisCounterStore({ ...EXACT, address, username: 'rl', password: 'pw' });
  await store.start();
  const [its] = await ask(store, [group({ key: 'k' })]);
  expect(its?.failure?.code).toBe('refused');
  expect(its?.failure?.text).toMatch(/^redis: NOPERM /);
  expect(store.isHealthy).toBe(true);
  await store.close();
});

test('counts by a socket in the file system, in the database it is told', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-redis-'));
  const path = join(folder, 's');
  await using rig = await startRig({ address: { path }, db: 3 }, { args: ['--unixsocket', path] });
  expect(await askOne(rig.store, { key: 'k' })).toBe('0>1');
  await rig.redis.select(3);
  expect(await rig.redis.get('k')).toBe('1');
  expect(rig.events[0]).toEqual({ kind: 'ready', address: path, text: 'connected' });
  rmSync(folder, { recursive: true });
});

test('a read-only replica is unavailable, and the connection is given up', async () => {
  await using rig = await startRig();
  await rig.redis.replicaof('127.0.0.1', String(await freePort()));
  const lost = health(rig.store, false);
  const [its] = await ask(rig.store, [group({ key: 'k' })]);
  expect(its?.failure?.code).toBe('unavailable');
  expect(its?.failure?.text).toMatch(/^redis: READONLY /);
  await lost;
  await rig.redis.replicaof('NO', 'ONE');
  await health(rig.store, true);
  expect(await askOne(rig.store, { key: 'k' })).toBe('0>1');
});

test('closing waits for what was charged, and is done once', async () => {
  await using rig = await startRig();
  const asked = ask(rig.store, [group({ key: 'k' })]);
  const closed = rig.store.close();
  expect(rig.store.close()).toBe(closed);
  expect(rig.store.isHealthy).toBe(false);
  expect(await askOne(rig.store, { key: 'k' })).toBe('unavailable');
  await closed;
  expect(readings(await asked)).toEqual([['0>1']]);
});

test('closing a store whose Redis hangs takes no longer than its timeout', async () => {
  await using rig = await startRig({ timeoutMs: 100, silenceMaxMs: 60_000 });
  rig.server.freeze();
  const asked = ask(rig.store, [group({ key: 'k' })]);
  const start = performance.now();
  await rig.store.close();
  expect(performance.now() - start).toBeLessThan(1000);
  expect(readings(await asked)).toEqual([['timeout']]);
});

test('a peer that accepts connections and says nothing is dropped in its handshake', async () => {
  const sockets: Socket[] = [];
  const mute: Server = createServer((socket) => sockets.push(socket.on('error', () => {})));
  const port = await freePort();
  await new Promise<void>((resolve) => mute.listen(port, '127.0.0.1', resolve));
  const address = { host: '127.0.0.1', port };
  const store = new RedisCounterStore({ ...EXACT, address, silenceMaxMs: 50, startMaxMs: 5000 });
  const started = store.start().catch(() => {});
  await until(
    () => sockets.length,
    (count) => count >= 3,
  );
  await store.close();
  await started;
  mute.close();
});

test('a reply that trickles in without an end is given up with its connection', async () => {
  await using fake = await startFakeRedis('$1000000\r\n');
  const address = { host: '127.0.0.1', port: fake.port };
  const errors = new ErrorCounts();
  const store = new RedisCounterStore({
    keyFormat: 'exact',
    address,
    errors,
    timeoutMs: 100,
    silenceMaxMs: 400,
  });
  await store.start();
  const trickle = setInterval(() => fake.write('x'), 20);
  const lost = health(store, false);
  expect(await askOne(store, { key: 'k' })).toBe('timeout');
  await lost;
  clearInterval(trickle);
  await health(store, true);
  expect([...errors.entries()].map(({ labels }) => labels.class)).toContain('timed_out');
  await store.close();
});

test('a connection cut in the middle of a call fails that call, and is made again', async () => {
  await using rig = await startRig();
  rig.server.freeze();
  const asked = ask(rig.store, [group({ key: 'k' })]);
  await until(
    () => rig.store.calls,
    (calls) => calls === 1,
  );
  const queued = ask(rig.store, [group({ key: 'k' })]);
  const lost = health(rig.store, false);
  const gone = rig.server.kill();
  await lost;
  await gone;
  expect(readings(await asked)).toEqual([['unavailable']]);
  expect(readings(await queued)).toEqual([['unavailable']]);
});

test('what is no Redis is told of as such', async () => {
  const greeter: Server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
  });
  const port = await freePort();
  await new Promise<void>((resolve) => greeter.listen(port, '127.0.0.1', resolve));
  const events: RedisEvent[] = [];
  const onEvent = (event: RedisEvent) => events.push(event);
  const address = { host: '127.0.0.1', port };
  const store = new RedisCounterStore({ ...EXACT, address, onEvent, startMaxMs: 200 });
  await expect(store.start()).rejects.toThrow(/Unknown RESP type/);
  expect(events[0]).toMatchObject({
    kind: 'error',
    address: `127.0.0.1:${port}`,
    row: { name: 'protocol' },
    command: 'connect',
    leftOut: 0,
  });
  await store.close();
  greeter.close();
});

test('a name that cannot be resolved is told of as such', async () => {
  const events: RedisEvent[] = [];
  const onEvent = (event: RedisEvent) => events.push(event);
  // No name at all, so that no resolver has to be asked, which may take its time.
  const address = { host: 'redis..invalid', port: 6379 };
  const store = new RedisCounterStore({ ...EXACT, address, onEvent, startMaxMs: 4000 });
  const started = expect(store.start()).rejects.toThrow(/redis..invalid:6379/);
  await until(
    () => events.map(({ row }) => row?.name),
    (names) => names.includes('name_not_found'),
  );
  await store.close();
  await started;
});

test('errors are counted one by one, and told of once a second with how many were not', async () => {
  let now = 0;
  const errors = new ErrorCounts();
  await using rig = await startRig({ errors, monotonic: () => now });
  await rig.redis.set('text', 'no number');
  const oops = () => ask(rig.store, [group({ key: 'text' })]);
  await oops();
  await oops();
  await oops();
  now += 1000;
  await oops();
  const told = rig.events.filter(({ kind }) => kind === 'error');
  expect(told.map(({ row, leftOut }) => [row?.name, leftOut])).toEqual([
    ['err', 0],
    ['err', 2],
  ]);
  const node = `127.0.0.1:${rig.server.port}`;
  expect([...errors.entries()]).toEqual([
    { labels: { class: 'err', node, command: expect.any(String) }, value: 4 },
  ]);
});
