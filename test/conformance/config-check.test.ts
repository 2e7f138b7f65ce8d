/** What the reference's offline check answered for one file, held against `weir -config_dir`. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../src/cli/command-line.ts';

interface Recorded {
  readonly name: string;
  readonly yaml: string;
  /** 2 is a panic of the reference: 1 for us. */
  readonly exit: number;
  readonly message: string;
}

const FILE = new URL('./config-check.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(FILE, 'utf8')) as { cases: readonly Recorded[] };

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-config-check-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('the offline check answers as the reference recorded', () => {
  test('with all 38 cases at hand', () => {
    expect(cases).toHaveLength(38);
  });

  test.each(cases)('$name', ({ yaml, exit, message }) => {
    writeFileSync(join(directory, 'limits.yaml'), yaml);
    const lines: string[] = [];
    const print = (line: string): void => void lines.push(line.replaceAll(directory, 'DIR'));
    const code = run(['-config_dir', directory], '0', { print, complain: print });
    expect(code).toBe(exit === 0 ? 0 : 1);
    expect(lines.slice(0, 4)).toEqual([
      'checking rate limit configs...',
      'loading config directory: DIR',
      'opening config file: DIR/limits.yaml',
      message.replace(/^panic: /, 'error loading rate limit configs: '),
    ]);
    for (const line of lines.slice(4)) expect(line).toMatch(/^DIR\/limits\.yaml:\d+:\d+ .+/);
    expect(lines.length > 4).toBe(exit !== 0);
  });
});
