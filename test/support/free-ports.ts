/**
 * Ports for servers that cannot be asked to pick their own. They lie below the range that the system
 * gives to outgoing connections, and each test worker takes from a part of its own, counting up from a
 * random start: two workers, or two servers of one worker, do not meet on the same port.
 */
import { createServer } from 'node:net';

const FIRST = 12_000;
const PORTS_PER_WORKER = 2_000;
const WORKERS = 10;
/** Ports tried before giving up; one that is taken by a stranger is rare. */
const ATTEMPTS_MAX = 200;

const worker = Number(process.env['VITEST_POOL_ID'] ?? 0) % WORKERS;
let next = Math.floor(Math.random() * PORTS_PER_WORKER);

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** One port that nothing listens on, on loopback. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const port = FIRST + worker * PORTS_PER_WORKER + (next++ % PORTS_PER_WORKER);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port among ${ATTEMPTS_MAX}`);
}
