/**
 * One run: machines, voters and replicas on one queue of events, faults by schedule, and every check. A seed
 * says all that happens; nothing here reads a clock or draws chance from elsewhere.
 */
import type { LeaseRequest } from '../../src/core/quota/message.ts';
import { QUOTA_DEFAULTS, type QuotaOptions } from '../../src/core/quota/options.ts';
import type { Quota } from '../../src/core/quota/quota.ts';
import type { NodeId } from '../../src/core/raft/log-entry.ts';
import type { Message } from '../../src/core/raft/message.ts';
import type { RaftLimits, RaftOptions } from '../../src/core/raft/options.ts';
import type { Random } from '../core/quota/support/random.ts';
import { type Bugs, bugsOf } from './bugs.ts';
import { IntervalOracle } from './checks/interval-oracle.ts';
import { LeaseChecks } from './checks/lease-checks.ts';
import { LedgerChecks } from './checks/ledger-checks.ts';
import { LivenessChecks } from './checks/liveness-checks.ts';
import { RaftChecks } from './checks/raft-checks.ts';
import { EventHash } from './event-hash.ts';
import { EventQueue } from './event-queue.ts';
import { CALM_MS, EPOCH_MS, type Fault, scheduleOf } from './fault-schedule.ts';
import { inflict } from './faults.ts';
import { Machine } from './machine.ts';
import { Network } from './network.ts';
import { Replica } from './replica.ts';
import {
  ELECTION_MS,
  HOUR_MS,
  randomOf,
  type Scenario,
  type SimulationOptions,
  scenarioOf,
} from './scenario.ts';
import type { Stage } from './stage.ts';
import { type Reply, Voter } from './voter.ts';

/** A voter that failed is noticed after this, and its process is away for this long then. */
const FAILED_MS = 4000;
const RESTART_MS = 1500;
/** A replica that left comes back after this at most. */
const AWAY_MS_MAX = 60_000;

export class Simulation implements Stage {
  readonly scenario: Scenario;
  readonly faults: readonly Fault[];
  readonly bugs: Bugs;
  readonly queue = new EventQueue();
  readonly hash = new EventHash();
  readonly quotaOptions: QuotaOptions;
  readonly quotas: Map<string, Quota>;
  readonly network: Network;
  readonly machines: readonly Machine[];
  readonly voters: readonly Voter[];
  readonly replicas: readonly Replica[];
  readonly raftChecks: RaftChecks;
  readonly ledgerChecks: LedgerChecks;
  readonly leaseChecks: LeaseChecks;
  readonly machineRandom: Random;
  readonly workRandom: Random;
  readonly diskRandom: Random;
  readonly #oracle = new IntervalOracle();
  readonly #liveness: LivenessChecks;
  readonly #durationMs: number;
  isMeasured = false;
  crashes = 0;

  constructor({ seed, hours, bugs, keep }: SimulationOptions) {
    this.scenario = scenarioOf(seed);
    this.#durationMs = hours * HOUR_MS;
    const all = scheduleOf(seed, this.scenario, this.#durationMs);
    this.faults = keep === null ? all : all.filter((_, i) => keep.includes(i));
    this.bugs = bugsOf(bugs);
    this.quotaOptions = { ...QUOTA_DEFAULTS, faults: this.bugs.quota };
    this.quotas = new Map(this.scenario.quotas);
    this.machineRandom = randomOf(seed, 'machines');
    this.workRandom = randomOf(seed, 'workload');
    this.diskRandom = randomOf(seed, 'disks');
    const { clocks, voters } = this.scenario;
    this.network = new Network(this.queue, randomOf(seed, 'network'), clocks.length);
    this.machines = clocks.map((clock, index) => new Machine(this.queue, index, clock));
    this.ledgerChecks = new LedgerChecks(this.bugs.quota, (command, outcome) => {
      this.#oracle.applied(this.queue.now, command, outcome);
      this.leaseChecks.applied(command);
    });
    this.raftChecks = new RaftChecks(voters, ELECTION_MS, (entry) =>
      this.ledgerChecks.committed(entry),
    );
    this.voters = this.machines.slice(0, voters).map((machine) => new Voter(this, machine));
    this.replicas = this.machines.map((machine) => new Replica(this, machine));
    const { truth } = this.ledgerChecks;
    this.leaseChecks = new LeaseChecks({
      options: this.quotaOptions,
      queue: this.queue,
      truth,
      replicas: this.replicas,
      oracle: this.#oracle,
    });
    this.#liveness = new LivenessChecks(this, this.quotaOptions, ELECTION_MS);
  }

  /** Rejects with a Violation at the first event after which something does not hold. */
  async run(): Promise<void> {
    this.#plan();
    for (;;) {
      const action = this.queue.next(this.#durationMs);
      if (action === null) break;
      const pending = action();
      if (pending !== undefined) await pending;
    }
    this.#oracle.verify();
    this.hash.add(this.queue.now, this.queue.count, this.leaseChecks.admittedCount);
  }

  get presentReplicas(): number {
    return this.replicas.reduce((sum, { holder }) => sum + (holder === null ? 0 : 1), 0);
  }

  raftOptions(id: NodeId, incarnation: number, loose: RaftLimits): RaftOptions {
    const limits = { ...loose, appendBytesMax: this.scenario.appendBytesMax };
    const voters = this.voters.map((voter) => voter.id);
    const faults = this.bugs.raft;
    const electionTimeoutMs = ELECTION_MS;
    return { id, clusterId: 'sim', incarnation, voters, electionTimeoutMs, limits, faults };
  }

  sendRaft(from: Voter, message: Message): void {
    const to = this.voters.find(({ id }) => id === message.to)!;
    const isOther = this.queue.now < from.otherVersionUntil;
    const sent = isOther ? { ...message, version: message.version + 1 } : message;
    if (message.body.kind === 'append' && this.network.losesAppend()) return;
    this.network.send(from.machine, to.machine, () => {
      this.hash.add(this.queue.now, message.term, to.machine.index * 8 + from.machine.index);
      to.receive(sent);
    });
  }

  sendRequest(
    from: Machine,
    index: number,
    request: LeaseRequest,
    receive: (reply: Reply) => void,
  ): void {
    const voter = this.voters[index]!;
    const reply = (answer: Reply): void =>
      this.network.send(voter.machine, from, () => receive(answer));
    this.network.send(from, voter.machine, () => {
      this.hash.add(this.queue.now, request.id, from.index);
      voter.granting.serve(request, reply);
    });
  }

  elected(voter: Voter): void {
    this.hash.addText(voter.id);
  }

  hasLeft(replica: Replica): void {
    replica.stop();
    const { machine } = replica;
    this.queue.after(this.workRandom.next() * AWAY_MS_MAX, () =>
      machine.run(() => {
        if (replica.holder === null) replica.start();
      }),
    );
  }

  async voterFailed(voter: Voter): Promise<void> {
    await voter.crash(false);
    this.#restartLater(voter.machine);
  }

  /** `whileDown` happens to its disk before it is started again. */
  async crash(
    machine: Machine,
    isPowerCut: boolean,
    downMs: number,
    whileDown?: () => void,
  ): Promise<void> {
    if (!machine.isUp) return;
    this.crashes += 1;
    machine.wake();
    machine.isUp = false;
    machine.life += 1;
    this.replicas[machine.index]!.stop();
    await this.voters[machine.index]?.crash(isPowerCut);
    whileDown?.();
    this.queue.after(downMs, () => this.#start(machine));
  }

  /** A voter whose disk cannot be used is no voter; its process holds leases all the same. */
  async #start(machine: Machine): Promise<void> {
    if (machine.isUp) return;
    machine.isUp = true;
    machine.life += 1;
    const voter = this.voters[machine.index];
    const isWell = voter === undefined || voter.isLost || (await voter.start());
    this.replicas[machine.index]!.start();
    if (isWell) return;
    await voter.crash(false);
    if (voter.isLost && this.bugs.process.has('wiped-voter-returns')) voter.wipe();
    if (!voter.isLost) this.#restartLater(machine);
  }

  /** Somebody looks at it, and starts the process again. */
  #restartLater(machine: Machine): void {
    const { life } = machine;
    this.queue.after(FAILED_MS, () => {
      const isSame = machine.life === life;
      return isSame ? this.crash(machine, false, RESTART_MS) : undefined;
    });
  }

  /** New rules, at every replica at once; the leader hears of them by its requests. */
  setQuotas(change: (quota: Quota) => Quota): void {
    for (const [resource, first] of this.scenario.quotas) {
      this.quotas.set(resource, change(first));
      for (const replica of this.replicas) replica.retrack(resource);
    }
  }

  #plan(): void {
    for (const machine of this.machines) this.queue.at(0, () => this.#start(machine));
    for (const fault of this.faults) this.queue.at(fault.at, () => inflict(this, fault));
    for (let begin = 0; begin < this.#durationMs; begin += EPOCH_MS) {
      const end = Math.min(begin + EPOCH_MS, this.#durationMs);
      this.queue.at(begin, () => this.#trouble());
      if (end - begin > CALM_MS) this.queue.at(end - CALM_MS, () => this.#heal(end));
    }
  }

  #trouble(): void {
    this.isMeasured = false;
    this.network.loss = this.scenario.loss;
  }

  async #heal(end: number): Promise<void> {
    this.network.heal();
    for (const machine of this.machines) {
      machine.wake();
      machine.correctWall();
    }
    for (const voter of this.voters) {
      voter.disk.heal();
      voter.otherVersionUntil = 0;
      const hasFailed = voter.node === null && !voter.isLost;
      if (hasFailed) await this.crash(voter.machine, false, 0);
    }
    for (const machine of this.machines) await this.#start(machine);
    this.isMeasured = true;
    this.#liveness.begin(end);
  }
}
