/** That the calm end of an epoch is looked at: what does not heal there is found. */
import { expect, test } from 'vitest';
import { CALM_MS, EPOCH_MS } from '../fault-schedule.ts';
import { HOUR_MS } from '../scenario.ts';
import { Simulation } from '../simulation.ts';

const CALM_AT = EPOCH_MS - CALM_MS;
/** On a machine that does much else. */
const TEST_MS_MAX = 60_000;
/** Of three voters, and no faults at all: what is found is what the test did. */
const SEED = 7;

function calmRun(upset: (simulation: Simulation) => void | Promise<void>): Promise<void> {
  const hours = EPOCH_MS / HOUR_MS;
  const simulation = new Simulation({ seed: SEED, hours, bugs: [], keep: [] });
  expect(simulation.scenario.voters).toBe(3);
  simulation.queue.at(CALM_AT + 1, () => upset(simulation));
  return simulation.run();
}

function cutOff({ network, machines }: Simulation, one: number): void {
  for (const { index } of machines) {
    network.cut(one, index, CALM_MS);
    network.cut(index, one, CALM_MS);
  }
}

test('all is well when nothing goes wrong', { timeout: TEST_MS_MAX }, async () => {
  await calmRun(() => undefined);
});

test.each<[string, string, (simulation: Simulation) => void | Promise<void>]>([
  [
    'no leader',
    'liveness: there is no leader 10 election timeouts after healing',
    (simulation) => {
      for (const one of [0, 1]) cutOff(simulation, one);
    },
  ],
  ['a replica that is cut off', 'liveness: m3 has no lease', (simulation) => cutOff(simulation, 3)],
  [
    'a rate of which little is used',
    'of the rate is used',
    (simulation) => void Object.defineProperty(simulation, 'presentReplicas', { value: 100 }),
  ],
  [
    'a window of which little is used',
    '1000 of 3000 of a window is used',
    ({ leaseChecks }) => void Object.assign(leaseChecks, { hitsOf: () => 1000 }),
  ],
  [
    'a replica that gets nothing',
    'liveness: m3 gets nothing of the rate',
    ({ replicas }) => {
      Object.defineProperty(replicas[3], 'measured', { get: () => 0, set() {} });
    },
  ],
])('%s is found', { timeout: TEST_MS_MAX }, async (_name, problem, upset) => {
  await expect(calmRun(upset)).rejects.toThrow(problem);
});
