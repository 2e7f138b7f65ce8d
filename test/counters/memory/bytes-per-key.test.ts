import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const PROGRAM = fileURLToPath(new URL('./bytes-per-key.ts', import.meta.url));

/** Promised by docs; measured about 130. */
const BYTES_PER_KEY_MAX = 200;

test('at a million of them, a counter with a key of 40 characters takes at most 200 bytes', {
  timeout: 120_000,
}, () => {
  const output = execFileSync(process.execPath, ['--expose-gc', PROGRAM], { encoding: 'utf8' });
  const { keys, bytesPerKey } = JSON.parse(output) as { keys: number; bytesPerKey: number };
  expect(keys).toBe(1_000_000);
  expect(bytesPerKey).toBeLessThanOrEqual(BYTES_PER_KEY_MAX);
  expect(bytesPerKey).toBeGreaterThan(40);
});
