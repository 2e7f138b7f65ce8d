/** Shared by the tests of the rules room. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { RuleStats } from '../../src/core/counting/rule-stats.ts';
import type { CompileOptions } from '../../src/core/rules/domain-rules.ts';
import { exactKeyFormat } from '../../src/core/rules/key-format.ts';

/** A new directory with these files, removed after the test. */
export function limitsDirectory(files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'weir-limits-')));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const path = join(root, 'config');
  mkdirSync(path);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return path;
}

/** Makes a named pipe, which holds up whoever opens it in the usual way. */
export function makePipe(path: string): void {
  execFileSync('sh', ['-c', 'mkfifo "$0"', path]);
}

/** A valid file: one rule per entry, `key` or `key=value`. */
export function limitsOf(domain: string, ...entries: readonly string[]): string {
  const items = entries.map((entry) => {
    const [key, value] = entry.split('=');
    const pair = value === undefined ? `key: ${key}` : `key: ${key}, value: ${value}`;
    return `  - {${pair}, rate_limit: {unit: hour, requests_per_unit: 1}}\n`;
  });
  return `domain: ${domain}\ndescriptors:${items.length === 0 ? ' []' : ''}\n${items.join('')}`;
}

/** To compile what a file says, where nothing but the rules matters. */
export const compileOptions: CompileOptions = {
  keyFormat: exactKeyFormat(''),
  nearLimitRatio: 0.8,
  failureMode: 'local',
  bindStats: () => new RuleStats(),
  bindCallerStats: () => new RuleStats(),
};
