/** Whoever leads is frozen until its lease and its term are long over, and wakes up thinking that it leads. */
import { expect, test } from 'vitest';
import { pause, until } from '../support/child.ts';
import { placeOf, type Replica } from './quota/fleet.ts';
import { GROUP_FORM } from './quota/form.ts';
import { linesOf } from './quota/group-log.ts';
import { expectAnswered, expectSound, expectWithinRate } from './quota/group-promise.ts';
import { recordScene } from './quota/record.ts';
import { GroupScene, HOT } from './quota/scene.ts';
import { isAdmitted } from './quota/traffic.ts';
import { inFullUse } from './quota/usage.ts';

const { calmMs, testMsMax } = GROUP_FORM;
/** Longer than an election and all that was promised before it. */
const FROZEN_MS = 13_500;
const STEPS_DOWN_MS_MAX = 3_000;

test(
  'a leader that wakes up after its term steps down and grants nothing; no limit is passed',
  async () => {
    await using scene = await GroupScene.start({ rules: [HOT] });
    const { fleet, traffic } = scene;
    using load = await scene.startLoad();
    const watched = { load, traffic, rule: HOT };
    await inFullUse(watched);
    const stale = await fleet.leader();
    const term = await termOf(stale);
    stale.freeze();
    const frozenMs = performance.now();
    const leader = await fleet.leader(fleet.voters.filter((voter) => voter !== stale));
    const electedMs = performance.now();
    await pause(frozenMs + FROZEN_MS - performance.now());
    // What it held was free when nobody could spend it any more: the others have all.
    await inFullUse(watched);
    const before = stale.log.length;
    const thawedMs = performance.now();
    stale.thaw();
    await until(
      () => linesOf(stale.log.slice(before)).some(saysFollowing),
      (isSo) => isSo,
      STEPS_DOWN_MS_MAX,
    );
    const downMs = performance.now();
    await inFullUse(watched);
    await pause(calmMs);
    const report = await load.stop();

    expectAnswered(load.answers());
    const excess = expectWithinRate(traffic.answersOf(load, HOT), HOT);
    expect(await leader.isLeader()).toBe(true);
    expect(await stale.isLeader()).toBe(false);
    expect(await termOf(leader)).toBeGreaterThan(term);
    const place = placeOf(fleet, stale);
    const woken = [...load.answers()].filter(
      ({ target, sentMs, answeredMs }) =>
        target === place && sentMs < thawedMs && answeredMs > thawedMs,
    );
    expect(woken.length).toBeGreaterThan(0);
    await expectSound(fleet);
    recordScene('leader frozen', {
      ...report.summary(),
      electedMs: electedMs - frozenMs,
      downMs: downMs - thawedMs,
      excess,
      woken: { asked: woken.length, admitted: woken.filter(isAdmitted).length },
    });
  },
  testMsMax,
);

async function termOf(replica: Replica): Promise<number> {
  return (await replica.numbers())?.sum('weir_quota_term') ?? Number.NaN;
}

function saysFollowing({ message, fields }: { message: string; fields: object }): boolean {
  return message === 'quota voter changed' && 'role' in fields && fields.role === 'follower';
}
