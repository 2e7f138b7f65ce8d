/**
 * Values that a caller chooses, through the whole service to a real Redis: none reaches another counter,
 * becomes part of a script or a command, or breaks a line of the log or of the metrics.
 */
import { Client, credentials, status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { SHOULD_RATE_LIMIT } from '../../src/rpc/should-rate-limit.ts';
import { startRedis } from '../support/redis-server.ts';
import { requestBytes } from '../support/request-bytes.ts';
import { order, startShop } from './scene.ts';

const SHOP = `
domain: shop
descriptors:
  - key: user
    detailed_metric: true
    rate_limit: { unit: year, requests_per_unit: 4000000000 }
  - key: user_a
    rate_limit: { unit: year, requests_per_unit: 4000000000 }
`;
const HOSTILE = [
  'a\r\nSET bystander gone\r\n',
  '*1\r\n$8\r\nFLUSHALL\r\n',
  'a\0b',
  '\0',
  '"\'`\\',
  `' .. redis.call('FLUSHALL') .. '`,
  ']] redis.call("FLUSHALL") --[[',
  "redis.call('DEL', 'bystander')",
  '{bystander}',
  'bystander',
  'weir:health',
  'weir:sequence:0',
  '%0d%0a',
  '\u2028\u2029\u0085',
  '\u001b[2J\u001b[31m',
  '\u202egnirts',
  '😀',
  'e\u0301',
  '\u00e9',
  'a} 1\nweir_store_healthy{store="redis"} 0\n#',
  ' ',
  'a',
  '_a',
  'A',
  '4:shop,4:user=a',
  '*',
  'x'.repeat(64 * 1024),
  `${'x'.repeat(64 * 1024 - 1)}y`,
];
/** REQUEST_KEY_BYTES_MAX is below it, and far above the others. */
const KEY_BYTES_MAX = 64 * 1024;
const PLACE = 'PLACE';
const NOT_UTF8 = [[0xff], [0xfe], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80]];
/** JSON can write what UTF-8 cannot. */
const LONE_SURROGATES = ['\\ud800', '\\udfff'];

function messageOf(key: string, value: string, hitsAddend: number): Buffer {
  const json = { domain: 'shop', descriptors: [{ entries: [{ key, value }] }], hitsAddend };
  return Buffer.from(requestBytes(json));
}

/** The message with bytes in it that are no UTF-8. */
function brokenMessage(bytes: readonly number[]): Buffer {
  const place = PLACE.slice(0, bytes.length);
  const message = messageOf('user', place, 1);
  message.set(bytes, message.indexOf(place));
  return message;
}

/** Its gRPC status. */
function send(client: Client, message: Buffer): Promise<number> {
  const same = (bytes: Buffer): Buffer => bytes;
  return new Promise((resolve) => {
    client.makeUnaryRequest(SHOULD_RATE_LIMIT, same, same, message, (error) =>
      resolve(error?.code ?? status.OK),
    );
  });
}

test('what callers choose stays a value, from the request to Redis, the log and the metrics', async () => {
  await using redis = await startRedis();
  await using service = await startShop({
    redisPort: redis.port,
    files: { 'shop.yaml': SHOP },
    env: { REDIS_TIMEOUT: '5s', LOG_LEVEL: 'debug' },
  });
  const client = new Client(`127.0.0.1:${service.ports.grpc}`, credentials.createInsecure());
  await order(redis.port, (its) => its.set('bystander', 'untouched'));
  // Each value with a number of hits of its own, so that counts tell which is which.
  for (const [index, value] of HOSTILE.entries()) {
    expect(await send(client, messageOf('user', value, index + 1))).toBe(status.OK);
    const asKey = value.length < KEY_BYTES_MAX ? status.OK : status.INVALID_ARGUMENT;
    expect(await send(client, messageOf(value, 'user', 1))).toBe(asKey);
  }
  for (const bytes of NOT_UTF8) {
    expect(await send(client, brokenMessage(bytes))).toBe(status.INVALID_ARGUMENT);
  }
  for (const escaped of LONE_SURROGATES) {
    const entry = `{ "key": "user", "value": "${escaped}" }`;
    const body = `{ "domain": "shop", "descriptors": [{ "entries": [${entry}] }] }`;
    const answer = await fetch(`http://127.0.0.1:${service.ports.http}/json`, {
      method: 'POST',
      body,
    });
    expect(answer.status).toBe(400);
  }
  client.close();
  const { counts, others, commands } = await order(redis.port, async (its) => {
    const keys = (await its.keys('*')).filter((key) => !key.startsWith('weir:sequence:'));
    const found = await Promise.all(keys.map(async (key) => [key, await its.get(key)] as const));
    const isOther = ([key]: readonly [string, string | null]) => key === 'bystander';
    return {
      counts: found.filter((each) => !isOther(each)).map(([, count]) => Number(count)),
      others: found.filter(isOther).map(([, value]) => value),
      commands: await its.info('commandstats'),
    };
  });
  expect(counts.toSorted((a, b) => a - b)).toEqual(HOSTILE.map((_, index) => index + 1));
  expect(others).toEqual(['untouched']);
  expect(commands).not.toMatch(/cmdstat_(?:flushall|flushdb|del|config)/);
  const lines = service.child.output.trimEnd().split('\n');
  expect(lines.filter((line) => !/^time="[^"]+" level=[a-z]+ msg="/.test(line))).toEqual([]);
  const page = (await service.get('metrics', '/metrics')).trimEnd().split('\n');
  const sample = /^[a-z_]\w*(?:\{(?:\w+="(?:[^"\\\n]|\\["\\n])*",?)*\})? [-+.\deE]+(?:Inf|NaN)?$/;
  expect(page.filter((line) => !/^(?:# .*)?$/.test(line) && !sample.test(line))).toEqual([]);
  expect(await service.metric('weir_store_healthy{store="redis"}')).toBe(1);
});
