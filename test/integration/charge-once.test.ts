/**
 * What a request charges, of the whole service: none of its counters when it is turned away in a domain of
 * `charge: all_or_nothing`, and none again when it is a retry with the same `idempotency-key`.
 */
import { status } from '@grpc/grpc-js';
import { beforeAll, describe, expect, test } from 'vitest';
import { startRedis } from '../support/redis-server.ts';
import { RlsClient } from '../support/rls-client.ts';
import { startService } from '../support/service.ts';

const FILES = {
  'shop.yaml': `domain: shop
charge: all_or_nothing
descriptors:
  - { key: path, rate_limit: { unit: day, requests_per_unit: 2 } }
  - { key: user, rate_limit: { unit: day, requests_per_unit: 100 } }
`,
  'plain.yaml': `domain: plain
descriptors:
  - { key: path, rate_limit: { unit: day, requests_per_unit: 2 } }
  - { key: user, rate_limit: { unit: day, requests_per_unit: 100 } }
`,
};
const ID_BYTES_MAX = 128;

/** `ask` answers `OK 1 99`, or with an error's code and text. */
async function running(env: Readonly<Record<string, string>>, onRedis: boolean) {
  await using parts = new AsyncDisposableStack();
  const redis = onRedis ? parts.use(await startRedis()) : null;
  const options = { files: FILES, env, redisPort: redis?.port };
  const service = parts.use(await startService(options));
  const client = parts.use(new RlsClient(service.ports.grpc));
  const ask = async (domain: string, text: string, id?: string): Promise<string> => {
    const descriptors = text.split(' ').map((entry) => {
      const [key = '', value = ''] = entry.split('=');
      return { entries: [{ key, value }] };
    });
    const outcome = await client.shouldRateLimit({ domain, descriptors }, id);
    if ('error' in outcome) return `${outcome.error.code} ${outcome.error.message}`;
    const { overallCode, statuses } = outcome.response as {
      overallCode: string;
      statuses: { limitRemaining?: number }[];
    };
    return [overallCode, ...statuses.map(({ limitRemaining = 0 }) => limitRemaining)].join(' ');
  };
  return { service, ask, parts: parts.move() };
}

const WAYS: readonly (readonly [listener: string, onRedis: boolean])[] = [
  ['native', false],
  ['native', true],
  ['grpc-js', false],
  ['grpc-js', true],
];

describe.each(WAYS)('over %s, on Redis: %s', (listener, onRedis) => {
  let its: Awaited<ReturnType<typeof running>>;
  beforeAll(async () => {
    its = await running({ GRPC_LISTENER: listener }, onRedis);
    return () => its.parts.disposeAsync();
  });

  test('a request that is turned away charges none, where its domain says so', async () => {
    const { service, ask } = its;
    for (const domain of ['shop', 'plain']) {
      await ask(domain, 'path=/ user=ann');
      await ask(domain, 'path=/ user=ann');
    }
    for (let asked = 0; asked < 3; asked += 1) {
      expect(await ask('shop', 'path=/ user=ann')).toBe('OVER_LIMIT 0 98');
      expect(await ask('plain', 'path=/ user=ann')).toBe(`OVER_LIMIT 0 ${97 - asked}`);
    }
    expect(await ask('shop', 'user=ann')).toBe('OK 97');
    const stats = (await service.get('debug', '/stats')).split('\n');
    const ofShop = (name: string): string | undefined =>
      stats.find((line) => line.includes(`shop.${name}:`))?.split(': ')[1];
    expect(['path.total_hits', 'path.over_limit', 'path.within_limit'].map(ofShop)).toEqual([
      '5',
      '3',
      '2',
    ]);
    expect(['user.total_hits', 'user.over_limit', 'user.within_limit'].map(ofShop)).toEqual([
      '6',
      undefined,
      '3',
    ]);
  });

  test('a retry with the same id is answered as the first time, and not charged again', async () => {
    const { ask } = its;
    const id = 'order 7, line 2; first';
    expect(await ask('plain', 'path=/b user=bob', id)).toBe('OK 1 99');
    expect(await ask('plain', 'path=/b user=bob')).toBe('OK 0 98');
    expect(await ask('plain', 'path=/b user=bob', id)).toBe('OK 1 99');
    expect(await ask('plain', 'path=/b user=bob', `${id}2`)).toBe('OVER_LIMIT 0 97');
    expect(await ask('plain', 'path=/b user=bob', `${id}2`)).toBe('OVER_LIMIT 0 97');
    expect(await ask('plain', 'user=bob')).toBe('OK 96');
    expect(await ask('plain', 'user=bob', id)).toBe('OK 95');
  });

  test('an id may be as long as it is said, and not longer', async () => {
    const { ask } = its;
    const id = 'x'.repeat(ID_BYTES_MAX);
    expect(await ask('shop', 'user=eve', id)).toBe('OK 99');
    expect(await ask('shop', 'user=eve', `${id}x`)).toBe(
      `${status.INVALID_ARGUMENT} idempotency-key is longer than ${ID_BYTES_MAX} bytes`,
    );
    expect(await ask('shop', 'user=eve', id)).toBe('OK 99');
  });
});
