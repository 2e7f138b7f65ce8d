/** Whoever leads a group dies, and comes back with its disk, while everybody wants more than there is. */
import { expect, test } from 'vitest';
import { pause } from '../support/child.ts';
import { type Fleet, placeOf } from './quota/fleet.ts';
import { GROUP_FORM } from './quota/form.ts';
import {
  expectAnswered,
  expectNoDenial,
  expectSound,
  expectWithinRate,
} from './quota/group-promise.ts';
import { recordScene } from './quota/record.ts';
import { AMPLE, GroupScene, HOT } from './quota/scene.ts';
import { admittedBy, admittedPerSecond, inFullUse, USED_MIN } from './quota/usage.ts';

const { kills, calmMs, testMsMax, slowShareMax } = GROUP_FORM;
/** A process is back so soon. */
const DOWN_MS = 1_000;

interface Failover {
  readonly killedMs: number;
  readonly ledMs: number;
  readonly fullMs: number;
  /** Per second, what all others hold. */
  readonly worth: number;
}

test(
  'the leader killed under load: no limit is passed, what replicas hold is used, nobody is turned away for it',
  async () => {
    await using scene = await GroupScene.start({ rules: [HOT, AMPLE] });
    const { fleet, traffic } = scene;
    using load = await scene.startLoad();
    const watched = { load, traffic, rule: HOT };
    const settledMs = await inFullUse(watched);
    const scriptsBefore = await scene.scriptCalls();
    const failovers: Failover[] = [];
    const restarted = new Set<number>();
    for (let kill = 0; kill < kills; kill += 1) {
      await pause(calmMs);
      const leader = await fleet.leader();
      const place = placeOf(fleet, leader);
      restarted.add(place);
      const worth = HOT.limit - admittedBy(watched, place);
      const killedMs = performance.now();
      await leader.kill();
      await pause(DOWN_MS);
      await leader.start();
      await fleet.leader();
      const ledMs = performance.now();
      failovers.push({ killedMs, ledMs, worth, fullMs: await inFullUse(watched) });
    }
    await pause(calmMs);
    const endMs = performance.now();
    const scripts = (await scene.scriptCalls()) - scriptsBefore;
    const slowShare = await slowerThanOneMs(fleet);
    const report = await load.stop();

    expectAnswered(load.answers());
    const excess = expectWithinRate(traffic.answersOf(load, HOT), HOT);
    expectWithinRate(traffic.answersOf(load, AMPLE), AMPLE);
    const begins = [settledMs, ...failovers.map(({ fullMs }) => fullMs)];
    const ends = [...failovers.map(({ killedMs }) => killedMs), endMs];
    const calm = begins.flatMap((fromMs, at) =>
      admittedPerSecond(watched, fromMs, ends[at] as number),
    );
    expect(Math.min(...calm), String(calm)).toBeGreaterThanOrEqual(USED_MIN * HOT.limit);
    const meanwhile = failovers.map(({ killedMs, fullMs, worth }) => {
      const seconds = admittedPerSecond(watched, killedMs, fullMs);
      expect(Math.min(...seconds), String(seconds)).toBeGreaterThanOrEqual(USED_MIN * worth);
      return seconds;
    });
    // Who was killed knows nothing of what it held, and must ask first.
    const lived = [...traffic.answersOf(load, AMPLE)].filter(
      ({ sentMs, target }) => sentMs > settledMs && !restarted.has(target),
    );
    const denied = expectNoDenial(lived);
    expect(scripts, 'script calls to Redis').toBe(0);
    if (slowShareMax !== null) expect(slowShare).toBeLessThanOrEqual(slowShareMax);
    await expectSound(fleet);
    recordScene('leader killed', {
      ...report.summary(),
      failovers: failovers.map(({ killedMs, ledMs, fullMs, worth }) => ({
        ledMs: ledMs - killedMs,
        fullMs: fullMs - killedMs,
        worth,
      })),
      excess,
      calm,
      meanwhile,
      denied,
      scripts,
      slowShare,
    });
  },
  testMsMax,
);

/** Of all decisions within the services that live: the share that took longer than a millisecond. */
async function slowerThanOneMs(fleet: Fleet): Promise<number> {
  const name = 'ratelimit_service_response_time_seconds';
  const [all, quick] = [
    await fleet.sum(`${name}_count`, 'ShouldRateLimit'),
    await fleet.sum(`${name}_bucket`, 'ShouldRateLimit', 'le="0.001"'),
  ];
  expect(all).toBeGreaterThan(0);
  return 1 - quick / all;
}
