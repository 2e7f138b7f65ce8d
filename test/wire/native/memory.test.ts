/**
 * What connections and calls cost the process that serves them, in objects and buffers: 5.7 KiB and 0.4
 * KiB when this was written. docs/ARCHITECTURE.md counts what the system adds, too. The other ends of
 * the connections are another process's.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Child, until } from '../../support/child.ts';
import { call, callFields, PREFACE, settings } from '../../support/http2-frames.ts';
import { PATH, unary } from '../listener-fixture.ts';
import { memoryBytes } from '../memory.ts';
import { startNative } from './native-fixture.ts';

const CONNECTIONS = 1000;
const CONNECTION_BYTES_MAX = 12 * 1024;
const CALLING_CONNECTIONS = 10;
const CALLS_OF_EACH = 1000;
const CALL_BYTES_MAX = 1024;
/** Caches, compiled code and the like, of a process that goes back to where it was. */
const REST_BYTES_MAX = 2 * 1024 * 1024;
const ALL_MS_MAX = 20_000;

/** Opens connections, each of which says the same and then reads on. */
const PEERS = `
const { connect } = require('node:net');
const [port, count, path] = process.argv.slice(1);
const says = require('node:fs').readFileSync(path);
for (let i = 0; i < Number(count); i++) {
  const socket = connect(Number(port), '127.0.0.1', () => socket.write(says));
  socket.resume();
}`;

function openPeers(port: number, count: number, says: Uint8Array): Child {
  const dir = mkdtempSync(join(tmpdir(), 'weir-peers-'));
  const path = join(dir, 'says');
  writeFileSync(path, says);
  const args = [String(port), String(count), path];
  const child = new Child({ command: [process.execPath, '-e', PEERS, ...args], env: process.env });
  onTestFinished(async () => {
    await child.stop('SIGKILL');
    rmSync(dir, { recursive: true });
  });
  return child;
}

it('an idle connection costs some KiB, an open call less than one, and all of it comes back', async () => {
  const { server, port } = await startNative(unary(() => {}));
  onTestFinished(() => server.drain(0));
  const { http2, grpc } = server.counters;
  const atFirst = await memoryBytes();

  const greeting = Buffer.concat([PREFACE, settings()]);
  const idle = openPeers(port, CONNECTIONS, greeting);
  const heard = () => http2.bytesReceived;
  await until(heard, (bytes) => bytes >= CONNECTIONS * greeting.length, ALL_MS_MAX);
  const connectionBytes = ((await memoryBytes()) - atFirst) / CONNECTIONS;

  const calls = Array.from({ length: CALLS_OF_EACH }, (_, i) =>
    call(2 * i + 1, 'x'.repeat(50), callFields(PATH)),
  );
  const callers = openPeers(port, CALLING_CONNECTIONS, Buffer.concat([greeting, ...calls]));
  const all = CALLING_CONNECTIONS * CALLS_OF_EACH;
  await until(
    () => grpc.callsStarted,
    (started) => started === all,
    ALL_MS_MAX,
  );
  const withCalls = (await memoryBytes()) - atFirst - CONNECTIONS * connectionBytes;
  const callBytes = withCalls / all;

  await Promise.all([idle.stop('SIGKILL'), callers.stop('SIGKILL')]);
  await until(
    () => server.connectionCount,
    (count) => count === 0,
    ALL_MS_MAX,
  );
  const rest = (await memoryBytes()) - atFirst;
  const measured = `${connectionBytes} a connection, ${callBytes} a call, ${rest} left`;
  expect(connectionBytes, measured).toBeLessThan(CONNECTION_BYTES_MAX);
  expect(callBytes, measured).toBeLessThan(CALL_BYTES_MAX);
  expect(rest, measured).toBeLessThan(REST_BYTES_MAX);
});
