/** Another primary behind Sentinels, under load: planned, after a kill, and after a hang. */
import { test } from 'vitest';
import { SENTINEL_PRIMARY, type SentinelRig, startSentinelRig } from '../support/sentinel-rig.ts';
import { FORM } from './form.ts';
import { expectFollowed, expectKept } from './promise.ts';
import { countsOf, recoveryMs, startShop, underLoad, wellAgain } from './scene.ts';

const causes: [string, (rig: SentinelRig) => unknown][] = [
  ['a planned failover', (rig) => rig.failover()],
  ['a killed primary', (rig) => rig.killPrimary()],
  ['a frozen primary', (rig) => rig.freezePrimary()],
];

test.each(causes)(
  '%s: the new primary decides within a second of its promotion, and has what the old one had',
  async (name, cause) => {
    await using rig = await startSentinelRig();
    await using service = await startShop({
      redisPort: 0,
      env: { REDIS_TYPE: 'SENTINEL', REDIS_URL: `${SENTINEL_PRIMARY},${rig.sentinelAddresses()}` },
    });
    let [causedMs, promotedMs] = [0, 0];
    const scene = await underLoad({ service }, async () => {
      causedMs = performance.now();
      const promoted = rig.promotedAt();
      await cause(rig);
      promotedMs = (await promoted).atMs;
      await wellAgain(service);
      rig.thaw();
      await rig.agreed();
      await wellAgain(service);
    });
    // Through the new primary: the old one answers on for a while in a planned failover.
    const recovery = recoveryMs(scene.report, causedMs, promotedMs);
    expectKept(scene, { row: `Sentinel, ${name}`, recoveryMs: recovery });
    const counted = await countsOf((await rig.agreed()).port);
    // Sentinels that time out on a busy machine promote a second one: then more is lost, and said to be.
    const untilMs = promotions(rig).length === 1 ? promotedMs : Infinity;
    expectFollowed(scene, { counted, causedMs, untilMs });
  },
  FORM.testMsMax,
);

/** What the Sentinels' logs say of replicas made primary; the one that leads a failover says it. */
function promotions(rig: SentinelRig): string[] {
  return rig.sentinels.flatMap(({ log }) =>
    log.split('\n').filter((line) => line.includes('+promoted-slave')),
  );
}
