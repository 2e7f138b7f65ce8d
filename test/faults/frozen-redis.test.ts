/** A Redis that hangs under load: its process is stopped and its connections stay open. */
import { expect, test } from 'vitest';
import { startRedis } from '../support/redis-server.ts';
import { FORM } from './form.ts';
import { expectAccountedFor, expectAllCounted, expectKept } from './promise.ts';
import {
  answersAgain,
  answersByUser,
  countsOf,
  onePhase,
  recoveryMs,
  startShop,
  underLoad,
  wellAgain,
} from './scene.ts';

test(
  'while Redis hangs every call is answered in time, and afterwards Redis has each hit once',
  async () => {
    await using redis = await startRedis();
    await using service = await startShop({ redisPort: redis.port });
    let frozenMs = 0;
    let thawedMs = 0;
    const scene = await underLoad({ service }, async () => {
      frozenMs = performance.now();
      redis.freeze();
      await onePhase();
      redis.thaw();
      thawedMs = await answersAgain(redis.port);
      await wellAgain(service);
    });
    expectKept(scene, { row: 'SIGSTOP', recoveryMs: recoveryMs(scene.report, frozenMs, thawedMs) });
    expect(
      Math.min(...answersByUser(scene.report, ({ degraded }) => degraded !== null)),
    ).toBeGreaterThan(0);
    expectAllCounted(scene, await countsOf(redis.port));
    expectAccountedFor(scene);
  },
  FORM.testMsMax,
);
