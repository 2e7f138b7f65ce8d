/** What each kind of fault does to whom. Whatever cannot happen now, to a machine that is down say, does not. */
import type { Quota } from '../../src/core/quota/quota.ts';
import type { Fault, FaultKind } from './fault-schedule.ts';
import type { Simulation } from './simulation.ts';

/** A process that ended is started again after this long, more often soon than late. */
const DOWN_MS_MAX = 8000;
/** Part of a leader's loneliness that passes unnoticed by it. */
const STILL_RATIO = 0.8;
/** Of the small messages of a network that loses the large ones. */
const SICK_DUPLICATES = 0.3;
/** How slow a link is, by how long it is slow. */
const LAG_RATIO = 0.1;

export function inflict(simulation: Simulation, fault: Fault): void | Promise<void> {
  return ACTIONS[fault.kind](simulation, fault);
}

type Inflict = (simulation: Simulation, fault: Fault) => void | Promise<void>;

const ACTIONS: Readonly<Record<FaultKind, Inflict>> = {
  cut: ({ network }, { target, amount, ms }) => network.cut(target, amount, ms),
  isolate: (simulation, { target, ms }) => isolate(simulation, target, ms),
  'lone-leader': (simulation, { ms }) => leaveLeaderAlone(simulation, ms),
  split: (simulation, { amount, ms }) => split(simulation, amount, ms),
  loss: ({ network, scenario, queue }, { amount, ms }) => {
    network.loss = amount / 1000;
    queue.after(ms, () => void (network.loss = scenario.loss));
  },
  'append-loss': ({ network, queue }, { amount, ms }) => {
    network.appendLoss = amount / 1000;
    network.duplicates = SICK_DUPLICATES;
    queue.after(ms, () => {
      network.appendLoss = 0;
      network.duplicates = 0;
    });
  },
  duplicates: ({ network, queue }, { amount, ms }) => {
    network.duplicates = amount / 1000;
    queue.after(ms, () => void (network.duplicates = 0));
  },
  reorder: ({ network, queue }, { amount, ms }) => {
    network.spreadMs = amount;
    queue.after(ms, () => network.calm());
  },
  'slow-link': ({ network, queue }, { target, amount, ms }) => {
    network.slow(target, amount, ms * LAG_RATIO);
    queue.after(ms, () => network.slow(target, amount, 0));
  },
  stall: ({ machines }, { target, ms }) => {
    if (!machines[target]!.isBusy) machines[target]!.stall(ms);
  },
  sleep: ({ machines }, { target, ms }) => {
    if (!machines[target]!.isBusy) machines[target]!.sleep(ms);
  },
  'wall-jump': ({ machines }, { target, amount }) => machines[target]!.moveWall(amount),
  kill: (simulation, fault) => stop(simulation, fault, false),
  'power-cut': (simulation, fault) => stop(simulation, fault, true),
  'sync-error': ({ voters }, { target }) => voters[target]?.disk.failNextSync(),
  'disk-full': ({ voters, queue }, { target, amount, ms }) => {
    voters[target]?.disk.fill(amount);
    queue.after(ms, () => voters[target]?.disk.heal());
  },
  'slow-disk': ({ voters, queue }, { target, amount, ms }) => {
    voters[target]?.disk.slowBy(amount);
    queue.after(ms, () => voters[target]?.disk.heal());
  },
  rot: (simulation, fault) => rot(simulation, fault),
  'set-quota': (simulation, { amount }) => simulation.setQuotas(changeBy(amount)),
  leave: ({ replicas }, { target }) => replicas[target]?.leave(),
  'other-version': ({ voters, queue }, { target, ms }) => {
    voters[target]?.useOtherVersion(queue.now + ms);
  },
  transfer: ({ voters }) => voters.find(({ leading }) => leading !== null)?.transfer(),
};

function stop(simulation: Simulation, fault: Fault, isPowerCut: boolean): Promise<void> {
  const downMs = Math.min(fault.ms, DOWN_MS_MAX);
  return simulation.crash(simulation.machines[fault.target]!, isPowerCut, downMs);
}

/** Once: the disk of a second voter could be one too many. */
function rot(simulation: Simulation, { target, ms }: Fault): void | Promise<void> {
  const voter = simulation.voters[target];
  if (voter === undefined || voter.isRotten) return;
  voter.isRotten = true;
  const downMs = Math.min(ms, DOWN_MS_MAX);
  return simulation.crash(voter.machine, false, downMs, () => voter.disk.rot());
}

function isolate({ network, machines }: Simulation, target: number, ms: number): void {
  for (const { index } of machines) {
    if (index === target) continue;
    network.cut(index, target, ms);
    network.cut(target, index, ms);
  }
}

/** It hears no other voter while holders still reach it, and most of that time it stands still. */
function leaveLeaderAlone({ network, voters }: Simulation, ms: number): void {
  const machine = voters.find(({ leading }) => leading !== null)?.machine;
  if (machine === undefined || machine.isBusy) return;
  for (const { machine: other } of voters) {
    if (other === machine) continue;
    network.cut(machine.index, other.index, ms);
    network.cut(other.index, machine.index, ms);
  }
  const still = ms * STILL_RATIO;
  if (machine.canSleep) machine.sleep(still);
  else machine.stall(still);
}

/** Nothing passes between the machines whose bit is set and the others. */
function split({ network, machines }: Simulation, bits: number, ms: number): void {
  const isIn = (index: number): boolean => ((bits >> index) & 1) === 1;
  for (const a of machines) {
    for (const b of machines)
      if (isIn(a.index) !== isIn(b.index)) network.cut(a.index, b.index, ms);
  }
}

/** Every third draw lowers by half, another raises, the rest go back to what it was. */
function changeBy(draw: number): (quota: Quota) => Quota {
  const factor = [0.5, 1.5, 1][draw % 3]!;
  return (quota) => {
    const limit = Math.max(1, Math.floor(quota.limit * factor));
    if (quota.kind === 'count') return { ...quota, limit };
    return { ...quota, limit, burst: Math.max(1, Math.floor(quota.burst * factor)) };
  };
}
