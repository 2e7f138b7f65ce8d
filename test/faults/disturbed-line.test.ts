/** A network that is slow, hangs, or cuts connections, between Weir and a Redis that is well. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pause } from '../support/child.ts';
import { describeWithToxiproxy } from '../support/parts.ts';
import { startRedis } from '../support/redis-server.ts';
import { type DisturbedPort, startToxiproxy, type Toxiproxy } from '../support/toxiproxy.ts';
import { FORM } from './form.ts';
import { lateShares } from './late-shares.ts';
import { expectAccountedFor, expectAllCounted, expectKept } from './promise.ts';
import {
  answersByUser,
  countsOf,
  onePhase,
  recoveryMs,
  startShop,
  sum,
  underLoad,
  wellAgain,
} from './scene.ts';

/** Enough for a handshake and some replies. */
const BYTES_UNTIL_CUT = 3_001;
const STORM_EVERY_MS = 50;

interface Row {
  readonly name: string;
  readonly cause: (line: DisturbedPort) => Promise<void>;
  /** Reasons that must be among those of the degraded answers. */
  readonly reasons: readonly string[];
}

const rows: Row[] = [
  {
    name: 'replies later than the deadline',
    cause: (line) => line.addLatency(3 * FORM.deadlineMs),
    reasons: ['timeout', 'breaker'],
  },
  {
    name: 'a line on which nothing comes through any more',
    cause: (line) => line.timeout(),
    reasons: ['timeout', 'breaker'],
  },
  {
    name: 'connections that are cut in the middle of a reply, again and again',
    cause: (line) => line.limitBytesThenCut(BYTES_UNTIL_CUT),
    reasons: ['unavailable'],
  },
  {
    name: 'a connection whose next reply is lost in a reset',
    cause: (line) => line.resetPeer(0),
    reasons: ['unavailable'],
  },
];

describeWithToxiproxy('a disturbed line', () => {
  let toxiproxy: Toxiproxy;
  beforeAll(async () => {
    toxiproxy = await startToxiproxy();
  });
  afterAll(async () => {
    await toxiproxy[Symbol.asyncDispose]();
  });

  test.each(rows)(
    '$name: every call is answered in time, and each hit is counted once',
    async ({ name, cause, reasons }) => {
      await using redis = await startRedis();
      const line = await toxiproxy.proxy(redis.port, { endsByReset: true });
      await using service = await startShop({ redisPort: line.port });
      let [causedMs, clearedMs] = [0, 0];
      const scene = await underLoad({ service }, async () => {
        causedMs = performance.now();
        await cause(line);
        await onePhase();
        await line.clear();
        clearedMs = performance.now();
        await wellAgain(service);
      });
      const recovery = recoveryMs(scene.report, causedMs, clearedMs);
      expectKept(scene, { row: name, recoveryMs: recovery });
      expect(Object.keys(scene.report.summary().degraded)).toEqual(
        expect.arrayContaining([...reasons]),
      );
      expectAllCounted(scene, await countsOf(redis.port));
      expectAccountedFor(scene);
    },
    FORM.testMsMax,
  );

  // Calls that take 0.8 of it are slow to the breaker, which then ends them.
  test.each([0.3, 0.6])(
    'replies that take %f of the deadline, though late, are what is answered',
    async (share) => {
      await using redis = await startRedis();
      const line = await toxiproxy.proxy(redis.port);
      await using service = await startShop({ redisPort: line.port });
      const scene = await underLoad({ service }, async () => {
        await line.addLatency(share * FORM.deadlineMs);
        await onePhase();
        await onePhase();
      });
      expectKept(scene, { row: `latency of ${share} of the deadline` });
      const degraded = sum(answersByUser(scene.report, (its) => its.degraded !== null));
      const { overMs, shareMax } = FORM.late[0] as { overMs: number; shareMax: number };
      const { controls } = lateShares(scene.report, FORM.deadlineMs, overMs);
      expect(degraded / scene.report.due).toBeLessThanOrEqual(shareMax + 2 * controls);
      expectAllCounted(scene, await countsOf(redis.port));
    },
    FORM.testMsMax,
  );

  test(
    'a storm of resets charges nothing twice and gives no reply to the wrong request',
    async () => {
      await using redis = await startRedis();
      const line = await toxiproxy.proxy(redis.port, { endsByReset: true });
      await using service = await startShop({ redisPort: line.port });
      const scene = await underLoad({ service }, async () => {
        const endMs = performance.now() + 2 * FORM.phaseMs;
        while (performance.now() < endMs) {
          await line.resetPeer(0);
          await line.clear();
          await pause(STORM_EVERY_MS);
        }
        await wellAgain(service);
      });
      expectKept(scene, { row: 'a reset every 50 ms' });
      expectAllCounted(scene, await countsOf(redis.port));
      expectAccountedFor(scene);
    },
    FORM.testMsMax,
  );
});
