/** What the connection to Redis reports, as lines of the log; and TLS files that stop the start. */
import { expect, test } from 'vitest';
import { NO_AUDIT } from '../../src/core/events/event.ts';
import { MemoryCounterStore } from '../../src/counters/memory/memory-counter-store.ts';
import { redisErrorRow } from '../../src/counters/redis/redis-errors.ts';
import type { RedisEvent } from '../../src/counters/redis/redis-options.ts';
import { redisLog } from '../../src/service/event-logs.ts';
import { redisStore } from '../../src/service/redis-store.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { Logger } from '../../src/telemetry/logger.ts';

const lines: string[] = [];
const logger = new Logger({
  level: 'INFO',
  format: 'text',
  write: (line) => lines.push(line.replace(/^time="[^"]*" /, '').trimEnd()),
  now: () => 0,
});

const at = { address: 'r:1' };
const row = redisErrorRow('OOM');
const failed = { kind: 'error', ...at, text: 'OOM x', row, command: 'check' } as const;

test.each<[RedisEvent, string]>([
  [{ kind: 'ready', ...at, text: 'connected' }, 'level=info msg="redis is ready" address=r:1'],
  [{ kind: 'lost', ...at, text: 'closed by us' }, 'level=info msg="redis is closed" address=r:1'],
  [
    { kind: 'lost', ...at, text: 'gone' },
    'level=warning msg="redis was lost" address=r:1 text=gone',
  ],
  [
    { kind: 'moved', ...at, text: 'r:2' },
    'level=warning msg="redis has another primary" address=r:1 text=r:2',
  ],
  [
    { kind: 'error', ...at, text: 'defect' },
    'level=warning msg="redis failed" address=r:1 text=defect',
  ],
  [
    { ...failed, leftOut: 0 },
    `level=error msg="redis failed" class=oom address=r:1 command=check text="OOM x" ` +
      `advice="${row.advice}"`,
  ],
  [
    { ...failed, leftOut: 7 },
    `level=error msg="redis failed" class=oom address=r:1 command=check text="OOM x" ` +
      `advice="${row.advice}" leftOut=7`,
  ],
])('%j', (event, line) => {
  lines.length = 0;
  redisLog(logger)(event);
  expect(lines).toEqual([line]);
});

test('a PEM file that is not there stops the start, by variable, file and reason', () => {
  const env = { REDIS_URL: 'rediss://r', REDIS_TLS_CACERT: '/nowhere.pem' };
  const read = readSettings(env);
  if ('problems' in read) throw new Error('no settings');
  const memory = new MemoryCounterStore({ now: () => 0, keysMax: 1 });
  expect(() => redisStore(read.settings, { memory, logger, audit: NO_AUDIT })).toThrow(
    'REDIS_TLS_CACERT=/nowhere.pem: cannot be read: ENOENT',
  );
});
