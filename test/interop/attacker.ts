/**
 * Carries an attack of attacks.ts out: `node attacker.ts NAME PORT`, until it is killed. It runs as a
 * process of its own, so that its work is not taken for the service's slowness. Says `under way` once
 * every connection has sent its opening.
 */
import { connect, type Socket } from 'node:net';
import { ATTACKS, type Attack } from './attacks.ts';

/** All that it says. */
export type AttackerWord = 'under way';
const UNDER_WAY: AttackerWord = 'under way';
/** An attacker whose test is gone ends by itself. */
const ATTACK_MS_MAX = 30_000;
/** Connections that the service ends at once are opened again at this pace, each. */
const REOPEN_MS = 1;

const attack = ATTACKS.find(({ name }) => name === process.argv[2]);
if (attack === undefined) throw new Error(`no attack ${process.argv[2]}`);
const port = Number(process.argv[3]);
let opened = 0;

function open(plan: Attack): void {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  if (plan.reads) socket.resume();
  else socket.pause();
  socket.once('connect', () => {
    begin(socket, plan);
    if (++opened === plan.connections) process.stdout.write(`${UNDER_WAY}\n`);
  });
  socket.on('error', () => {});
  // A side that was closed by the service takes nothing more.
  socket.once('end', () => {
    if (!plan.closes) socket.destroy();
  });
  socket.once('close', () => setTimeout(() => open(plan), REOPEN_MS));
}

function begin(socket: Socket, plan: Attack): void {
  const opening = Buffer.concat(plan.opening);
  if (plan.dripMs > 0) {
    drip(socket, opening, plan.dripMs);
    return;
  }
  socket.write(opening);
  if (plan.closes) socket.end();
  const { next } = plan;
  if (next === null) return;
  let i = 0;
  const pump = (): void => {
    if (socket.destroyed) return;
    // One write a turn: the attacker reads what it is told, too.
    if (socket.write(next(i++))) setImmediate(pump);
    else socket.once('drain', pump);
  };
  pump();
}

function drip(socket: Socket, bytes: Buffer, everyMs: number): void {
  let at = 0;
  const timer = setInterval(() => {
    if (!socket.destroyed && at < bytes.length) socket.write(bytes.subarray(at, ++at));
  }, everyMs);
  socket.once('close', () => clearInterval(timer));
}

for (let i = 0; i < attack.connections; i++) open(attack);
setTimeout(() => process.exit(0), ATTACK_MS_MAX);
