import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join, relative } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FILE_BYTES_MAX, FOLDER_DEPTH_MAX } from '../../src/rules/bounds.ts';
import { listFiles, signatureOf } from '../../src/rules/directory-walk.ts';
import { readLimitsDirectory } from '../../src/rules/limits-directory.ts';
import { formatProblem } from '../../src/rules/problem.ts';
import { readLimitsFile } from '../../src/rules/read-limits-file.ts';
import { limitsDirectory, makePipe } from './support.ts';

/** Names read, and for those that could not be, why. */
function read(path: string, ignoreDotFiles = false): string[] {
  const { files, problem } = readLimitsDirectory({ path, ignoreDotFiles });
  if (problem !== null) return [formatProblem(problem).replaceAll(path, 'DIR')];
  return files.map((file) =>
    'text' in file
      ? relative(path, file.file)
      : formatProblem(file.problem).replaceAll(path, 'DIR'),
  );
}

describe('reading a directory', () => {
  test('takes every file, whatever its name, also in folders, sorted', () => {
    const path = limitsDirectory({
      'b.yaml': '',
      a: '',
      'sub/c.txt': '',
      'sub/deep/d': '',
      '.hidden': '',
    });
    expect(read(path)).toEqual(['.hidden', 'a', 'b.yaml', 'sub/c.txt', 'sub/deep/d']);
    expect(read(path, true)).toEqual(['a', 'b.yaml', 'sub/c.txt', 'sub/deep/d']);
  });

  test('reads the files of a ConfigMap once', () => {
    const path = limitsDirectory({ '..2026_01_01/limits.yaml': 'domain: a' });
    symlinkSync('..2026_01_01', join(path, '..data'));
    symlinkSync('..data/limits.yaml', join(path, 'limits.yaml'));
    expect(read(path)).toEqual(['limits.yaml']);
  });

  test('an empty directory has no files', () => {
    expect(read(limitsDirectory())).toEqual([]);
  });

  test('a directory that is not there is a problem', () => {
    const path = join(limitsDirectory(), 'none');
    expect(read(path)).toEqual([
      'DIR: error opening directory DIR: open DIR: no such file or directory',
    ]);
  });

  test('a link to nowhere is a problem of that file', () => {
    const path = limitsDirectory({ a: '' });
    symlinkSync('nowhere', join(path, 'b'));
    expect(read(path)).toEqual([
      'a',
      'DIR/b: error reading file DIR/b: open DIR/b: no such file or directory',
    ]);
  });

  test('a link to the directory itself ends', () => {
    const path = limitsDirectory({ a: '' });
    symlinkSync(path, join(path, 'again'));
    expect(read(path)).toEqual(['a']);
  });

  test('a folder that several links lead to is read once, by the shortest and first name', () => {
    const path = limitsDirectory({ 'm/deep/x': '' });
    symlinkSync('../m/deep', join(path, 'm/a'));
    symlinkSync('m/deep', join(path, 'z'));
    symlinkSync('m/deep', join(path, 'y'));
    expect(read(path)).toEqual(['y/x']);
  });

  test('a folder of a ConfigMap, linked through its machinery, is read', () => {
    const path = limitsDirectory({ '..1/sub/limits.yaml': 'domain: a' });
    symlinkSync('..1', join(path, '..data'));
    symlinkSync('..data/sub', join(path, 'sub'));
    expect(read(path)).toEqual(['sub/limits.yaml']);
  });

  test('a link to itself is a problem of that file', () => {
    const path = limitsDirectory({ a: '' });
    symlinkSync('b', join(path, 'b'));
    const lines = read(path);
    expect(lines[0]).toBe('a');
    expect(lines[1]).toMatch(/^DIR\/b: error reading file DIR\/b: open DIR\/b: .*symbolic links/);
  });

  test('folders count to a depth of 8; a deeper one is a problem', () => {
    const deep = Array.from({ length: FOLDER_DEPTH_MAX }, (_, i) => `d${i}`).join('/');
    const path = limitsDirectory({ [`${deep}/a`]: '', [`${deep}/more/b`]: '' });
    expect(read(path)).toEqual([
      `${deep}/a`,
      `DIR/${deep}/more: error reading file DIR/${deep}/more: is a folder more than 8 levels deep`,
    ]);
  });

  test.each([
    [7, null],
    [6, 'more than 6 files and folders in DIR'],
    [2, 'more than 2 files and folders in DIR'],
  ])('a tree of 7 names within a bound of %i', (entriesMax, why) => {
    const path = limitsDirectory({ a: '', b: '', 'sub/a': '', 'sub/b': '', '.x': '' });
    symlinkSync('sub', join(path, 'sub2'));
    const walk = () => listFiles({ path, ignoreDotFiles: true }, entriesMax);
    if (why === null) expect(walk()).toHaveLength(4);
    else expect(walk).toThrow(why.replace('DIR', path));
  });

  test('a link to the whole disk is refused as a directory, whatever the bound is met by', () => {
    const path = limitsDirectory({ a: '' });
    symlinkSync('/', join(path, 'everything'));
    const [line, ...more] = read(path);
    expect(more).toEqual([]);
    expect(line).toMatch(/^DIR: (?:more than \d+ files|error opening directory)/);
  });

  test('a text that is not UTF-8 is a problem', () => {
    const path = limitsDirectory({ a: new Uint8Array([0x64, 0xff, 0xfe]) });
    expect(read(path)).toEqual(['DIR/a: error loading config file: yaml: the text is not UTF-8']);
  });

  test('a file beyond the bound is refused unread', () => {
    const path = limitsDirectory({ a: '' });
    truncateSync(join(path, 'a'), FILE_BYTES_MAX + 1);
    expect(read(path)[0]).toContain(`is larger than ${FILE_BYTES_MAX} bytes`);
  });

  test('files beyond the bound of the directory are refused unread', () => {
    const path = limitsDirectory();
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      writeFileSync(join(path, name), '');
      truncateSync(join(path, name), FILE_BYTES_MAX);
    }
    const lines = read(path);
    expect(lines.slice(0, 4)).toEqual(['a', 'b', 'c', 'd']);
    expect(lines[4]).toContain('bytes in all files');
  });
});

describe('what is no file', () => {
  test.each([
    ['a named pipe', (path: string) => makePipe(path), 'is a named pipe, not a regular file'],
    [
      'a link to a device without end',
      (path: string) => symlinkSync('/dev/zero', path),
      'is a character device, not a regular file',
    ],
  ])('%s is a problem, and nothing is read from it', (_name, make, why) => {
    const path = limitsDirectory({ a: '' });
    make(join(path, 'z'));
    expect(read(path)).toEqual(['a', `DIR/z: error reading file DIR/z: ${why}`]);
  });

  test('a socket is a problem', async () => {
    const path = limitsDirectory();
    const server = createServer().listen(join(path, 's'));
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    expect(read(path)).toEqual([
      'DIR/s: error reading file DIR/s: is a socket, not a regular file',
    ]);
  });

  // Only Linux has such files.
  test.runIf(existsSync('/proc/self/smaps')).each([10, 20_000])(
    'a file that says it is empty is read up to the bound of %i bytes and no further',
    (bytesLeft) => {
      const { read: file, bytes } = readLimitsFile('/proc/self/smaps', bytesLeft);
      expect(bytes).toBe(bytesLeft + 1);
      expect('problem' in file && file.problem.message).toContain('bytes in all files');
    },
  );
});

describe('the signature of a directory', () => {
  test.each<[string, (path: string) => void]>([
    ['an edit', (path) => writeFileSync(join(path, 'a'), 'other')],
    ['a new file', (path) => writeFileSync(join(path, 'b'), '')],
    ['a deleted file', (path) => rmSync(join(path, 'a'))],
    ['a new file in a folder', (path) => writeFileSync(join(path, 'sub/x'), '')],
    ['a new folder', (path) => mkdirSync(join(path, 'more'))],
    ['the directory gone', (path) => rmSync(path, { recursive: true })],
    [
      'a directory put in its place',
      (path) => {
        rmSync(path, { recursive: true });
        mkdirSync(path);
        writeFileSync(join(path, 'a'), 'text');
      },
    ],
    [
      'a swapped link',
      (path) => {
        rmSync(join(path, 'link'));
        symlinkSync(join(dirname(path), 'config/sub/y'), join(path, 'link'));
      },
    ],
  ])('changes with %s', async (_name, change) => {
    const path = limitsDirectory({ a: 'text', 'sub/x0': '', 'sub/y': '' });
    symlinkSync(join(path, 'a'), join(path, 'link'));
    const directory = { path, ignoreDotFiles: false };
    const before = await signatureOf(directory);
    expect(await signatureOf(directory)).toBe(before);
    change(path);
    expect(await signatureOf(directory)).not.toBe(before);
  });

  test('enters a folder once, however many links lead to it', async () => {
    const path = limitsDirectory({ a: '', 'sub/x': '' });
    for (const name of ['l0', 'l1', 'l2', 'l3']) symlinkSync('.', join(path, name));
    symlinkSync('..', join(path, 'sub/up'));
    const lines = (await signatureOf({ path, ignoreDotFiles: false })).split('\n');
    expect(lines.map((line) => relative(path, line.split(' ')[0] as string))).toEqual([
      'a',
      'l0',
      'l1',
      'l2',
      'l3',
      'sub',
      'sub/up',
      'sub/x',
    ]);
  });

  test('ends at the bound, and changes when the directory is within it again', async () => {
    const path = limitsDirectory({ a: '', 'sub/a': '', 'sub/b': '', 'sub/c': '' });
    const directory = { path, ignoreDotFiles: false };
    expect(await signatureOf(directory, 4)).toContain('more than 4 files and folders');
    rmSync(join(path, 'sub/b'));
    const within = await signatureOf(directory, 4);
    expect(within).not.toContain('more than');
    expect(within.split('\n')).toHaveLength(4);
  });

  test('says which folder cannot be listed', async () => {
    const path = join(limitsDirectory(), 'none');
    expect(await signatureOf({ path, ignoreDotFiles: false })).toContain('ENOENT');
  });

  test('leaves out what is not read', async () => {
    const path = limitsDirectory({ a: '' });
    const directory = { path, ignoreDotFiles: true };
    writeFileSync(join(path, '.a'), '');
    const before = await signatureOf(directory);
    writeFileSync(join(path, '.a'), 'more');
    expect(await signatureOf(directory)).toBe(before);
  });
});
