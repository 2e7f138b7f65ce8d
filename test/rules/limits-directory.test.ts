import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FILE_BYTES_MAX } from '../../src/rules/bounds.ts';
import { readLimitsDirectory, signatureOf } from '../../src/rules/limits-directory.ts';
import { formatProblem } from '../../src/rules/problem.ts';
import { limitsDirectory } from './support.ts';

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
    expect(read(path).length).toBeLessThan(20);
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

  test('leaves out what is not read', async () => {
    const path = limitsDirectory({ a: '' });
    const directory = { path, ignoreDotFiles: true };
    writeFileSync(join(path, '.a'), '');
    const before = await signatureOf(directory);
    writeFileSync(join(path, '.a'), 'more');
    expect(await signatureOf(directory)).toBe(before);
  });
});
