/** The rig itself: each of its faults leads to a new primary, and nothing of it is left behind. */
import { expect, test } from 'vitest';
import type { RedisNode } from '../../support/redis-node.ts';
import { type SentinelRig, startSentinelRig } from '../../support/sentinel-rig.ts';

const faults: [string, (rig: SentinelRig) => Promise<void> | RedisNode][] = [
  ['a killed primary', (rig) => rig.killPrimary()],
  ['a frozen primary', (rig) => rig.freezePrimary()],
  ['a planned failover', (rig) => rig.failover()],
];

test.each(faults)('%s is followed by another, which has its data', async (_name, cause) => {
  let pids: number[] = [];
  {
    await using rig = await startSentinelRig();
    pids = [...rig.nodes, ...rig.sentinels].map(({ pid }) => pid);
    const before = rig.primary();
    await before.call('SET', 'k', 'v');
    await before.call('WAIT', 2, 1000);
    const sinceMs = performance.now();
    const promoted = rig.promotedAt();
    await cause(rig);
    const { node, atMs } = await promoted;
    expect(node).not.toBe(before);
    expect(rig.primary()).toBe(node);
    expect(atMs).toBeGreaterThan(sinceMs);
    expect(await node.text('GET', 'k')).toBe('v');
    rig.thaw();
  }
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});
