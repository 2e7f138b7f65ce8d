/** Replies that are not the script's: no count is made up from them, and none ends the process. */
import { describe, expect, test } from 'vitest';
import { ErrorCounts } from '../../../src/counters/redis/error-counts.ts';
import { RedisCounterStore } from '../../../src/counters/redis/redis-counter-store.ts';
import type { RedisEvent } from '../../../src/counters/redis/redis-options.ts';
import { ScriptReply } from '../../../src/counters/redis/script-reply.ts';
import type { ChargeOutcome } from '../../../src/limiter/counter-store.ts';
import { ask, group, readings, stopGroup } from '../../contract/charges.ts';
import { startFakeRedis } from './fake-redis.ts';

const UNEXPECTED = { code: 'refused', text: 'redis: unexpected reply' };

/** After the clock: the batch was made, and no call before it. */
const HEAD = ':0\r\n'.repeat(9);

/** One run and one vector of two charges are asked: a head and five numbers are expected. */
const replies: [string, string][] = [
  ['a null', '$-1\r\n'],
  ['a null array', '*-1\r\n'],
  ['a null of RESP3', '_\r\n'],
  ['a map', '%1\r\n:0\r\n:1\r\n'],
  ['a truth', '#t\r\n'],
  ['a double for a count', `*15\r\n:CLOCK\r\n${HEAD},1.5\r\n:0\r\n:1\r\n:0\r\n:1\r\n`],
  ['an integer', ':5\r\n'],
  ['a status', '+OK\r\n'],
  ['text', '$6\r\n123456\r\n'],
  ['an empty array', '*0\r\n'],
  ['the clock alone', '*1\r\n:CLOCK\r\n'],
  ['text and an array', '*2\r\n$3\r\nabc\r\n*0\r\n'],
  ['one number too few', `*14\r\n:CLOCK\r\n${HEAD}:0\r\n:0\r\n:1\r\n:0\r\n`],
  ['one number too many', `*16\r\n:CLOCK\r\n${HEAD}:0\r\n:0\r\n:1\r\n:0\r\n:1\r\n:1\r\n`],
  [
    'a text that no number marks',
    `*16\r\n:CLOCK\r\n${HEAD}:0\r\n:0\r\n:1\r\n:0\r\n:1\r\n$3\r\nERR\r\n`,
  ],
  ['a mark without its text', `*15\r\n:CLOCK\r\n${HEAD}:-1\r\n:0\r\n:1\r\n:0\r\n:1\r\n`],
  [
    'a mark of a second text',
    `*16\r\n:CLOCK\r\n${HEAD}:-2\r\n:0\r\n:1\r\n:0\r\n:1\r\n$3\r\nERR\r\n`,
  ],
  [
    'an error in place of a text',
    `*16\r\n:CLOCK\r\n${HEAD}:-1\r\n:0\r\n:1\r\n:0\r\n:1\r\n-ERR x\r\n`,
  ],
  ['a null for a count', `*15\r\n:CLOCK\r\n${HEAD}$-1\r\n:0\r\n:1\r\n:0\r\n:1\r\n`],
  ['words for a count', `*15\r\n:CLOCK\r\n${HEAD}$3\r\nabc\r\n:0\r\n:1\r\n:0\r\n:1\r\n`],
  ['a fraction', `*15\r\n:CLOCK\r\n${HEAD}$3\r\n1.5\r\n:0\r\n:1\r\n:0\r\n:1\r\n`],
  [
    'a count too large to be exact',
    `*15\r\n:CLOCK\r\n${HEAD}:9007199254740993\r\n:0\r\n:1\r\n:0\r\n:1\r\n`,
  ],
  [
    'such a count as text',
    `*15\r\n:CLOCK\r\n${HEAD}$16\r\n9007199254740993\r\n:0\r\n:1\r\n:0\r\n:1\r\n`,
  ],
  ['a count after below 0', `*15\r\n:CLOCK\r\n${HEAD}:0\r\n:0\r\n:-1\r\n:0\r\n:1\r\n`],
  [
    'a batch of another kind',
    `*15\r\n:CLOCK\r\n${HEAD.replace('0', '3')}:0\r\n:0\r\n:1\r\n:0\r\n:1\r\n`,
  ],
  [
    'a late batch with counts',
    `*15\r\n:CLOCK\r\n${HEAD.replace('0', '1')}:0\r\n:0\r\n:1\r\n:0\r\n:1\r\n`,
  ],
  ['a clock below 0', `*15\r\n:-1\r\n${HEAD}:0\r\n:0\r\n:1\r\n:0\r\n:1\r\n`],
  ['no clock', `*15\r\n$-1\r\n${HEAD}:0\r\n:0\r\n:1\r\n:0\r\n:1\r\n`],
];

async function askFake(reply: string, keyFormat: 'exact' | 'reference') {
  await using fake = await startFakeRedis(reply);
  const address = { host: '127.0.0.1', port: fake.port };
  const store = new RedisCounterStore({ address, keyFormat, timeoutMs: 5000 });
  await store.start();
  const first = ask(store, [group({ key: 'a' })]);
  const second = ask(store, [stopGroup({ key: 'b' }, { key: 'c' })]);
  const groups = [...(await first), ...(await second)];
  expect(store.isHealthy).toBe(true);
  await store.close();
  return groups;
}

describe.each(['exact', 'reference'] as const)('with %s keys', (keyFormat) => {
  test.each(replies)('%s in place of a reply fails the whole call', async (_, reply) => {
    const groups = await askFake(reply, keyFormat);
    for (const { failure } of groups) {
      expect(failure).toMatchObject(UNEXPECTED);
      // Whoever answered may have charged.
      let outcome: ChargeOutcome | null = null;
      failure?.outcome?.onKnown((known) => {
        outcome = known;
      });
      expect(outcome).toBe('unknown');
    }
    expect(groups.flatMap(({ charges }) => charges.map(({ after }) => after))).toEqual([
      Number.NaN,
      Number.NaN,
      Number.NaN,
    ]);
  });
});

test('such a reply is an error in metrics and log, once a second there', async () => {
  await using fake = await startFakeRedis('+OK\r\n');
  const address = { host: '127.0.0.1', port: fake.port };
  const errors = new ErrorCounts();
  const events: RedisEvent[] = [];
  const onEvent = (event: RedisEvent) => events.push(event);
  const monotonic = () => 0;
  const store = new RedisCounterStore({
    address,
    keyFormat: 'exact',
    timeoutMs: 5000,
    errors,
    onEvent,
    monotonic,
  });
  await store.start();
  for (const hits of [1, 1, 0]) await ask(store, [group({ key: 'a', hits })]);
  const told = events
    .filter(({ kind }) => kind === 'error')
    .map(({ row, command }) => [row?.name, command]);
  expect(told).toEqual([['unexpected', 'charge']]);
  const counted = [...errors.entries()].map(({ labels, value }) => [
    labels.class,
    labels.command,
    value,
  ]);
  expect(counted).toEqual([
    ['unexpected', 'charge', 2],
    ['unexpected', 'peek', 1],
  ]);
  await store.close();
});

test('the reply that is expected counts', async () => {
  const groups = await askFake(`*15\r\n:CLOCK\r\n${HEAD}:4\r\n:0\r\n:1\r\n:7\r\n:8\r\n`, 'exact');
  expect(readings(groups)).toEqual([['4>5'], ['0>1', '7>8']]);
});

test('a count as text counts, and a marked error fails its group with its text', async () => {
  const reply = `*16\r\n:CLOCK\r\n${HEAD}$16\r\n4503599627370497\r\n:-1\r\n:-9\r\n:7\r\n:8\r\n$5\r\nERR x\r\n`;
  const groups = await askFake(reply, 'exact');
  expect(readings(groups)).toEqual([['4503599627370497>4503599627370498'], ['refused']]);
  expect(groups[1]?.failure?.text).toBe('redis: ERR x');
});

test('a reply that was not read to its end is not sound', () => {
  const reply = new ScriptReply([1, 2], 2);
  reply.count();
  expect(reply.isSound).toBe(false);
  reply.count();
  expect(reply.isSound).toBe(true);
});
