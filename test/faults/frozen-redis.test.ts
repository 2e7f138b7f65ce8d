/** A Redis that hangs under load: its process is stopped and its connections stay open. */
import { expect, test } from 'vitest';
import { pause } from '../support/child.ts';
import { LoadClient } from '../support/load-client.ts';
import { startRedis } from '../support/redis-server.ts';
import { startService } from '../support/service.ts';
import { FORM } from './form.ts';

const FILES = {
  'shop.yaml': `
domain: shop
descriptors:
  - { key: user, rate_limit: { unit: day, requests_per_unit: 4000000000 } }
`,
};
const ENV = { REDIS_TIMEOUT: '20ms', LIMIT_RESPONSE_HEADERS_ENABLED: 'true' };
const USERS = 100;

const requests = Array.from({ length: USERS }, (_, id) => ({
  domain: 'shop',
  descriptors: [{ entries: [{ key: 'user', value: `user-${id}` }] }],
}));

test(
  'every call is answered while Redis hangs, and by Redis again after it',
  async () => {
    await using redis = await startRedis();
    await using service = await startService({ files: FILES, redisPort: redis.port, env: ENV });
    const { ratePerSecond, phaseMs } = FORM;
    using load = await LoadClient.start({
      port: service.ports.grpc,
      ratePerSecond,
      durationMs: 3 * phaseMs,
      requests,
    });
    await pause(phaseMs);
    const frozenMs = performance.now();
    redis.freeze();
    await pause(phaseMs);
    const thawedMs = performance.now();
    redis.thaw();
    const report = await load.done;

    const { outcomes, degraded, due } = report.summary();
    expect(outcomes).toEqual({ OK: due });
    const degradedCalls = Object.values(degraded).reduce((sum, each) => sum + each, 0);
    expect(degradedCalls).toBeGreaterThan(0);
    const hung = report.first(frozenMs, ({ degraded: reason }) => reason !== null);
    expect(hung?.answeredMs).toBeLessThan(thawedMs);
    const back = report.first(
      thawedMs,
      ({ sentMs, degraded: reason }) => sentMs > thawedMs && reason === null,
    );
    expect(back).not.toBeNull();
  },
  FORM.testMsMax,
);
