/**
 * One process at a time: a lock file made by `link`, which is atomic and carries its owner's process
 * id from the first moment. A lock whose owner is gone, or that is older than its bound, is taken over.
 * Plain JavaScript for Node 20 without packages: it runs before anything is installed.
 */
import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** An install takes seconds to a few minutes; a lock older than this belongs to nobody. */
const LOCK_AGE_MS_MAX = 15 * 60_000;
/** How long to wait for another's install before giving up: a little more than a lock may live. */
const WAIT_MS_MAX = LOCK_AGE_MS_MAX + 60_000;
const POLL_MS = 100;

/**
 * Runs `work` while holding the lock file `path`.
 *
 * @template T
 * @param {string} path
 * @param {() => T | Promise<T>} work
 * @returns {Promise<T>}
 */
export async function exclusively(path, work) {
  await acquire(path);
  const release = () => rmSync(path, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

async function acquire(path) {
  mkdirSync(dirname(path), { recursive: true });
  const ticket = `${path}.${process.pid}`;
  writeFileSync(ticket, String(process.pid));
  try {
    const giveUpAt = Date.now() + WAIT_MS_MAX;
    while (!tryLink(ticket, path)) {
      if (Date.now() > giveUpAt)
        throw new Error(`another process holds ${path}; remove it if none runs`);
      if (isStale(path)) takeAway(path);
      else await delay(POLL_MS);
    }
  } finally {
    rmSync(ticket, { force: true });
  }
}

function tryLink(ticket, path) {
  try {
    linkSync(ticket, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function isStale(path) {
  try {
    if (Date.now() - statSync(path).mtimeMs > LOCK_AGE_MS_MAX) return true;
    return !isAlive(Number(readFileSync(path, 'utf8')));
  } catch (error) {
    if (error.code === 'ENOENT') return false; // released meanwhile: the next try decides
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Moves first and looks again, so that a lock renewed in between goes back to its owner. */
function takeAway(path) {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  if (isStale(aside)) rmSync(aside, { force: true });
  else renameSync(aside, path);
}
