/** Two commands started at once on a fresh clone must not install over each other. */
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

interface Exclusive {
  readonly exclusively: <T>(path: string, work: () => T | Promise<T>) => Promise<T>;
}

const MODULE = new URL('../../scripts/exclusive.mjs', import.meta.url).href;
const { exclusively } = (await import(MODULE)) as Exclusive;

/** Notes its coming and going, a while apart, in a file that the others write too. */
const NOTING = `
  import { appendFileSync } from 'node:fs';
  import { setTimeout as delay } from 'node:timers/promises';
  import { exclusively } from ${JSON.stringify(MODULE)};
  await exclusively(process.argv[1], async () => {
    appendFileSync(process.argv[2], 'in ');
    await delay(50);
    appendFileSync(process.argv[2], 'out ');
  });
`;

let folder = '';
let lock = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-lock-'));
  lock = join(folder, 'a.lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('processes started at once come one after another', async () => {
  const notes = join(folder, 'notes');
  const args = ['--input-type=module', '--eval', NOTING, lock, notes];
  const run = promisify(execFile);
  await Promise.all([1, 2, 3].map(() => run(process.execPath, args)));
  expect(readFileSync(notes, 'utf8')).toBe('in out in out in out ');
});

test('gives the result of the work and leaves nothing behind', async () => {
  await expect(exclusively(lock, () => 7)).resolves.toBe(7);
  expect(readdirSync(folder)).toEqual([]);
});

test('lets go when the work fails', async () => {
  const work = () => Promise.reject(new Error('no'));
  await expect(exclusively(lock, work)).rejects.toThrow('no');
  expect(existsSync(lock)).toBe(false);
});

test('takes over the lock of a process that is gone', async () => {
  const { pid } = await new Promise<{ pid: number | undefined }>((resolve) => {
    const child = execFile(process.execPath, ['--version'], () => resolve({ pid: child.pid }));
  });
  writeFileSync(lock, String(pid));
  await expect(exclusively(lock, () => 'mine')).resolves.toBe('mine');
  expect(readdirSync(folder)).toEqual([]);
});

test('takes over a lock that is older than any install', async () => {
  writeFileSync(lock, String(process.pid));
  const hourAgo = Date.now() / 1000 - 3600;
  utimesSync(lock, hourAgo, hourAgo);
  await expect(exclusively(lock, () => 'mine')).resolves.toBe('mine');
});
