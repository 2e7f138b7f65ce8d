/** Workers as the supervisor sees them: real processes of a script that behaves as it is told. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { Fleet } from '../../src/workers/fleet.ts';
import { NO_RULES } from '../../src/workers/kept-rules.ts';
import type { Report } from '../../src/workers/protocol.ts';
import { WorkerChild, type WorkerEnd } from '../../src/workers/worker-child.ts';
import { observed } from '../telemetry/observed.ts';

const SCRIPT = new URL('peer-process.ts', import.meta.url);

interface Peer {
  readonly worker: WorkerChild;
  readonly reports: Report[];
  readonly ended: Promise<WorkerEnd>;
}

let number = 0;

function start(behaviour: string, script = SCRIPT): Peer {
  const reports: Report[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<WorkerEnd>();
  number += 1;
  const child = fork(script, [behaviour], { serialization: 'advanced', execArgv: [] });
  const worker = new WorkerChild(number, child, {
    reported: (_worker, report) => reports.push(report),
    ended: (_worker, end) => resolve(end),
  });
  onTestFinished(() => worker.kill());
  return { worker, reports, ended };
}

async function startServing(behaviour: string): Promise<Peer> {
  const peer = start(behaviour);
  peer.worker.sendRules(NO_RULES);
  await expect.poll(() => peer.reports.map(({ kind }) => kind)).toContain('ready');
  peer.worker.commit(0);
  await expect.poll(() => peer.worker.state).toBe('serving');
  return peer;
}

function fleetOf(size: number, ...peers: readonly Peer[]): Fleet {
  const fleet = new Fleet(size, observed().telemetry);
  for (const { worker } of peers) fleet.add(worker);
  return fleet;
}

/** Connections as the supervisor's port accepts them: nothing of them was read. */
async function connections(count: number): Promise<{ accepted: Socket[]; peers: Socket[] }> {
  const accepted: Socket[] = [];
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => {});
    accepted.push(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const peers = Array.from({ length: count }, () => connect(port, '127.0.0.1'));
  for (const peer of peers) {
    peer.on('error', () => {});
    onTestFinished(() => void peer.destroy());
  }
  await expect.poll(() => accepted.length).toBe(count);
  return { accepted, peers };
}

async function textOf(peer: Socket): Promise<string> {
  let text = '';
  peer.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  await once(peer, 'close');
  return text;
}

test('connections go to the worker that has the fewest, one after the other', async () => {
  const [one, other] = [await startServing('answers'), await startServing('answers')];
  const fleet = fleetOf(2, one, other);
  expect(fleet.ailment).toBe('');
  const { accepted, peers } = await connections(6);
  for (const socket of accepted) fleet.take(socket);
  expect([one.worker.load, other.worker.load]).toEqual([3, 3]);
  expect(await Promise.all(peers.map(textOf))).toEqual(Array.from({ length: 6 }, () => 'taken'));
  await expect.poll(() => one.reports.at(-1)).toEqual({ kind: 'taken', connections: 3 });
});

test('what a worker that ended was still to be handed goes to another', async () => {
  const greedy = await startServing('greedy');
  const fleet = fleetOf(2, greedy);
  const { accepted, peers } = await connections(3);
  for (const socket of accepted) fleet.take(socket);
  expect(await textOf(peers[0] as Socket)).toBe('taken');
  expect(greedy.worker.load).toBe(3);
  const other = await startServing('answers');
  fleet.add(other.worker);
  greedy.worker.kill();
  const end = await greedy.ended;
  expect(end).toMatchObject({ signal: 'SIGKILL', wasHung: false });
  expect(end.sockets).toHaveLength(2);
  fleet.remove(greedy.worker, end);
  expect(await Promise.all(peers.slice(1).map(textOf))).toEqual(['taken', 'taken']);
});

test('a connection whose peer left meanwhile is not handed over', async () => {
  const greedy = await startServing('greedy');
  const { accepted } = await connections(2);
  const [first, second] = accepted as [Socket, Socket];
  second.destroy();
  greedy.worker.hand(first);
  greedy.worker.hand(second);
  greedy.worker.kill();
  expect((await greedy.ended).sockets).toEqual([second]);
  greedy.worker.hand(second);
  expect(greedy.worker.state).toBe('ended');
});

test('no more than 1024 connections wait for one worker', async () => {
  const greedy = await startServing('greedy');
  const { accepted } = await connections(2);
  const [first, waiting] = accepted as [Socket, Socket];
  greedy.worker.hand(first);
  for (let count = 0; count < 1024; count += 1) greedy.worker.hand(waiting);
  expect(waiting.destroyed).toBe(false);
  greedy.worker.hand(waiting);
  expect(waiting.destroyed).toBe(true);
});

test('with no worker that serves, connections are closed and pages say what there is', async () => {
  const starting = start('answers');
  const fleet = fleetOf(3, starting);
  expect(fleet.ailment).toMatch(/^worker \d+ is starting, 2 of 3 workers will be replaced$/);
  const { accepted, peers } = await connections(1);
  fleet.take(accepted[0] as Socket);
  expect(await textOf(peers[0] as Socket)).toBe('');
  expect(await fleet.answerJson('{}')).toMatchObject({
    status: 503,
    reason: 'no worker could answer',
  });
  await expect(fleet.profile('cpu', 1)).rejects.toThrow('no worker serves');
  expect([...(await fleet.statLines())]).toEqual([]);
});

test('a worker whose own health fails is named', async () => {
  const ill = await startServing('unhealthy');
  expect(fleetOf(1, ill).ailment).toBe(`worker ${ill.worker.number} is unhealthy`);
});

test('a worker that drains still answers questions, and takes connections where none serves', async () => {
  const peer = await startServing('deaf');
  const fleet = fleetOf(1, peer);
  peer.worker.stop();
  expect(fleet.ailment).toBe(`worker ${peer.worker.number} is draining`);
  const { accepted, peers } = await connections(2);
  const texts = peers.map(textOf);
  fleet.take(accepted[0] as Socket);
  expect(await texts[0]).toBe('taken');
  const other = await startServing('answers');
  fleet.add(other.worker);
  fleet.take(accepted[1] as Socket);
  await texts[1];
  await expect.poll(() => other.worker.load).toBe(1);
  const answer = fleet.answerJson('{}');
  peer.worker.kill();
  expect(await answer).toMatchObject({ status: 503 });
});

test('a question is refused by a worker that cannot, that ended, or that has too many', async () => {
  const peer = await startServing('answers');
  await expect(peer.worker.ask({ kind: 'json', body: '' })).rejects.toThrow('no answer to that');
  expect(await peer.worker.ask({ kind: 'counts' })).toBeNull();
  peer.worker.kill();
  await peer.ended;
  await expect(peer.worker.ask({ kind: 'counts' })).rejects.toThrow('cannot be asked');
  peer.worker.stop();
  expect(peer.worker.state).toBe('ended');

  const mute = await startServing('greedy');
  const asked = Array.from({ length: 1024 }, () =>
    mute.worker.ask({ kind: 'counts' }).catch((error: Error) => error.message),
  );
  await expect(mute.worker.ask({ kind: 'counts' })).rejects.toThrow('cannot be asked');
  mute.worker.kill();
  expect(new Set(await Promise.all(asked))).toEqual(
    new Set([`worker ${mute.worker.number} ended`]),
  );
});

test('a page does not wait for ever for the counts of a worker', async () => {
  const fleet = fleetOf(1, await startServing('greedy'));
  expect([...(await fleet.statLines())]).toEqual([]);
});

test('silent for 5 looks a worker is killed, after its first sign of life', async () => {
  const peer = await startServing('answers');
  for (let look = 0; look < 5; look += 1) peer.worker.look();
  expect(await peer.worker.ask({ kind: 'counts' })).toBeNull();
  for (let look = 0; look < 5; look += 1) peer.worker.look();
  expect(peer.worker.state).toBe('serving');
  peer.worker.look();
  peer.worker.look();
  expect(await peer.ended).toMatchObject({ signal: 'SIGKILL', wasHung: true });
});

test('until its first sign of life a worker has a minute', async () => {
  const peer = start('silent');
  for (let look = 0; look < 60; look += 1) peer.worker.look();
  expect(peer.worker.state).toBe('starting');
  peer.worker.look();
  expect(await peer.ended).toMatchObject({ wasHung: true });
});

test('what a worker said last is heard before its end', async () => {
  const peer = start('last-words');
  expect(await peer.ended).toMatchObject({ code: 3, signal: null });
  expect(peer.reports).toEqual([{ kind: 'failed', text: 'last words' }]);
});
