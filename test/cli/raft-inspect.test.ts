/** `weir raft inspect`: what it says of a directory, and that it never changes it. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { run } from '../../src/cli/command-line.ts';
import { inspectRaft } from '../../src/cli/raft-inspect.ts';
import { segmentName, snapshotName } from '../../src/peers/storage/file-names.ts';
import { RaftStorage } from '../../src/peers/storage/raft-storage.ts';
import { entries, entry, persistOf, snapshotOf } from '../peers/storage/support/persists.ts';
import { makePipe } from '../rules/support.ts';

interface Ran {
  readonly code: number;
  readonly printed: readonly string[];
  readonly complained: readonly string[];
}

function weir(...words: readonly string[]): Ran {
  const printed: string[] = [];
  const complained: string[] = [];
  const code = run(words, '1.2.3', {
    print: (line) => printed.push(...line.split('\n')),
    complain: (line) => complained.push(line),
  });
  return { code, printed, complained };
}

function emptyDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'weir-inspect-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A voter that has a snapshot of 2, and entries up to 5. */
async function voterDirectory(): Promise<string> {
  const path = emptyDirectory();
  const { storage } = await RaftStorage.open(path, { clusterId: 'c', nodeId: 'a' });
  await storage.persist(persistOf({ entries: [...entries(1, 3), entry(4, 1, null)] }));
  await storage.persist(
    persistOf({ term: 2, vote: 'b', snapshot: snapshotOf(2), entries: [entry(5, 2, 'hi')] }),
  );
  await storage.close();
  return path;
}

function contentsOf(path: string): unknown[] {
  return readdirSync(path).map((name) => {
    const { mtimeMs, mode } = statSync(join(path, name));
    return [name, mtimeMs, mode, readFileSync(join(path, name), 'hex')];
  });
}

const SEGMENT = segmentName(1);
const SNAPSHOT = snapshotName(2);
const HEX = `${'78'.repeat(16)}…`;

describe('weir raft inspect', () => {
  test('says who it is, what it voted, and what it holds', async () => {
    const path = await voterDirectory();
    const before = contentsOf(path);
    expect(weir('raft', 'inspect', path)).toEqual({
      code: 0,
      printed: [
        'voter "a" of cluster "c"',
        'starts: 1, format: 1',
        'term: 2, vote: "b"',
        `${SNAPSHOT}: up to entry 2 of term 1, 45 bytes`,
        `${SEGMENT}: records 1 to 2, 5 entries, from 1 to 5, 1899 bytes`,
        'log: 5 entries, from 1 to 5',
        `  1  term 1  600 bytes  ${HEX}`,
        `  2  term 1  600 bytes  ${HEX}`,
        `  3  term 1  600 bytes  ${HEX}`,
        '  4  term 1  no-op',
        '  5  term 2  2 bytes  6869',
        'a voter can start from this directory',
      ],
      complained: [],
    });
    expect(contentsOf(path)).toEqual(before);
  });

  test('gives the same as JSON', async () => {
    const path = await voterDirectory();
    const { code, printed } = weir('raft', 'inspect', '--json', path);
    expect(code).toBe(0);
    expect(JSON.parse(printed.join('\n'))).toMatchObject({
      canStart: true,
      identity: { clusterId: 'c', nodeId: 'a', starts: 1 },
      locks: {},
      term: 2,
      vote: 'b',
      snapshots: [{ name: SNAPSHOT, meta: { index: 2, term: 1, size: 5 } }],
      segments: [{ name: SEGMENT, firstRecord: 1, records: 2, bytes: 1899, soundBytes: 1899 }],
      firstIndex: 1,
      lastIndex: 5,
      lastEntries: [{}, {}, {}, { payload: null, bytes: null }, { bytes: 2, payload: '6869' }],
      torn: null,
      warnings: [],
      problems: [],
    });
  });

  test('shows the end of a long log, a lock, and a command as its decoder says', async () => {
    const path = emptyDirectory();
    const { storage } = await RaftStorage.open(path, { clusterId: 'c', nodeId: 'a' });
    await storage.persist(persistOf({ vote: null, entries: entries(1, 30) }));
    const lines: string[] = [];
    const output = { print: (line: string) => lines.push(line), complain: () => undefined };
    const describePayload = (payload: Uint8Array): string => `${payload.length} x`;
    inspectRaft({ directory: path, json: false, describe: describePayload }, output);
    expect(lines[2]).toMatch(new RegExp(`^in use, by lock-[\\w-]+: \\{"pid":${process.pid},`));
    expect(lines[3]).toBe('term: 1, vote: none');
    expect(lines.slice(6, 8)).toEqual(['  …', '  11  term 1  600 bytes  600 x']);
    await storage.close();
  });

  test('of an empty log and no snapshot', async () => {
    const path = emptyDirectory();
    const { storage } = await RaftStorage.open(path, { clusterId: 'c', nodeId: 'a' });
    await storage.close();
    const { code, printed } = weir('raft', 'inspect', path);
    expect(code).toBe(0);
    expect(printed.slice(3)).toEqual([
      `${SEGMENT}: records none, no entries, 20 bytes`,
      'log: no entries',
      'a voter can start from this directory',
    ]);
    expect(JSON.parse(weir('raft', 'inspect', path, '--json').printed.join(''))).toMatchObject({
      firstIndex: null,
      lastIndex: null,
    });
  });

  test('tells a torn tail, which is no failure, with its place', async () => {
    const path = await voterDirectory();
    const bytes = readFileSync(join(path, SEGMENT));
    writeFileSync(join(path, SEGMENT), bytes.subarray(0, 1890));
    const before = contentsOf(path);
    const { code, printed } = weir('raft', 'inspect', path);
    expect(code).toBe(0);
    expect(printed).toContain(
      `torn by a crash, a start drops it: ${SEGMENT} at byte 1863: the file ends within a record`,
    );
    expect(contentsOf(path)).toEqual(before);
  });

  test('tells damage with its place: what is needed fails, what is not does not', async () => {
    const path = await voterDirectory();
    writeFileSync(join(path, SNAPSHOT), 'x');
    const spare = weir('raft', 'inspect', path);
    expect(spare.code).toBe(0);
    expect(spare.printed).toContain(`${SNAPSHOT}: damaged, 1 bytes`);
    expect(spare.printed).toContain(
      `damaged, and not needed: ${SNAPSHOT} at byte 0: the file ends within its header`,
    );
    const bytes = readFileSync(join(path, SEGMENT));
    bytes[100] = 0;
    writeFileSync(join(path, SEGMENT), bytes);
    const { code, printed } = weir('raft', 'inspect', path);
    expect(code).toBe(1);
    expect(printed.at(-2)).toBe(`problem: ${SEGMENT} at byte 20: the record fails its checksum`);
    expect(printed.at(-1)).toBe('a voter can NOT start from this directory');
    expect(JSON.parse(weir('raft', 'inspect', '--json', path).printed.join(''))).toMatchObject({
      canStart: false,
      problems: [{ file: SEGMENT, offset: 20 }],
    });
  });

  test('of a directory that is no voter says so', () => {
    const path = emptyDirectory();
    makePipe(join(path, SEGMENT));
    mkdirSync(join(path, SNAPSHOT));
    const { code, printed } = weir('raft', 'inspect', path);
    expect(code).toBe(1);
    expect(printed).toContain('problem: identity.json at byte 0: it is missing');
  });

  test.each([
    [['raft'], "raft takes the command 'inspect'"],
    [['raft', 'repair', 'x'], "raft takes the command 'inspect'"],
    [['raft', 'inspect'], 'raft inspect needs one directory'],
    [['raft', 'inspect', 'a', 'b'], 'raft inspect needs one directory'],
    [['raft', 'inspect', '--all', 'a'], "Unknown option '--all'"],
  ])('%j is misuse', (words, complaint) => {
    const { code, complained } = weir(...words);
    expect(code).toBe(2);
    expect(complained[0]).toContain(complaint);
  });

  test('of what cannot be read says why', () => {
    const path = join(emptyDirectory(), 'none');
    const { code, complained } = weir('raft', 'inspect', path);
    expect(code).toBe(1);
    expect(complained[0]).toMatch(/^weir: .*none cannot be read: ENOENT/);
  });
});
