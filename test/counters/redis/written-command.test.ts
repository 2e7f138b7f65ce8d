/** What commands leave behind in memory: the young generation's collections alone must free them. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Command } from 'ioredis';
import { expect, test } from 'vitest';
import { WrittenCommand } from '../../../src/counters/redis/written-command.ts';

/** So little that the old generation is not collected meanwhile. */
const COMMANDS = 200;
const ITEMS = 1000;
/** Of a reply: eight bytes for each item. */
const REPLY_BYTES = 8 * ITEMS;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options: { type: 'minor' | 'major' }) => void;

/** Bytes that stay, of commands that were answered one after another. */
async function bytesLeftBy(newCommand: () => Command): Promise<number> {
  collect({ type: 'major' });
  const before = process.memoryUsage().heapUsed;
  for (let count = 0; count < COMMANDS; count += 1) {
    const command = newCommand();
    command.resolve(new Array(ITEMS).fill(count));
    await command.promise;
    if (count % 10 === 0) collect({ type: 'minor' });
  }
  collect({ type: 'minor' });
  return process.memoryUsage().heapUsed - before;
}

test('a command that was answered is freed by the next collection of the young generation', async () => {
  const bytes = Buffer.from('*1\r\n$4\r\nPING\r\n');
  const left = await bytesLeftBy(() => new WrittenCommand('ping', bytes));
  expect(left).toBeLessThan((COMMANDS / 2) * REPLY_BYTES);
});

test('one of the client itself is not yet: when it is, WrittenCommand need see to it no more', async () => {
  const left = await bytesLeftBy(() => new Command('evalsha', ['x', '0'], { replyEncoding: null }));
  expect(left).toBeGreaterThan((COMMANDS / 2) * REPLY_BYTES);
});
