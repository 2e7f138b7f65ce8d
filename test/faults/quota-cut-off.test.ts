/** Whoever leads is cut off from its peers, and heard by its callers alone; later the network is whole again. */
import { expect, test } from 'vitest';
import { pause, until } from '../support/child.ts';
import { isLong } from './form.ts';
import { brokenBy } from './quota/broken-by.ts';
import { placeOf } from './quota/fleet.ts';
import type { FleetAnswer } from './quota/fleet-load.ts';
import { GROUP_FORM } from './quota/form.ts';
import { expectAnswered, expectSound, expectWithinRate } from './quota/group-promise.ts';
import { createNetwork } from './quota/network.ts';
import { recordScene } from './quota/record.ts';
import { GroupScene, HOT, LESSEES, VOTERS } from './quota/scene.ts';
import { isAdmitted } from './quota/traffic.ts';
import { admittedBy, admittedPerSecond, inFullUse, USED_MIN } from './quota/usage.ts';

const { calmMs, testMsMax } = GROUP_FORM;
/** A lease is good for ten seconds, and renewed each two and a half. */
const LEASE_MS = 10_000;
const SPENT_MS_MIN = 5_000;
const SETTLED_MS = 6_000;
/** Until a replica that comes late has a share. */
const SHARE_MS_MAX = 15_000;
/** Then an election has been, and all that was promised before it is over. */
const CUT_MS = 13_500;

/** A replica that was cut off spends what it has, and nothing once its lease is over. Gives for how long. */
function expectSpentByLease(
  own: readonly FleetAnswer[],
  { cutMs, healedMs }: { readonly cutMs: number; readonly healedMs: number },
): number {
  const spent = own.filter((answer) => isAdmitted(answer) && answer.answeredMs < healedMs);
  const spentMs = Math.max(...spent.map(({ answeredMs }) => answeredMs)) - cutMs;
  expect(spentMs).toBeGreaterThan(SPENT_MS_MIN);
  expect(spentMs).toBeLessThan(LEASE_MS);
  return spentMs;
}

test(
  'a leader cut off spends until its lease is over, the others go on without it, and it comes back',
  async () => {
    using network = createNetwork(VOTERS + LESSEES);
    await using scene = await GroupScene.start({ rules: [HOT], network });
    const { fleet, traffic } = scene;
    using load = await scene.startLoad();
    const watched = { load, traffic, rule: HOT };
    await inFullUse(watched);
    // Who came first had all, and what it gives up is free once it has said so, which takes a refresh or two.
    await pause(SETTLED_MS);
    const alone = await fleet.leader();
    const place = placeOf(fleet, alone);
    network.cut(place);
    const cutMs = performance.now();
    await fleet.leader(fleet.voters.filter((voter) => voter !== alone));
    const electedMs = performance.now();
    await pause(cutMs + CUT_MS - performance.now());
    await inFullUse(watched);
    expect(await alone.isLeader()).toBe(false);
    network.heal(place);
    const healedMs = performance.now();
    await inFullUse(watched);
    await pause(calmMs);
    const report = await load.stop();

    expectAnswered(load.answers());
    const excess = expectWithinRate(load.answers(), HOT);
    const own = [...load.answers()].filter((answer) => answer.target === place);
    const spentMs = expectSpentByLease(own, { cutMs, healedMs });
    const first = own.find((answer) => isAdmitted(answer) && answer.answeredMs > healedMs);
    expect(first).toBeDefined();
    // A fifth of it is the share of the one that is away.
    const meanwhile = admittedPerSecond(watched, cutMs, healedMs);
    expect(Math.min(...meanwhile), String(meanwhile)).toBeGreaterThan(USED_MIN * HOT.limit * 0.75);
    await expectSound(fleet);
    recordScene('leader cut off', {
      ...report.summary(),
      network: network.constructor.name,
      electedMs: electedMs - cutMs,
      spentMs,
      backMs: (first?.answeredMs as number) - healedMs,
      excess,
      meanwhile,
    });
  },
  testMsMax,
);

/** Longer than a lease. */
const BROKEN_MS = 11_000;

test(
  'a replica whose lease never ends is found by what it spends when it is cut off',
  async () => {
    using network = createNetwork(VOTERS + 1);
    const env = () => brokenBy('a lease never ends');
    await using scene = await GroupScene.start({ rules: [HOT], network, lessees: 1, env });
    const { traffic } = scene;
    using load = await scene.startLoad();
    await until(
      () => admittedBy({ load, traffic, rule: HOT }, VOTERS),
      (perSecond) => perSecond > 0,
      SHARE_MS_MAX,
    );
    network.cut(VOTERS);
    const cutMs = performance.now();
    await pause(BROKEN_MS);
    const healedMs = performance.now();
    await load.stop();
    const own = [...load.answers()].filter(({ target }) => target === VOTERS);
    expect(() => expectSpentByLease(own, { cutMs, healedMs })).toThrow(`less than ${LEASE_MS}`);
  },
  testMsMax,
);

/** An election, and seconds in which two spend a fifth of the limit: more than a burst. Less than a lease. */
const TWICE_MS = 9_000;

test.runIf(isLong)(
  'a new leader that does not wait for leases of before is found by the limit that is passed',
  async () => {
    using network = createNetwork(VOTERS + LESSEES);
    const env = () => brokenBy('a new leader does not wait');
    await using scene = await GroupScene.start({ rules: [HOT], network, env });
    const { fleet, traffic } = scene;
    using load = await scene.startLoad();
    await inFullUse({ load, traffic, rule: HOT });
    await pause(SETTLED_MS);
    network.cut(placeOf(fleet, await fleet.leader()));
    await pause(TWICE_MS);
    await load.stop();
    expect(() => expectWithinRate(load.answers(), HOT)).toThrow('admitted beyond the rate');
  },
  testMsMax,
);
