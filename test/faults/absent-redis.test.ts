/** A service whose Redis is not there when it starts, and callers who wait for less than Redis may take. */
import { expect, test } from 'vitest';
import { until } from '../support/child.ts';
import { freePort } from '../support/free-ports.ts';
import { startRedis } from '../support/redis-server.ts';
import { FORM } from './form.ts';
import { expectAccountedFor, expectAllCounted, expectKept } from './promise.ts';
import { RedisPlace } from './redis-place.ts';
import {
  answersAgain,
  answersByUser,
  countsOf,
  onePhase,
  recoveryMs,
  startShop,
  startShopAlone,
  underLoad,
  wellAgain,
} from './scene.ts';

test(
  'started without Redis it serves, and tells Redis of it all once that is there',
  async () => {
    await using redis = await RedisPlace.find();
    await using service = await startShop({ redisPort: redis.port });
    let [startedMs, thereMs] = [0, 0];
    const scene = await underLoad({ service }, async () => {
      startedMs = performance.now();
      thereMs = await redis.start();
      await wellAgain(service);
    });
    const recovery = recoveryMs(scene.report, startedMs, thereMs);
    expectKept(scene, { row: 'started without Redis', recoveryMs: recovery });
    expectAllCounted(scene, await countsOf(redis.port));
    expectAccountedFor(scene);
  },
  FORM.testMsMax,
);

test(
  "a caller's own deadline is kept where it is nearer than REDIS_TIMEOUT",
  async () => {
    const callerMs = 4 * FORM.deadlineMs;
    await using redis = await startRedis();
    await using service = await startShop({
      redisPort: redis.port,
      env: { REDIS_TIMEOUT: '20s' },
    });
    const scene = await underLoad({ service, callerMs }, async () => {
      redis.freeze();
      await onePhase();
      redis.thaw();
      await answersAgain(redis.port);
      await wellAgain(service);
    });
    expectKept(scene, { row: 'grpc-timeout before REDIS_TIMEOUT', deadlineMs: callerMs });
    expect(scene.report.summary().degraded['timeout']).toBeGreaterThan(0);
    expect(
      Math.max(...answersByUser(scene.report, ({ degraded }) => degraded !== null)),
    ).toBeGreaterThan(0);
    expectAllCounted(scene, await countsOf(redis.port));
    expectAccountedFor(scene);
  },
  FORM.testMsMax,
);

test('told to need a connection it is unhealthy until there is one', async () => {
  const port = await freePort();
  const env = { REDIS_HEALTH_CHECK_ACTIVE_CONNECTION: 'true' };
  await using service = await startShopAlone({ redisPort: port, env });
  const health = async (): Promise<number> =>
    (await fetch(`http://127.0.0.1:${service.ports.http}/healthcheck`)).status;
  expect(await health()).toBe(500);
  await using _ = await startRedis({ port });
  await until(health, (status) => status === 200);
});
