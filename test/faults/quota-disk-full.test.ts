/** The disk of a voter fills up: of one that follows, then of the one that leads. */
import { expect, test } from 'vitest';
import { pause } from '../support/child.ts';
import { type Replica, untilNumber } from './quota/fleet.ts';
import { GROUP_FORM } from './quota/form.ts';
import { linesOf } from './quota/group-log.ts';
import {
  expectAnswered,
  expectNoDenial,
  expectSound,
  expectWithinRate,
} from './quota/group-promise.ts';
import { recordScene } from './quota/record.ts';
import { AMPLE, GroupScene, HOT } from './quota/scene.ts';
import { SmallDisks } from './quota/small-disks.ts';
import type { LeasedRule } from './quota/traffic.ts';
import { inFullUse } from './quota/usage.ts';

const { calmMs, testMsMax } = GROUP_FORM;
/** Chunks of them and reports on these are what is written all the time: more than a page at each refresh. */
const COUNTS: readonly LeasedRule[] = Array.from({ length: 20 }, (_, at) => ({
  key: `count-${at}`,
  unit: 'day',
  limit: 100_000_000,
  wanted: 25,
}));
/** Each replica reports every 2.5 s. */
const WRITTEN_MS_MAX = 10_000;
const CONNECTED_MS_MAX = 6_000;

test(
  'a voter whose disk is full ends its vote and says so; decisions go on, under another leader if it led',
  async () => {
    using disks = new SmallDisks();
    await using scene = await GroupScene.start({
      rules: [HOT, AMPLE, ...COUNTS],
      directoryOf: (id) => disks.directoryOf(id),
    });
    const { fleet, traffic } = scene;
    using load = await scene.startLoad();
    const watched = { load, traffic, rule: HOT };
    const settledMs = await inFullUse(watched);
    const leader = await fleet.leader();
    const follower = fleet.voters.find((voter) => voter !== leader) as Replica;

    disks.fill(follower);
    await voterEnded(follower);
    expect(await leader.isLeader()).toBe(true);
    await follower.stop();
    disks.free(follower);
    await follower.start();
    await untilNumber(follower, 'weir_quota_peers', (peers) => peers === 2, CONNECTED_MS_MAX);

    const fillMs = performance.now();
    disks.fill(leader);
    await voterEnded(leader);
    const endedMs = performance.now();
    await fleet.leader(fleet.voters.filter((voter) => voter !== leader));
    const movedMs = performance.now();
    await inFullUse(watched);
    await pause(calmMs);
    const report = await load.stop();

    expectAnswered(load.answers());
    const excess = expectWithinRate(traffic.answersOf(load, HOT), HOT);
    const restarted = fleet.replicas.indexOf(follower);
    const lived = [...traffic.answersOf(load, AMPLE)].filter(
      ({ sentMs, target }) => sentMs > settledMs && target !== restarted,
    );
    const denied = expectNoDenial(lived);
    await expectSound(fleet);
    recordScene('disk full', {
      ...report.summary(),
      disk: disks.kind,
      endedMs: endedMs - fillMs,
      movedMs: movedMs - endedMs,
      excess,
      denied,
    });
  },
  testMsMax,
);

/** Resolves when the voter says that it is none any more. */
async function voterEnded(voter: Replica): Promise<void> {
  await untilNumber(voter, 'weir_quota_voter_failed', (failed) => failed === 1, WRITTEN_MS_MAX);
  const [said] = linesOf(voter.log).filter(({ message }) => message.includes('voter ended'));
  expect(said?.level).toBe('error');
  expect(said?.fields['error']).toMatch(/ENOSPC|EFBIG/);
}
