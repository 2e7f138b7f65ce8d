import { expect, test } from 'vitest';
import { failureOf, redisErrorRow } from '../../../src/counters/redis/redis-errors.ts';

const rows: [string, string, string][] = [
  ['NOSCRIPT No matching script. Please use EVAL.', 'refused', 'retried'],
  ['LOADING Redis is loading the dataset in memory', 'unavailable', 'outage'],
  ['BUSY Redis is busy running a script.', 'unavailable', 'outage'],
  ['MASTERDOWN Link with MASTER is down', 'unavailable', 'outage'],
  ['CLUSTERDOWN Hash slot not served', 'unavailable', 'outage'],
  ['TRYAGAIN Multiple keys request during rehashing of slot', 'unavailable', 'outage'],
  ["READONLY You can't write against a read only replica.", 'unavailable', 'reconnected outage'],
  ['MOVED 3999 127.0.0.1:6381', 'unavailable', 'reconnected outage'],
  ['ASK 3999 127.0.0.1:6381', 'unavailable', 'reconnected outage'],
  ['OOM command not allowed', 'refused', 'outage'],
  ['MISCONF Redis is configured to save RDB snapshots', 'refused', 'outage'],
  ['NOAUTH Authentication required.', 'refused', 'outage'],
  ['WRONGPASS invalid username-password pair', 'refused', 'outage'],
  ['NOPERM this user has no permissions', 'refused', 'outage'],
  ['WRONGTYPE Operation against a key', 'refused', ''],
  ['ERR value is not an integer or out of range', 'refused', ''],
  ['SOMETHING new', 'refused', ''],
  ['LOADING', 'unavailable', 'outage'],
  ['', 'refused', ''],
];

test.each(rows)('%s', (text, code, flags) => {
  const row = redisErrorRow(text);
  const set = [
    row.isRetried ? 'retried' : '',
    row.isReconnected ? 'reconnected' : '',
    row.isOutage ? 'outage' : '',
  ];
  expect(set.filter(Boolean).join(' ')).toBe(flags);
  expect(failureOf(text)).toEqual({ code, text: `redis: ${text}` });
});
