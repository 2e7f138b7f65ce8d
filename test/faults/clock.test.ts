/** A host whose clock is off: windows go by the clock of Redis, which both replicas share. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startRedis } from '../support/redis-server.ts';
import { RlsClient } from '../support/rls-client.ts';
import { roomInWindow } from '../support/window.ts';
import { startShop, userRequest } from './scene.ts';
import { Numbers } from './watch.ts';

const SKEWED = fileURLToPath(new URL('./skewed-clock.ts', import.meta.url));
const LIMIT = 10;
const HOUR_SECONDS = 3600;
const SHOP = `
domain: shop
descriptors:
  - { key: user, rate_limit: { unit: day, requests_per_unit: ${LIMIT} } }
`;

test('two replicas of which one is an hour ahead count in one window, and its skew is told', async () => {
  await roomInWindow(24 * HOUR_SECONDS, 10);
  await using redis = await startRedis();
  const options = { redisPort: redis.port, files: { 'shop.yaml': SHOP } };
  const long = { REDIS_TIMEOUT: '5s' };
  const skew = { NODE_OPTIONS: `--import ${SKEWED}` };
  await using right = await startShop({ ...options, env: long });
  await using ahead = await startShop({ ...options, env: { ...long, ...skew } });
  using one = new RlsClient(right.ports.grpc);
  using other = new RlsClient(ahead.ports.grpc);
  const statuses: { code?: unknown; limitRemaining?: unknown; durationUntilReset?: unknown }[] = [];
  for (let hit = 0; hit < LIMIT + 2; hit += 1) {
    const outcome = await (hit % 2 === 0 ? one : other).shouldRateLimit(userRequest(7));
    const response = 'response' in outcome ? outcome.response : {};
    statuses.push((response['statuses'] as object[])[0] as object);
  }
  const left = statuses.map(({ limitRemaining = 0 }) => limitRemaining);
  expect(left).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]);
  expect(statuses.filter(({ code }) => code === 'OVER_LIMIT')).toHaveLength(2);
  const ends = statuses.map(({ durationUntilReset }) =>
    Number.parseFloat(String(durationUntilReset)),
  );
  expect(Math.max(...ends) - Math.min(...ends)).toBeLessThan(60);
  const skews = await Promise.all(
    [right, ahead].map(async (service) =>
      new Numbers(await service.get('metrics', '/metrics')).sum('weir_redis_clock_ahead_seconds'),
    ),
  );
  expect(Math.abs(skews[0] as number)).toBeLessThan(1);
  expect(Math.abs((skews[1] as number) + HOUR_SECONDS)).toBeLessThan(1);
});
