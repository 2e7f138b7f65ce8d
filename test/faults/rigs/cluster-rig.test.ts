/** The rig itself: its faults lead to a new primary, and a slot can be held between two owners. */
import { expect, test } from 'vitest';
import { until } from '../../support/child.ts';
import { type ClusterRig, startClusterRig } from '../../support/cluster-rig.ts';
import type { MoveStep } from '../../support/cluster-slots.ts';
import type { RedisNode } from '../../support/redis-node.ts';

/** `k` is of this slot, and so is every key with `{k}` in it. */
const SLOT = 7629;

type Fault = (rig: ClusterRig, primary: RedisNode) => Promise<void> | void;
const faults: [string, Fault][] = [
  ['a killed primary', (rig, primary) => rig.killPrimary(primary)],
  ['a frozen primary', (rig, primary) => rig.freezePrimary(primary)],
  ['a planned failover', (rig, primary) => rig.failover(rig.partnerOf(primary))],
];

test.each(faults)('%s is followed by its replica, which has its data', async (_name, cause) => {
  let pids: number[] = [];
  {
    await using rig = await startClusterRig();
    pids = rig.nodes().map(({ pid }) => pid);
    const before = await rig.ownerOf(SLOT);
    const primaries = (await rig.primaries()).map(({ name }) => name);
    expect(primaries).toEqual(['node-0', 'node-1', 'node-2']);
    await before.call('SET', 'k', 'v');
    await before.call('WAIT', 1, 1000);
    const sinceMs = performance.now();
    await cause(rig, before);
    const { node, atMs } = await rig.promotedAt(before);
    expect(node).toBe(rig.partnerOf(before));
    expect(atMs).toBeGreaterThan(sinceMs);
    expect(await node.text('GET', 'k')).toBe('v');
    await until(
      () => rig.ownerOf(SLOT).catch(() => null),
      (owner) => owner === node,
    );
    rig.thaw();
  }
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

test('a slot moves in steps with its keys, and between them both owners answer for their part', async () => {
  await using rig = await startClusterRig();
  const from = await rig.ownerOf(SLOT);
  const to = rig.nodes().find((node) => node !== from) as RedisNode;
  for (let i = 0; i < 25; i += 1) await from.call('SET', `{k}${i}`, i);
  const steps: MoveStep[] = [];
  const onStep = async (step: MoveStep): Promise<void> => {
    steps.push(step);
    if (step.keysMoved !== 10) return;
    const replies = await Promise.all(
      Array.from({ length: 25 }, (_, i) => from.text('GET', `{k}${i}`).catch(String)),
    );
    const asked = replies.filter((reply) => reply.includes(`ASK ${SLOT} ${to.address}`));
    expect(asked).toHaveLength(10);
    expect(await to.text('GET', 'k').catch(String)).toContain(`MOVED ${SLOT} ${from.address}`);
  };
  await rig.reshard([SLOT], { from, to, onStep });
  expect(steps.map(({ phase, keysMoved }) => `${phase} ${keysMoved}`)).toEqual([
    'marked 0',
    'moving 10',
    'moving 20',
    'moving 25',
    'emptied 25',
  ]);
  expect(await rig.ownerOf(SLOT)).toBe(to);
  expect(await to.text('GET', '{k}24')).toBe('24');
  expect(await from.text('GET', 'k').catch(String)).toContain(`MOVED ${SLOT} ${to.address}`);
});
