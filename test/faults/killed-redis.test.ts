/** A Redis whose process is killed under load, and started again: empty, or with what it had on disk. */
import { expect, test } from 'vitest';
import type { Answer } from '../support/load-report.ts';
import { startRedis } from '../support/redis-server.ts';
import { FORM, isLong } from './form.ts';
import { expectAccountedFor, expectAllCounted, expectKept } from './promise.ts';
import { RedisPlace } from './redis-place.ts';
import {
  answersByUser,
  answersOf,
  countsOf,
  onePhase,
  recoveryMs,
  startShop,
  underLoad,
  userOf,
  userRequest,
  wellAgain,
} from './scene.ts';

/** Reads so slowly at its start that it answers LOADING for a while. */
const SLOW_LOADING = [
  // Microseconds for each record; negative: one for each so many, where there are many.
  '--key-load-delay',
  isLong ? '-5' : '500',
  '--loading-process-events-interval-bytes',
  '1024',
];

test(
  'Redis killed and started empty: what was admitted meanwhile is charged to the new one',
  async () => {
    await using redis = await RedisPlace.find();
    await redis.start();
    await using service = await startShop({ redisPort: redis.port });
    let [killedMs, startedMs, backMs] = [0, 0, 0];
    const scene = await underLoad({ service }, async () => {
      killedMs = performance.now();
      await redis.kill();
      await onePhase();
      startedMs = performance.now();
      backMs = await redis.start();
      await wellAgain(service);
    });
    const recovery = recoveryMs(scene.report, killedMs, backMs);
    expectKept(scene, { row: 'SIGKILL, back empty', recoveryMs: recovery });
    // The counts of the first went with it. What it had not answered in time may have been among them.
    const byTheSecond = ({ degraded, sentMs, answeredMs }: Answer): boolean =>
      degraded === null ? answeredMs > startedMs : sentMs > killedMs;
    const sure = answersByUser(scene.report, byTheSecond);
    const unsure = answersByUser(
      scene.report,
      (answer) => answer.degraded !== null && !byTheSecond(answer),
    );
    for (const [user, count] of (await countsOf(redis.port)).entries()) {
      const least = sure[user] as number;
      expect(count, `user-${user}`).toBeGreaterThanOrEqual(least);
      expect(count, `user-${user}`).toBeLessThanOrEqual(least + (unsure[user] as number));
    }
    expectAccountedFor(scene);
    expect(scene.watch.sharesAsked(backMs).some((share) => share > 0 && share < 1)).toBe(true);
  },
  FORM.testMsMax,
);

test(
  'Redis killed and back with its data after a time of LOADING: each hit is there once',
  async () => {
    await using redis = await RedisPlace.find(['--appendonly', 'yes', ...SLOW_LOADING]);
    await redis.start();
    await using service = await startShop({ redisPort: redis.port });
    let [killedMs, backMs] = [0, 0];
    const scene = await underLoad({ service }, async () => {
      killedMs = performance.now();
      await redis.kill();
      await onePhase();
      backMs = await redis.start();
      await wellAgain(service);
    });
    const recovery = recoveryMs(scene.report, killedMs, backMs);
    expectKept(scene, { row: 'SIGKILL, back from disk', recoveryMs: recovery });
    expectAllCounted(scene, await countsOf(redis.port));
    expectAccountedFor(scene);
  },
  FORM.testMsMax,
);

test(
  'a limit that many reach is passed by no more than the local share',
  async () => {
    const limit = 2;
    const shop = `
domain: shop
descriptors:
  - { key: user, rate_limit: { unit: year, requests_per_unit: ${limit} } }
`;
    await using redis = await startRedis();
    await using service = await startShop({ redisPort: redis.port, files: { 'shop.yaml': shop } });
    const scene = await underLoad({ service, isNeverBack: true }, async () => {
      await redis.kill();
      await onePhase();
      await onePhase();
    });
    const admitted = answersByUser(scene.report, ({ outcome }) => outcome === 'OK');
    const locally = answersByUser(
      scene.report,
      ({ outcome, degraded }) => outcome === 'OK' && degraded !== null,
    );
    expect(Object.keys(scene.report.summary().outcomes).toSorted()).toEqual(['OK', 'OVER_LIMIT']);
    expect(Math.min(...admitted)).toBeGreaterThanOrEqual(limit);
    expect(Math.max(...admitted)).toBeLessThanOrEqual(2 * limit);
    expect(Math.max(...locally)).toBeLessThanOrEqual(limit);
  },
  FORM.testMsMax,
);

const MODES = ['local', 'open', 'closed', 'error'] as const;

function modeOf(user: number): (typeof MODES)[number] {
  return MODES[user % MODES.length] as (typeof MODES)[number];
}

test(
  'each rule is answered by its failure mode, and no other call is touched',
  async () => {
    const file = (mode: string): [string, string] => [
      `${mode}.yaml`,
      `
domain: ${mode}
on_store_failure: ${mode}
descriptors:
  - { key: user, rate_limit: { unit: year, requests_per_unit: 4000000000 } }
`,
    ];
    await using redis = await startRedis();
    const files = Object.fromEntries(MODES.map(file));
    await using service = await startShop({ redisPort: redis.port, files });
    const ofUser = (user: number) => userRequest(user, modeOf(user));
    let killedMs = 0;
    const { report } = await underLoad({ service, ofUser, isNeverBack: true }, async () => {
      killedMs = performance.now();
      await redis.kill();
      await onePhase();
    });
    const seen = { local: new Set(), open: new Set(), closed: new Set(), error: new Set() };
    for (const { call, sentMs, outcome, degraded } of answersOf(report)) {
      const user = userOf(call);
      if (user === null) continue;
      const isPlain = outcome === 'OK' && degraded === null;
      if (isPlain) expect(sentMs).toBeLessThan(killedMs + FORM.deadlineMs);
      else seen[modeOf(user)].add(outcome);
    }
    expect(seen).toEqual({
      local: new Set(['OK']),
      open: new Set(['OK']),
      closed: new Set(['OVER_LIMIT']),
      error: new Set(['status 14']),
    });
  },
  FORM.testMsMax,
);
