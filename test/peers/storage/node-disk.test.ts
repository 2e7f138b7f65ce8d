/** The storage on the real file system: its directory, its lock, and processes that are killed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { lockDirectory } from '../../../src/peers/storage/directory-lock.ts';
import { segmentName } from '../../../src/peers/storage/file-names.ts';
import { openNodeDisk } from '../../../src/peers/storage/node-disk.ts';
import { type OpenedStorage, RaftStorage } from '../../../src/peers/storage/raft-storage.ts';
import { Child, until } from '../../support/child.ts';
import { entries, persistOf, snapshotOf } from './support/persists.ts';

const LOOP = fileURLToPath(new URL('support/persist-loop.ts', import.meta.url));
const KILLS = 6;

/** Removed after the test. */
function emptyDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'weir-raft-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function open(path: string): Promise<OpenedStorage> {
  return RaftStorage.open(path, { clusterId: 'c', nodeId: 'a' });
}

describe('a directory', () => {
  test('is made, for its owner alone, and gives back what was persisted', async () => {
    const path = join(emptyDirectory(), 'voter');
    const first = await open(path);
    expect(first.isNew).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(path, segmentName(1))).mode & 0o777).toBe(0o600);
    await first.storage.persist(persistOf({ term: 2, entries: entries(1, 3) }));
    await first.storage.persist(persistOf({ term: 2, snapshot: snapshotOf(2) }));
    await first.storage.compact(2);
    await first.storage.close();
    const second = await open(path);
    expect(second).toMatchObject({ isNew: false, incarnation: 2, notes: [] });
    expect(second.restored).toEqual({
      term: 2,
      vote: 'a',
      snapshot: snapshotOf(2),
      entries: entries(3, 3),
    });
    await second.storage.close();
    expect(readdirSync(path).filter((name) => name.startsWith('lock'))).toEqual([]);
  });

  test('whose parent is missing is not made up', async () => {
    const path = join(emptyDirectory(), 'wrong', 'voter');
    await expect(open(path)).rejects.toMatchObject({
      code: 'io',
      message: expect.stringContaining(`opening the raft storage in ${path}: ENOENT`),
    });
    expect(existsSync(path)).toBe(false);
  });

  test('that is a file is refused', async () => {
    const path = join(emptyDirectory(), 'voter');
    writeFileSync(path, '');
    await expect(open(path)).rejects.toMatchObject({ message: expect.stringContaining('ENOTDIR') });
  });

  test('takes no file twice', async () => {
    const disk = await openNodeDisk(emptyDirectory());
    await (await disk.create('x')).close();
    await expect(disk.create('x')).rejects.toMatchObject({ code: 'EEXIST' });
  });
});

describe('a lock', () => {
  const text = (changed: object): string =>
    JSON.stringify({ pid: process.pid, startedAt: '1', host: hostname(), boot: 'b', ...changed });

  test('keeps a second one out, in this process too', async () => {
    const path = emptyDirectory();
    const release = await lockDirectory(path);
    await expect(lockDirectory(path)).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining(`process ${process.pid} has it by the lock ${path}/lock-1`),
    });
    await release();
    await (await lockDirectory(path))();
    expect(readdirSync(path)).toEqual([]);
  });

  test('of a process that ended is taken over', async () => {
    const path = emptyDirectory();
    const script = `import { lockDirectory } from ${JSON.stringify(
      new URL('../../../src/peers/storage/directory-lock.ts', import.meta.url).href,
    )}; await lockDirectory(${JSON.stringify(path)});`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
    await once(child, 'exit');
    expect(readdirSync(path)).toEqual(['lock-1']);
    const release = await lockDirectory(path);
    expect(readdirSync(path)).toEqual(['lock-2']);
    await release();
  });

  test.each([
    ['of a process that has the id again', { boot: null }],
    ['of an earlier boot', {}],
  ])('%s is taken over', async (_name, changed) => {
    const path = emptyDirectory();
    const release = await lockDirectory(path);
    await release();
    const boot = 'boot' in changed ? await ownBoot(path) : 'earlier';
    writeFileSync(join(path, 'lock-7'), text({ boot }));
    writeFileSync(join(path, 'lock-3'), 'older still');
    await lockDirectory(path);
    expect(readdirSync(path)).toEqual(['lock-8']);
  });

  test.each([
    ["another host's", text({ host: 'elsewhere' }), "of host 'elsewhere' has it"],
    ['one that is damaged', '{', 'cannot be read: remove it once no process uses the directory'],
    ['one without a holder', '{"pid": 1}', 'cannot be read'],
  ])('%s is respected', async (_name, content, message) => {
    const path = emptyDirectory();
    writeFileSync(join(path, 'lock-1'), content);
    await expect(lockDirectory(path)).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining(message),
    });
  });

  test('is taken by one of many that try at once', async () => {
    const path = emptyDirectory();
    writeFileSync(join(path, 'lock-1'), text({ boot: 'earlier' }));
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => lockDirectory(path)));
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('that cannot be made is an error of the system', async () => {
    await expect(lockDirectory(join(emptyDirectory(), 'none'))).rejects.toMatchObject({
      code: 'ENOENT',
    });
    const path = emptyDirectory();
    mkdirSync(join(path, `lock-${process.pid}-1.tmp`));
    await expect(lockDirectory(path)).rejects.toMatchObject({ code: 'EISDIR' });
  });
});

async function ownBoot(path: string): Promise<string> {
  const { readFileSync } = await import('node:fs');
  const release = await lockDirectory(path);
  const { boot } = JSON.parse(readFileSync(join(path, 'lock-1'), 'utf8')) as { boot: string };
  await release();
  return boot;
}

test(`a process that is killed while it persists loses nothing it acknowledged: ${KILLS} kills`, async () => {
  const path = join(emptyDirectory(), 'voter');
  for (let kill = 1; kill <= KILLS; kill++) {
    const child = new Child({ command: [process.execPath, LOOP, path], env: process.env });
    const lines = (): string[] => child.output.split('\n').slice(0, -1);
    await until(lines, (all) => all.length >= 15 + kill * 7, 20_000);
    await child.stop('SIGKILL');
    const [index = 0, term = 0] = (lines().at(-1) ?? '').split(' ').map(Number);
    const { storage, restored, incarnation } = await open(path);
    const base = restored.snapshot?.meta.index ?? 0;
    const last = restored.entries.at(-1)?.index ?? base;
    // At most the one that was being written, of up to four entries.
    expect([term, term + 1]).toContain(restored.term);
    expect(last).toBeGreaterThanOrEqual(index);
    expect(last).toBeLessThanOrEqual(index + 4);
    expect(restored.entries.map((one) => one.index)).toEqual(
      Array.from({ length: last - base }, (_, i) => base + 1 + i),
    );
    expect(incarnation).toBe(2 * kill);
    await storage.close();
  }
});
