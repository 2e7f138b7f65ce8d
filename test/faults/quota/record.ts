/** One line for each scene of a long run, in .cache/faults.jsonl: what was measured. */
import { appendFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isLong } from '../form.ts';

const FILE = fileURLToPath(new URL('../../../.cache/faults.jsonl', import.meta.url));

export function recordScene(row: string, measured: Readonly<Record<string, unknown>>): void {
  if (isLong) appendFileSync(FILE, `${JSON.stringify({ row, ...measured })}\n`);
}
