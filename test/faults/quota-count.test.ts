/** A limit per window that all replicas spend until nothing is left. */
import { expect, test } from 'vitest';
import { pause } from '../support/child.ts';
import { roomInWindow } from '../support/window.ts';
import { isLong } from './form.ts';
import { brokenBy } from './quota/broken-by.ts';
import type { FleetLoad } from './quota/fleet-load.ts';
import { GROUP_FORM } from './quota/form.ts';
import { expectAnswered, expectSound, expectWithinRate } from './quota/group-promise.ts';
import { recordScene } from './quota/record.ts';
import { GroupScene } from './quota/scene.ts';
import { isAdmitted, type LeasedRule } from './quota/traffic.ts';

const { countLimit, countPerSecond, testMsMax } = GROUP_FORM;
/** The short form does not wait for the begin of a window. */
const UNIT = isLong ? { name: 'minute', seconds: 60 } : { name: 'day', seconds: 86_400 };
const COUNT: LeasedRule = {
  key: 'count',
  unit: UNIT.name,
  limit: countLimit,
  wanted: countPerSecond,
};
const USED_MIN = 0.99;
/** What spends all of it, and as much again in which there must be nothing. */
const LOAD_MS = 2 * (countLimit / countPerSecond) * 1_000;

/** What all replicas admit together of a load that wants twice as much as there is. */
async function spendAll(scene: GroupScene): Promise<FleetLoad> {
  await roomInWindow(UNIT.seconds, LOAD_MS / 1_000 + 3);
  const load = await scene.startLoad();
  await pause(LOAD_MS);
  await load.stop();
  return load;
}

function admittedOf(load: FleetLoad): number {
  return [...load.answers()].filter(isAdmitted).length;
}

function expectWithinLimit(admitted: number): void {
  expect(admitted).toBeLessThanOrEqual(COUNT.limit);
}

test(
  'of a limit per window never more is admitted by all replicas together, and next to all of it',
  async () => {
    await using scene = await GroupScene.start({ rules: [COUNT] });
    using load = await spendAll(scene);

    expectAnswered(load.answers());
    const admitted = admittedOf(load);
    expectWithinLimit(admitted);
    expect(admitted).toBeGreaterThanOrEqual(USED_MIN * COUNT.limit);
    await expectSound(scene.fleet);
    recordScene('count', { ...load.report.summary(), admitted, limit: COUNT.limit });
  },
  testMsMax,
);

test(
  'a leader that gives the same hits twice is found by that',
  async () => {
    const env = () => brokenBy('granted twice');
    await using scene = await GroupScene.start({ rules: [COUNT], env });
    using load = await spendAll(scene);
    expectAnswered(load.answers());
    const admitted = admittedOf(load);
    expect(() => expectWithinLimit(admitted), String(admitted)).toThrow();
    recordScene('count, granted twice', { admitted, limit: COUNT.limit });
  },
  testMsMax,
);

test(
  'a replica without peers leases to itself: not more than its limits, and most of a rate',
  async () => {
    const rate: LeasedRule = { key: 'rate', unit: 'second', limit: 200, wanted: 500 };
    const count: LeasedRule = { key: 'few', unit: 'day', limit: 100, wanted: 250 };
    await using scene = await GroupScene.start({ rules: [rate, count], voters: 0, lessees: 1 });
    await roomInWindow(UNIT.seconds, 10);
    using load = await scene.startLoad();
    await pause(3_000);
    await load.stop();

    expectAnswered(load.answers());
    expectWithinRate(scene.traffic.answersOf(load, rate), rate);
    const admitted = (rule: LeasedRule): number =>
      [...scene.traffic.answersOf(load, rule)].filter(isAdmitted).length;
    expect(admitted(rate)).toBeGreaterThan(2 * rate.limit);
    expect(admitted(count)).toBe(count.limit);
  },
  testMsMax,
);
