/**
 * A cluster in one object: nodes, disks, a network that keeps every message until it is told what to do
 * with it, and one clock. It does nothing by itself, so a test decides every order of events.
 */
import type { Effect, Persist } from '../../../../src/core/raft/effect.ts';
import type { Input } from '../../../../src/core/raft/input.ts';
import type { Entry, NodeId } from '../../../../src/core/raft/log-entry.ts';
import type { Message, MessageBody } from '../../../../src/core/raft/message.ts';
import { MESSAGE_VERSION } from '../../../../src/core/raft/message.ts';
import type { Fault } from '../../../../src/core/raft/options.ts';
import {
  RAFT_LIMITS,
  type RaftLimits,
  type RaftOptions,
} from '../../../../src/core/raft/options.ts';
import { RaftNode } from '../../../../src/core/raft/raft-node.ts';
import { step } from '../../../../src/core/raft/step.ts';
import { TestDisk } from './disk.ts';

/** T of all tests: heartbeats every 10 ms. */
export const ELECTION_MS = 100;

export interface Seat {
  readonly id: NodeId;
  readonly disk: TestDisk;
  /** null while it is down. */
  node: RaftNode | null;
  incarnation: number;
  /** Given to the disk and not acknowledged. */
  pending: Persist | null;
  /** Acknowledges at once. */
  isDiskFast: boolean;
  /** The state machine: the commands that it applied. */
  machine: string[];
  /** What its next draws are; used by ticks. */
  chance: number;
}

/** Sees everything, and may throw. */
export interface Observer {
  beforeInput?(seat: Seat, input: Input): void;
  afterStep?(seat: Seat, input: Input, effects: readonly Effect[]): void;
}

export interface ClusterOptions {
  readonly limits?: Partial<RaftLimits>;
  readonly faults?: readonly Fault[];
  readonly observers?: readonly Observer[];
}

export class TestCluster {
  now = 0;
  readonly seats = new Map<NodeId, Seat>();
  /** Sent, and neither delivered nor lost. */
  network: Message[] = [];
  /** Everything that was done since it was last emptied. */
  effects: { id: NodeId; effect: Effect }[] = [];
  readonly #options: ClusterOptions;
  readonly #voters: readonly NodeId[];
  #requests = 0;

  constructor(count: number, options: ClusterOptions = {}) {
    this.#options = options;
    this.#voters = Array.from({ length: count }, (_, i) => String(i + 1));
    for (const id of this.#voters) {
      this.seats.set(id, {
        id,
        disk: new TestDisk(),
        node: null,
        incarnation: 0,
        pending: null,
        isDiskFast: true,
        machine: [],
        chance: 0,
      });
      this.restart(id);
    }
  }

  get voters(): readonly NodeId[] {
    return this.#voters;
  }

  seat(id: NodeId): Seat {
    const seat = this.seats.get(id);
    if (seat === undefined) throw new RangeError(`there is no node ${id}`);
    return seat;
  }

  /** A node that is up. */
  node(id: NodeId): RaftNode {
    const { node } = this.seat(id);
    if (node === null) throw new RangeError(`node ${id} is down`);
    return node;
  }

  optionsOf(id: NodeId): RaftOptions {
    return {
      id,
      clusterId: 'test',
      incarnation: this.seat(id).incarnation,
      voters: this.#voters,
      electionTimeoutMs: ELECTION_MS,
      limits: { ...RAFT_LIMITS, ...this.#options.limits },
      faults: new Set(this.#options.faults),
    };
  }

  /** Gives a node an input and carries out its effects. */
  input(id: NodeId, input: Input): readonly Effect[] {
    const seat = this.seat(id);
    const observers = this.#options.observers ?? [];
    for (const observer of observers) observer.beforeInput?.(seat, input);
    const effects = step(this.node(id), input, this.now);
    for (const effect of effects) {
      this.effects.push({ id, effect });
      this.#carryOut(seat, effect);
    }
    for (const observer of observers) observer.afterStep?.(seat, input, effects);
    if (seat.isDiskFast) this.persist(id);
    return effects;
  }

  tick(id: NodeId): void {
    this.input(id, { kind: 'tick', chance: this.seat(id).chance });
  }

  /** The clock goes on to where this node wants an election, or a heartbeat if it leads. */
  tickToTimer(id: NodeId): void {
    this.now = Math.max(this.now, this.node(id).toldTimer ?? this.node(id).electionDeadline);
    this.tick(id);
  }

  /** Its disk finishes what it was given. */
  persist(id: NodeId): void {
    const seat = this.seat(id);
    const { pending } = seat;
    if (pending === null || seat.node === null) return;
    seat.pending = null;
    seat.disk.write(pending);
    this.input(id, { kind: 'persisted', sequence: pending.sequence });
  }

  /** `written`: how far the disk came with what it was working at, though nobody was told. */
  crash(id: NodeId, written: 'nothing' | 'snapshot' | 'all' = 'nothing'): void {
    const seat = this.seat(id);
    if (seat.pending !== null && written === 'all') seat.disk.write(seat.pending);
    if (seat.pending !== null && written === 'snapshot') seat.disk.writeSnapshotOnly(seat.pending);
    seat.pending = null;
    seat.node = null;
  }

  restart(id: NodeId): void {
    const seat = this.seat(id);
    if (seat.node !== null) return;
    seat.incarnation++;
    seat.machine = seat.disk.snapshot === null ? [] : readMachine(seat.disk.snapshot.bytes);
    seat.node = RaftNode.restore(this.optionsOf(id), seat.disk, this.now, seat.chance);
  }

  /** Takes the message out of the network and gives it to its receiver, if that is up. */
  deliver(message: Message): void {
    this.lose(message);
    this.deliverCopy(message);
  }

  deliverCopy(message: Message): void {
    if (this.seat(message.to).node !== null) this.input(message.to, { kind: 'message', message });
  }

  lose(message: Message): void {
    this.network = this.network.filter((one) => one !== message);
  }

  /** Delivers what was sent and what that brings, up to `most` messages. */
  deliverAll(isThrough: (message: Message) => boolean = () => true, most = 10_000): void {
    for (let count = 0; count < most; count++) {
      const message = this.network[0];
      if (message === undefined) return;
      if (isThrough(message)) this.deliver(message);
      else this.lose(message);
    }
    throw new Error('the network does not come to rest');
  }

  /** A message as a peer would have sent it. */
  forge(from: NodeId, to: NodeId, term: number, body: MessageBody): Message {
    const { clusterId, incarnation } = this.optionsOf(from);
    return { version: MESSAGE_VERSION, clusterId, from, to, incarnation, term, body };
  }

  /** Elects `id`, which must be able to win, and lets the network come to rest. */
  elect(id: NodeId): void {
    this.tickToTimer(id);
    this.deliverAll();
    if (this.node(id).role.kind !== 'leader') throw new Error(`node ${id} was not elected`);
  }

  propose(id: NodeId, ...commands: readonly string[]): readonly Effect[] {
    const payloads = commands.map((command) => new TextEncoder().encode(command));
    return this.input(id, { kind: 'propose', id: ++this.#requests, payloads });
  }

  /** Heartbeats of `id`, answered by all, `times` over. */
  beat(id: NodeId, times = 1): void {
    for (let i = 0; i < times; i++) {
      this.tickToTimer(id);
      this.deliverAll();
    }
  }

  /** The state machine of `id` makes a snapshot of all that it applied. */
  snapshot(id: NodeId): readonly Effect[] {
    const { applied } = this.node(id);
    const bytes = new TextEncoder().encode(JSON.stringify(this.seat(id).machine));
    return this.input(id, { kind: 'snapshot-made', index: applied, bytes });
  }

  #carryOut(seat: Seat, effect: Effect): void {
    if (effect.kind === 'persist') seat.pending = effect;
    else if (effect.kind === 'send') this.network.push(effect.message);
    else if (effect.kind === 'compact') seat.disk.compact(effect.through);
    else if (effect.kind === 'apply') seat.machine.push(...commandsOf(effect.entries));
    else if (effect.kind === 'install-snapshot') seat.machine = readMachine(effect.snapshot.bytes);
  }
}

/** As text: what was proposed; a no-op is nothing. */
export function commandsOf(entries: readonly Entry[]): string[] {
  return entries.flatMap(({ payload }) => (payload === null ? [] : [commandOf(payload)]));
}

function commandOf(payload: Uint8Array): string {
  return new TextDecoder().decode(payload);
}

function readMachine(bytes: Uint8Array): string[] {
  if (bytes.length === 0) return [];
  return (JSON.parse(new TextDecoder().decode(bytes)) as unknown[]).map(String);
}

/** `1/1 2/1x`: index/term and command of each entry in the log. */
export function logText(node: RaftNode): string {
  const { base, last } = node.log;
  const entries = node.log.slice(base.index + 1, last.index);
  const texts = entries.map(({ index, term, payload }) =>
    payload === null ? `${index}/${term}` : `${index}/${term}${commandOf(payload)}`,
  );
  return [...(base.index > 0 ? [`(${base.index}/${base.term})`] : []), ...texts].join(' ');
}
