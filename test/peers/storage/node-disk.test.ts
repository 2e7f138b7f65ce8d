/** The storage on the real file system: its directory, its lock, and processes that are killed. */
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
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
  const locksIn = (path: string): string[] => readdirSync(path);

  test('keeps a second one out, in this process too, until it is given back', async () => {
    const path = emptyDirectory();
    const release = await lockDirectory(path);
    const [name = ''] = locksIn(path);
    await expect(lockDirectory(path)).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining(
        `process ${process.pid} has it by the lock ${join(path, name)}`,
      ),
    });
    expect(locksIn(path)).toEqual([name]);
    await release();
    await (await lockDirectory(path))();
    expect(locksIn(path)).toEqual([]);
  });

  test('of a process that ended is taken over, though nobody asked how it ended', async () => {
    const path = emptyDirectory();
    const module = new URL('../../../src/peers/storage/directory-lock.ts', import.meta.url).href;
    const script = `import { lockDirectory } from '${module}';
      await lockDirectory('${path}'); process.kill(process.pid, 'SIGKILL');`;
    // The shell becomes a program that does not wait for its child, which stays a zombie.
    const line = 'node --input-type=module -e "$0" & exec sleep 60';
    const shell = spawn('sh', ['-c', line.replace('node', process.execPath), script]);
    onTestFinished(() => void shell.kill('SIGKILL'));
    const [old = ''] = await until(
      () => locksIn(path).filter((name) => !name.endsWith('.tmp')),
      (names) => names.length > 0,
    );
    const release = await until(
      () => lockDirectory(path).catch(() => null),
      (one) => one !== null,
    );
    expect(locksIn(path)).toHaveLength(1);
    expect(locksIn(path)).not.toContain(old);
    await release?.();
  });

  test('of an earlier boot, or of a process whose id another has now, is taken over', async () => {
    const path = emptyDirectory();
    const release = await lockDirectory(path);
    const [own = ''] = locksIn(path);
    const holder = JSON.parse(readFileSync(join(path, own), 'utf8')) as { boot: string };
    const { boot } = holder;
    await release();
    writeFileSync(join(path, 'lock-a'), text({ ...holder, boot: 'earlier' }));
    writeFileSync(join(path, 'lock-b'), text({ boot }));
    writeFileSync(join(path, 'lock-c'), text({ boot, pid: 2 ** 22 + 1 }));
    await lockDirectory(path);
    expect(locksIn(path)).toHaveLength(1);
  });

  test.each([
    ["another host's", text({ host: 'elsewhere' }), "of host 'elsewhere' has it"],
    ['one that is damaged', '{', 'cannot be read: remove it once no process uses the directory'],
    ['one without a holder', '{"pid": 1}', 'cannot be read'],
  ])('%s is respected', async (_name, content, message) => {
    const path = emptyDirectory();
    writeFileSync(join(path, 'lock-a'), content);
    await expect(lockDirectory(path)).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining(message),
    });
    expect(locksIn(path)).toEqual(['lock-a']);
  });

  test('is held by one at a time, whoever comes and goes', async () => {
    const path = emptyDirectory();
    let [holders, held] = [0, 0];
    const comeAndGo = async (): Promise<void> => {
      // Who meets another gives way, and so may all of them, for a while.
      for (let i = 0; i < (held > 0 ? 25 : 2_500); i++) {
        const release = await lockDirectory(path).catch(() => null);
        if (release === null) continue;
        expect(++holders).toBe(1);
        held++;
        await new Promise(setImmediate);
        holders--;
        await release();
      }
    };
    writeFileSync(join(path, 'lock-a'), text({ boot: 'earlier' }));
    await Promise.all(Array.from({ length: 6 }, comeAndGo));
    expect(held).toBeGreaterThan(0);
    expect(locksIn(path)).toEqual([]);
  });

  test('that cannot be made is an error of the system', async () => {
    const path = join(emptyDirectory(), 'none');
    await expect(lockDirectory(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

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
