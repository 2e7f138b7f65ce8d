import { describe, expect, test } from 'vitest';
import {
  ERROR_NODES_MAX,
  ErrorCounts,
  OTHER_NODE,
} from '../../../src/counters/redis/error-counts.ts';
import {
  connectionErrorRow,
  failureOf,
  REDIS_ERROR_ROWS,
  redisErrorRow,
  UNEXPECTED_TEXT,
} from '../../../src/counters/redis/redis-errors.ts';

const replies: [text: string, name: string, code: string, flags: string][] = [
  ['NOSCRIPT No matching script. Please use EVAL.', 'noscript', 'refused', 'retried'],
  ['LOADING Redis is loading the dataset in memory', 'loading', 'unavailable', ''],
  ['BUSY Redis is busy running a script.', 'busy', 'unavailable', ''],
  ['MASTERDOWN Link with MASTER is down', 'masterdown', 'unavailable', ''],
  ['NOREPLICAS Not enough good replicas to write.', 'noreplicas', 'unavailable', ''],
  ['CLUSTERDOWN Hash slot not served', 'clusterdown', 'unavailable', ''],
  ['TRYAGAIN Multiple keys request during rehashing of slot', 'tryagain', 'unavailable', ''],
  ["READONLY You can't write.", 'readonly', 'unavailable', 'reconnected'],
  ['MOVED 3999 127.0.0.1:6381', 'moved', 'unavailable', 'reconnected'],
  ['ASK 3999 127.0.0.1:6381', 'ask', 'unavailable', 'reconnected'],
  ['UNBLOCKED force unblock', 'unblocked', 'unavailable', 'reconnected'],
  ['OOM command not allowed', 'oom', 'refused', ''],
  ['MISCONF Redis is configured to save RDB snapshots', 'misconf', 'refused', ''],
  ['NOAUTH Authentication required.', 'noauth', 'refused', ''],
  ['WRONGPASS invalid username-password pair', 'wrongpass', 'refused', ''],
  ['NOPERM this user has no permissions', 'noperm', 'refused', ''],
  ["ERR The user executing the script can't run this command", 'noperm', 'refused', ''],
  ['ERR This instance has cluster support disabled', 'no_cluster', 'refused', ''],
  [UNEXPECTED_TEXT, 'unexpected', 'refused', ''],
  ["ERR unknown command 'EVALSHA'", 'unknown_command', 'refused', ''],
  ['ERR DB index is out of range', 'no_database', 'refused', ''],
  ['ERR max number of clients reached', 'max_clients', 'unavailable', 'reconnected'],
  ['ERR No such master with that name', 'unknown_primary', 'unavailable', ''],
  ['WRONGTYPE Operation against a key', 'wrongtype', 'refused', ''],
  ["CROSSSLOT Keys in request don't hash to the same slot", 'crossslot', 'refused', ''],
  ['ERR value is not an integer or out of range', 'err', 'refused', ''],
  ['SOMETHING new', 'other', 'refused', ''],
  ['LOADING', 'loading', 'unavailable', ''],
  ['', 'other', 'refused', ''],
];

test.each(replies)('%s is %s', (text, name, code, flags) => {
  const row = redisErrorRow(text);
  const set = [row.isRetried ? 'retried' : '', row.isReconnected ? 'reconnected' : ''];
  expect(row.name).toBe(name);
  expect(set.filter(Boolean).join(' ')).toBe(flags);
  expect(failureOf(text)).toEqual({ code, text: `redis: ${text}` });
});

const codes: [code: string, name: string][] = [
  ['ECONNREFUSED', 'refused'],
  ['ENOENT', 'refused'],
  ['ECONNRESET', 'reset'],
  ['EHOSTUNREACH', 'unreachable'],
  ['ETIMEDOUT', 'timed_out'],
  ['ENOTFOUND', 'name_not_found'],
  ['EAI_AGAIN', 'name_not_found'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls'],
  ['CERT_HAS_EXPIRED', 'tls'],
  ['NO_PRIMARY', 'no_primary'],
  ['EWHATEVER', 'lost'],
];

test.each(codes)('an error with the code %s is %s', (code, name) => {
  expect(connectionErrorRow(Object.assign(new Error('x'), { code })).name).toBe(name);
});

test.each([
  [new Error('Socket timeout. Expecting data, but did not receive any'), 'timed_out'],
  [new Error('Unknown RESP type 72 "H". Please report this.'), 'protocol'],
  [new Error('Connection is closed.'), 'lost'],
  ['no error at all', 'lost'],
])('%s is %s', (error, name) => {
  expect(connectionErrorRow(error).name).toBe(name);
});

test('every class has a name for a label, and one sentence of advice', () => {
  const names = REDIS_ERROR_ROWS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, advice, isReconnected, code } of REDIS_ERROR_ROWS) {
    expect(name).toMatch(/^[a-z_]{2,20}$/);
    expect(advice).toMatch(/^[A-Z].{20,}[.?]$/);
    // Whoever may find another server has met one that cannot serve.
    if (isReconnected) expect(code).toBe('unavailable');
  }
});

describe('counts', () => {
  const error = { class: 'oom', node: 'r:1', command: 'charge' };

  test('are kept by class, node and command', () => {
    const counts = new ErrorCounts();
    counts.note(error, 0);
    counts.note(error, 1);
    counts.note({ ...error, command: 'peek' }, 2);
    counts.note({ ...error, command: 'no such' }, 3);
    expect([...counts.entries()]).toEqual([
      { labels: error, value: 2 },
      { labels: { ...error, command: 'peek' }, value: 1 },
      { labels: { ...error, command: 'other' }, value: 1 },
    ]);
  });

  test('are shared by the nodes beyond the bound', () => {
    const counts = new ErrorCounts();
    for (let i = 0; i < ERROR_NODES_MAX + 3; i += 1) counts.note({ ...error, node: `r:${i}` }, 0);
    const entries = [...counts.entries()];
    expect(entries).toHaveLength(ERROR_NODES_MAX + 1);
    expect(entries.at(-1)).toEqual({ labels: { ...error, node: OTHER_NODE }, value: 3 });
  });

  test('have one line per class and second, which says how many had none', () => {
    const counts = new ErrorCounts();
    expect(counts.note(error, 5000)).toBe(0);
    expect(counts.note(error, 5001)).toBe(-1);
    expect(counts.note({ ...error, node: 'r:2' }, 5999)).toBe(-1);
    expect(counts.note({ ...error, class: 'busy' }, 5999)).toBe(0);
    expect(counts.note(error, 6000)).toBe(2);
    expect(counts.note(error, 6001)).toBe(-1);
    expect(counts.note(error, 9000)).toBe(1);
  });
});
