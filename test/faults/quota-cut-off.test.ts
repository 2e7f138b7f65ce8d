/** Whoever leads is cut off from its peers, and heard by its callers alone; later the network is whole again. */
import { expect, test } from 'vitest';
import { pause } from '../support/child.ts';
import { placeOf } from './quota/fleet.ts';
import { GROUP_FORM } from './quota/form.ts';
import { expectAnswered, expectSound, expectWithinRate } from './quota/group-promise.ts';
import { createNetwork } from './quota/network.ts';
import { recordScene } from './quota/record.ts';
import { GroupScene, HOT, LESSEES, VOTERS } from './quota/scene.ts';
import { isAdmitted } from './quota/traffic.ts';
import { admittedPerSecond, inFullUse, USED_MIN } from './quota/usage.ts';

const { calmMs, testMsMax } = GROUP_FORM;
/** A lease is good for ten seconds, and renewed each two and a half. */
const LEASE_MS = 10_000;
const SPENT_MS_MIN = 5_000;
const SETTLED_MS = 6_000;
/** Then an election has been, and all that was promised before it is over. */
const CUT_MS = 13_500;

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
    const spent = own.filter((answer) => isAdmitted(answer) && answer.answeredMs < healedMs);
    const spentMs = Math.max(...spent.map(({ answeredMs }) => answeredMs)) - cutMs;
    expect(spentMs).toBeGreaterThan(SPENT_MS_MIN);
    expect(spentMs).toBeLessThan(LEASE_MS);
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
