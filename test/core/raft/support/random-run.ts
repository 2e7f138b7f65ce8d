/**
 * A run of a cluster in which numbers decide everything: which message arrives, late, twice or never, who
 * crashes and comes back with its disk, whose disk is done. Each number is one event, so a run that fails
 * shrinks to few.
 */
import type { NodeId } from '../../../../src/core/raft/log-entry.ts';
import type { Message } from '../../../../src/core/raft/message.ts';
import type { Fault, RaftLimits } from '../../../../src/core/raft/options.ts';
import { Invariants } from './invariants.ts';
import { ELECTION_MS, TestCluster } from './test-cluster.ts';

/** So small that every bound is met within a run. */
const TIGHT_LIMITS: Partial<RaftLimits> = {
  appendBytesMax: 34,
  inFlightMax: 3,
  uncommittedBytesMax: 34 * 8,
  logBytesMax: 34 * 24,
  compactionTail: 2,
  chunkBytesMax: 8,
};
/** Messages under way; beyond, the oldest is lost. */
const NETWORK_MAX = 60;

const COUP_EVENTS_MAX = 40;

/** After the last fault: an election or two, and time to catch up. */
const HEALING_TIMEOUTS = 10;

export interface RandomRun {
  readonly voters: 1 | 3 | 5;
  readonly faults: readonly Fault[];
  readonly events: readonly number[];
}

/** Throws an InvariantError at the first step after which something does not hold. */
export function run({ voters, faults, events }: RandomRun): Invariants {
  const invariants = new Invariants();
  const cluster = new TestCluster(voters, {
    limits: TIGHT_LIMITS,
    faults,
    observers: [invariants],
  });
  invariants.seats = cluster.seats;
  invariants.now = () => cluster.now;
  for (const seat of cluster.seats.values()) seat.isDiskFast = false;
  const world = new RandomWorld(cluster);
  for (const event of events) world.happen(event);
  return invariants;
}

/**
 * The same run, and then no more faults: all are up, everything arrives, disks are fast, logs are compacted.
 * Gives the cluster as it is some election timeouts later, when a command has been proposed.
 */
export function runAndHeal({ voters, events }: RandomRun): TestCluster {
  const cluster = new TestCluster(voters, { limits: TIGHT_LIMITS });
  for (const seat of cluster.seats.values()) seat.isDiskFast = false;
  const world = new RandomWorld(cluster);
  for (const event of events) world.happen(event);
  cluster.voters.forEach((id, i) => {
    cluster.restart(id);
    Object.assign(cluster.seat(id), { isDiskFast: true, chance: (i + 1) / (voters + 1) });
    cluster.persist(id);
  });
  passTime(cluster, HEALING_TIMEOUTS * ELECTION_MS);
  for (const id of cluster.voters) cluster.propose(id, 'healed');
  passTime(cluster, ELECTION_MS);
  return cluster;
}

function passTime(cluster: TestCluster, ms: number): void {
  const until = cluster.now + ms;
  while (cluster.now < until) {
    cluster.now += ELECTION_MS / 20;
    for (const id of cluster.voters) {
      cluster.tick(id);
      cluster.snapshot(id);
    }
    cluster.deliverAll();
  }
}

class RandomWorld {
  readonly #cluster: TestCluster;
  /** Links `a>b` on which nothing arrives. */
  readonly #cut = new Set<string>();
  #proposals = 0;

  constructor(cluster: TestCluster) {
    this.#cluster = cluster;
  }

  /** `event`: its kind in the lowest byte, what it happens to in the rest. */
  happen(event: number): void {
    const cluster = this.#cluster;
    const which = event >>> 8;
    const id = pick(cluster.voters, which) ?? '';
    const message = pick(cluster.network, which);
    const kind = event & 0xff;
    if (kind < 90) this.#deliverSome(1 + (which % 8));
    else if (kind < 115) this.#deliver(message);
    else if (kind < 125) this.#deliver(message, true);
    else if (kind < 133) this.#lose(message);
    else if (kind < 160) cluster.persist(id);
    else if (kind < 180) for (const voter of cluster.voters) cluster.persist(voter);
    else if (kind < 200) this.#pass(which % 12);
    else if (kind < 204) this.#timeout(id, which);
    else if (kind < 210) this.#coup(id, which);
    else if (kind < 232) this.#propose();
    else if (kind < 236) cluster.crash(id, pick(['nothing', 'snapshot', 'all'] as const, which));
    else if (kind < 244) cluster.restart(id);
    else if (kind < 248) this.#snapshot(id);
    else if (kind < 250) this.#request(id, which);
    else if (kind < 253) this.#cutLink(id, which);
    else this.#cut.clear();
    if (cluster.network.length > NETWORK_MAX)
      cluster.network.splice(0, cluster.network.length - NETWORK_MAX);
  }

  #isUp(id: NodeId): boolean {
    return this.#cluster.seat(id).node !== null;
  }

  /** In order, as a connection would. */
  #deliverSome(count: number): void {
    for (let i = 0; i < count; i++) this.#deliver(this.#cluster.network[0]);
  }

  #deliver(message: Message | undefined, isCopy = false): void {
    if (message === undefined) return;
    if (this.#cut.has(`${message.from}>${message.to}`)) this.#cluster.lose(message);
    else if (isCopy) this.#cluster.deliverCopy(message);
    else this.#cluster.deliver(message);
  }

  #lose(message: Message | undefined): void {
    if (message !== undefined) this.#cluster.lose(message);
  }

  /** Time passes, and whoever waited for it is ticked. */
  #pass(ms: number): void {
    this.#cluster.now += ms;
    for (const id of this.#cluster.voters) if (this.#isUp(id)) this.#cluster.tick(id);
  }

  /** One node has waited long enough; the others may be anywhere. */
  #timeout(id: NodeId, which: number): void {
    if (!this.#isUp(id)) return;
    this.#cluster.seat(id).chance = (which % 97) / 97;
    this.#cluster.now += which % 7 === 0 ? ELECTION_MS : 0;
    this.#cluster.tickToTimer(id);
  }

  /**
   * Everybody waits in vain, and one is elected while nothing else arrives: short terms that leave entries
   * on one disk, as in figure 3.7, which events one by one would hardly ever bring about. A narrow one hears
   * a single voter, and that twice.
   */
  #coup(id: NodeId, which: number): void {
    const cluster = this.#cluster;
    cluster.restart(id);
    cluster.now += 2 * ELECTION_MS;
    cluster.tickToTimer(id);
    const isNarrow = which % 5 === 0;
    const ally = pick(cluster.voters, which >>> 8);
    for (let i = 0; i < COUP_EVENTS_MAX && cluster.node(id).role.kind !== 'leader'; i++) {
      for (const voter of cluster.voters) cluster.persist(voter);
      const message = cluster.network.find(({ body }) => body.kind.includes('vote'));
      const isHeard = !isNarrow || (message?.from ?? id) === id || message?.from === ally;
      if (isNarrow && isHeard) this.#deliver(message, true);
      if (isHeard) this.#deliver(message);
      else this.#lose(message);
    }
    if (which % 2 === 0) cluster.network = [];
    if (which % 3 === 0) cluster.persist(id);
  }

  #propose(): void {
    for (const id of this.#cluster.voters) {
      const { node } = this.#cluster.seat(id);
      if (node?.role.kind === 'leader') this.#cluster.propose(id, String(++this.#proposals % 100));
    }
  }

  #snapshot(id: NodeId): void {
    if (this.#isUp(id)) this.#cluster.snapshot(id);
  }

  #request(id: NodeId, which: number): void {
    if (!this.#isUp(id)) return;
    if (which % 2 === 0) this.#cluster.input(id, { kind: 'read', id: which });
    else this.#cluster.input(id, { kind: 'transfer', id: which, to: null });
  }

  #cutLink(id: NodeId, which: number): void {
    const other = pick(this.#cluster.voters, which >>> 4) ?? '';
    this.#cut.add(`${id}>${other}`);
    if (which % 3 === 0) this.#cut.add(`${other}>${id}`);
  }
}

function pick<T>(from: readonly T[], which: number): T | undefined {
  return from[which % Math.max(from.length, 1)];
}
