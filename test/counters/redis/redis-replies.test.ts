/** Replies that are not the script's: no count is made up from them, and none ends the process. */
import { describe, expect, test } from 'vitest';
import { ErrorCounts } from '../../../src/counters/redis/error-counts.ts';
import { RedisCounterStore } from '../../../src/counters/redis/redis-counter-store.ts';
import type { RedisEvent } from '../../../src/counters/redis/redis-options.ts';
import { ScriptReply } from '../../../src/counters/redis/script-reply.ts';
import type { ChargeOutcome } from '../../../src/limiter/counter-store.ts';
import { ask, group, readings, stopGroup } from '../../contract/charges.ts';
import { packed, scriptReply, startFakeRedis } from './fake-redis.ts';

const UNEXPECTED = { code: 'refused', text: 'redis: unexpected reply' };

/** The clock, that the batch was made, and no call before it. */
const HEAD = [Date.now(), 0, 0, 0, 0, 0, 0, 0, 0, 0];
/** One run and one vector of two charges are asked: a head and five numbers are expected. */
const COUNTS = [0, 0, 1, 0, 1];

/** The reply with other counts. */
function counts(...its: number[]): string {
  return scriptReply(packed([...HEAD, ...its]));
}

/** The reply with another integer in its head. */
function head(at: number, integer: number): string {
  return scriptReply(packed([...HEAD.with(at, integer), ...COUNTS]));
}

/** The reply with other bytes in place of its last count. */
function ending(...bytes: number[]): string {
  const good = packed([...HEAD, ...COUNTS]);
  return scriptReply(Buffer.concat([good.subarray(0, -1), Uint8Array.from(bytes)]));
}

const GOOD = packed([...HEAD, ...COUNTS]);
const MARKED = packed([...HEAD, -1, ...COUNTS.slice(1)]);
const BEYOND_EXACT = [0xcf, 0, 0x20, 0, 0, 0, 0, 0, 1];
const FRACTION = [0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0];

const replies: [string, string][] = [
  ['a null', '$-1\r\n'],
  ['a null array', '*-1\r\n'],
  ['a null of RESP3', '_\r\n'],
  ['a map', '%1\r\n:0\r\n:1\r\n'],
  ['a truth', '#t\r\n'],
  ['an integer', ':5\r\n'],
  ['a status', '+OK\r\n'],
  ['text', '$6\r\n123456\r\n'],
  ['the list without a list around it', `$${GOOD.length}\r\n${GOOD.toString('latin1')}\r\n`],
  ['an empty array', '*0\r\n'],
  ['a list of nothing', '*1\r\n$0\r\n\r\n'],
  ['an integer in place of the list', '*1\r\n:5\r\n'],
  [
    'integers of the protocol',
    `*15\r\n${[...HEAD, ...COUNTS].map((its) => `:${its}\r\n`).join('')}`,
  ],
  ['the clock alone', scriptReply(packed(HEAD.slice(0, 1)))],
  ['text and an array', '*2\r\n$3\r\nabc\r\n*0\r\n'],
  ['one number too few', counts(0, 0, 1, 0)],
  ['one number too many', counts(0, 0, 1, 0, 1, 1)],
  [
    'a list that says it is longer',
    scriptReply(Buffer.concat([Uint8Array.of(0xdc, 0, 16), GOOD.subarray(3)])),
  ],
  ['a list that is cut short', scriptReply(GOOD.subarray(0, -1))],
  ['bytes behind the list', scriptReply(Buffer.concat([GOOD, Uint8Array.of(0)]))],
  [
    'a map of MessagePack',
    scriptReply(Buffer.concat([Uint8Array.of(0xde, 0, 15), GOOD.subarray(3)])),
  ],
  ['a text that no number marks', scriptReply(GOOD, 'ERR')],
  ['a mark without its text', scriptReply(MARKED)],
  ['a mark of a second text', scriptReply(packed([...HEAD, -2, ...COUNTS.slice(1)]), 'ERR')],
  ['an error in place of a text', `${scriptReply(MARKED).replace('*1', '*2')}-ERR x\r\n`],
  ['a null for a count', ending(0xc0)],
  ['words for a count', ending(0xa3, 0x61, 0x62, 0x63)],
  ['a fraction', ending(...FRACTION)],
  ['a truth for a count', ending(0xc3)],
  ['a count too large to be exact', ending(...BEYOND_EXACT)],
  ['a count after below 0', counts(0, 0, -1, 0, 1)],
  ['a count far below 0', counts(0, 0, -(2 ** 40), 0, 1)],
  ['a batch of another kind', head(1, 3)],
  ['a late batch with counts', head(1, 1)],
  ['a clock below 0', head(0, -1)],
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
  const groups = await askFake(counts(4, 0, 1, 7, 8), 'exact');
  expect(readings(groups)).toEqual([['4>5'], ['0>1', '7>8']]);
});

test('a large count counts, and a marked error fails its group with its text', async () => {
  const list = packed([...HEAD, 2 ** 52 + 1, -1, -9, 7, 8]);
  const groups = await askFake(scriptReply(list, 'ERR x'), 'exact');
  expect(readings(groups)).toEqual([['4503599627370497>4503599627370498'], ['refused']]);
  expect(groups[1]?.failure?.text).toBe('redis: ERR x');
});

describe('integers', () => {
  const forms: [string, number[], number][] = [
    ['in the first byte', [0x7f], 127],
    ['in one byte', [0xcc, 0xff], 255],
    ['in two bytes', [0xcd, 0x01, 0x02], 258],
    ['in four bytes', [0xce, 0xff, 0xff, 0xff, 0xff], 2 ** 32 - 1],
    ['in eight bytes', [0xcf, 0, 0x1f, ...Array<number>(6).fill(0xff)], 2 ** 53 - 1],
    ['with a sign', [0xd0, 0x7f], 127],
    ['with a sign, in two bytes', [0xd1, 0x7f, 0xff], 2 ** 15 - 1],
    ['with a sign, in four bytes', [0xd2, 0x7f, 0xff, 0xff, 0xff], 2 ** 31 - 1],
  ];
  test.each(forms)('%s', (_, bytes, value) => {
    for (const start of [[0x91], [0xdc, 0, 1], [0xdd, 0, 0, 0, 1]]) {
      const reply = new ScriptReply([Uint8Array.from([...start, ...bytes])]);
      expect([reply.count(), reply.isSound]).toEqual([value, true]);
    }
  });

  const marks: [string, number[], number][] = [
    ['in the first byte', [0xff], -1],
    ['of one byte', [0xd0, 0xdf], -33],
    ['of two bytes', [0xd1, 0xff, 0x00], -256],
    ['of four bytes', [0xd2, 0xff, 0xfe, 0xff, 0xff], -65_537],
  ];
  test.each(marks)('below 0, %s', (_, bytes, value) => {
    const texts = Array.from({ length: -value }, () => Buffer.from('ERR'));
    const reply = new ScriptReply([Uint8Array.from([0x91, ...bytes]), ...texts]);
    expect([reply.countOrError(), reply.isSound]).toEqual([value, true]);
  });
});

test('a reply that was not read to its end is not sound', () => {
  const reply = new ScriptReply([packed([1, 2])]);
  reply.count();
  expect(reply.isSound).toBe(false);
  reply.count();
  expect(reply.isSound).toBe(true);
});
