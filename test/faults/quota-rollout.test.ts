/** All replicas are restarted one after the other, as a rollout does, under calls of gRPC's own library. */
import { expect, test } from 'vitest';
import { pause } from '../support/child.ts';
import { isLong } from './form.ts';
import { untilNumber } from './quota/fleet.ts';
import { GROUP_FORM } from './quota/form.ts';
import { leadersByTerm } from './quota/group-log.ts';
import { expectSound } from './quota/group-promise.ts';
import { LibraryCaller } from './quota/library-caller.ts';
import { recordScene } from './quota/record.ts';
import { AMPLE, GroupScene } from './quota/scene.ts';

const { calmMs, testMsMax } = GROUP_FORM;
const CONNECTED_MS_MAX = 10_000;
/** Until it has a lease again, that is, takes part. */
const LEASED_MS_MAX = 10_000;
const SETTLED_MS = isLong ? 5_000 : 500;

test(
  'a rolling restart of all replicas fails no call, turns nobody away, and hands leadership on',
  async () => {
    await using scene = await GroupScene.start({ rules: [AMPLE] });
    const { fleet, traffic } = scene;
    const { requests, ratePerSecond } = traffic;
    using caller = new LibraryCaller(fleet.targets, requests, ratePerSecond);
    await caller.start(CONNECTED_MS_MAX);
    await pause(calmMs);
    const before = { ...caller.outcomes };
    const took: Record<string, unknown> = {};
    for (const replica of fleet.replicas) {
      const stopMs = performance.now();
      await replica.stop();
      const startMs = performance.now();
      await replica.start();
      const upMs = performance.now();
      await untilNumber(replica, 'weir_quota_leased', (leased) => leased === 1, LEASED_MS_MAX);
      const leasedMs = performance.now() - upMs;
      took[replica.id] = { stopMs: startMs - stopMs, startMs: upMs - startMs, leasedMs };
      await pause(SETTLED_MS);
    }
    await fleet.leader();
    const outcomes = await caller.stop();
    const terms = leadersByTerm(fleet.logs).size;
    expect(Object.keys(outcomes).filter((outcome) => outcome.startsWith('error'))).toEqual([]);
    await expectSound(fleet);
    recordScene('rolling restart', { before, outcomes, took, terms });
  },
  testMsMax,
);
