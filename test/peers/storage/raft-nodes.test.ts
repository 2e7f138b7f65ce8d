/**
 * Three voters of Raft's core, each over this storage on a disk that loses what was not synced, in
 * one loop: messages arrive or not, voters crash in the middle of a write and come back from what
 * the disk has. What was committed anywhere is never lost and never two things.
 */
import { describe, expect, test } from 'vitest';
import type { Effect, Persist } from '../../../src/core/raft/effect.ts';
import type { Input } from '../../../src/core/raft/input.ts';
import type { Entry, NodeId } from '../../../src/core/raft/log-entry.ts';
import type { Message } from '../../../src/core/raft/message.ts';
import { RAFT_LIMITS } from '../../../src/core/raft/options.ts';
import { RaftNode } from '../../../src/core/raft/raft-node.ts';
import { step } from '../../../src/core/raft/step.ts';
import type { RaftStorage } from '../../../src/peers/storage/raft-storage.ts';
import { StorageError } from '../../../src/peers/storage/storage-error.ts';
import { randomFrom, SimulatedDisk } from '../../support/simulated-disk.ts';
import { openOn } from './support/persists.ts';

const SEEDS = 40;
const ROUNDS = 700;
/** In the second half nothing is asked of them any more. */
const HEALING_ROUNDS = 300;
const VOTERS: readonly NodeId[] = ['a', 'b', 'c'];
const T = 100;
const LIMITS = { ...RAFT_LIMITS, compactionTail: 3, chunkBytesMax: 8192 };
const BOUNDS = { segmentBytesMax: 1_500, directoryBytesMax: 200_000 };

interface Seat {
  readonly id: NodeId;
  readonly disk: SimulatedDisk;
  up: { readonly node: RaftNode; readonly storage: RaftStorage } | null;
  /** Its write ends, if that is under way; never rejects. */
  writing: Promise<void> | null;
  /** What its state machine has: the commands, by index. */
  machine: Map<number, string>;
}

class Group {
  readonly #random: (n: number) => number;
  readonly #seats: readonly Seat[];
  #now = 0;
  #network: Message[] = [];
  #proposals = 0;
  #isQuiet = false;
  /** By index, what any voter applied: it can never be another. */
  readonly committed = new Map<number, string>();
  crashes = 0;
  snapshots = 0;
  installed = 0;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
    this.#seats = VOTERS.map((id, i) => ({
      id,
      disk: new SimulatedDisk(seed * 7 + i),
      up: null,
      writing: null,
      machine: new Map(),
    }));
  }

  async run(): Promise<void> {
    for (const seat of this.#seats) await this.#start(seat);
    for (let round = 0; round < ROUNDS; round++) await this.#round(10);
    for (let round = 0; round < HEALING_ROUNDS; round++) {
      for (const seat of this.#seats) await this.#heal(seat);
      this.#isQuiet = round > HEALING_ROUNDS / 2;
      await this.#round(0);
    }
  }

  async #heal(seat: Seat): Promise<void> {
    seat.disk.plan = () => null;
    if (seat.up === null) await this.#start(seat);
  }

  /** All of them, after it healed: everything that was committed, and nothing else below. */
  machines(): string[] {
    return this.#seats.map(({ machine }) => textOf(machine));
  }

  /** `trouble`: how often something goes wrong, in a hundred. */
  async #round(trouble: number): Promise<void> {
    this.#now += this.#random(T / 8);
    const seat = this.#seats[this.#random(VOTERS.length)] as Seat;
    if (this.#random(100) < trouble) await this.#harm(seat);
    for (const one of this.#seats) if (one.up) this.#input(one, this.#tick());
    if (!this.#isQuiet && this.#random(2) === 0) this.#propose();
    if (!this.#isQuiet && this.#random(12) === 0) this.#snapshot(seat);
    const messages = this.#network;
    this.#network = [];
    for (const message of messages) if (this.#random(100) >= trouble) this.#deliver(message);
    // Disks are slow sometimes: then the write goes on while others go ahead.
    for (const one of this.#seats) if (this.#random(4) > 0) await one.writing;
  }

  /** A crash now, or within its next operations. */
  async #harm(seat: Seat): Promise<void> {
    if (seat.up === null) {
      await this.#start(seat);
      return;
    }
    const at = seat.disk.operations + this.#random(6);
    seat.disk.plan = () => (seat.disk.operations >= at ? 'crash' : null);
    if (this.#random(2) === 0) await this.#crash(seat);
  }

  async #crash(seat: Seat): Promise<void> {
    if (this.#random(2) === 0) await seat.writing;
    if (seat.up === null) return;
    this.crashes++;
    seat.up = null;
    seat.writing = null;
    if (this.#random(4) === 0) seat.disk.killed();
    else seat.disk.powerCut();
  }

  async #start(seat: Seat): Promise<void> {
    seat.disk.plan = () => null;
    const { storage, restored, incarnation } = await openOn(seat.disk, {
      nodeId: seat.id,
      bounds: BOUNDS,
    });
    const options = {
      id: seat.id,
      clusterId: 'c',
      incarnation,
      voters: VOTERS,
      electionTimeoutMs: T,
      limits: LIMITS,
      faults: new Set<never>(),
    };
    const node = RaftNode.restore(options, restored, this.#now, this.#random(97) / 97);
    seat.machine = machineOf(restored.snapshot?.bytes);
    seat.up = { node, storage };
    this.#input(seat, this.#tick());
  }

  #tick(): Input {
    return { kind: 'tick', chance: this.#random(97) / 97 };
  }

  #propose(): void {
    for (const seat of this.#seats) {
      if (seat.up?.node.role.kind !== 'leader') continue;
      const command = `c${++this.#proposals}${'.'.repeat(this.#random(400))}`;
      const payloads = [new TextEncoder().encode(command)];
      this.#input(seat, { kind: 'propose', id: this.#proposals, payloads });
    }
  }

  #snapshot(seat: Seat): void {
    if (seat.up === null || seat.up.node.applied === 0) return;
    const bytes = new TextEncoder().encode(JSON.stringify([...seat.machine]));
    this.#input(seat, { kind: 'snapshot-made', index: seat.up.node.applied, bytes });
  }

  #deliver(message: Message): void {
    const seat = this.#seats.find(({ id }) => id === message.to);
    if (seat?.up) this.#input(seat, { kind: 'message', message });
  }

  #input(seat: Seat, input: Input): void {
    if (seat.up === null) return;
    for (const effect of step(seat.up.node, input, this.#now)) this.#carryOut(seat, effect);
  }

  #carryOut(seat: Seat, effect: Effect): void {
    if (effect.kind === 'persist') this.#persist(seat, effect);
    else if (effect.kind === 'send') this.#network.push(effect.message);
    else if (effect.kind === 'apply') for (const entry of effect.entries) this.#apply(seat, entry);
    else if (effect.kind === 'install-snapshot') {
      this.installed++;
      seat.machine = machineOf(effect.snapshot.bytes);
    } else if (effect.kind === 'compact') {
      this.#compact(seat, effect.through);
    }
  }

  #persist(seat: Seat, effect: Persist): void {
    const { up } = seat;
    if (up === null) return;
    seat.writing = up.storage.persist(effect).then(
      () => {
        // The process may be another one by now.
        if (seat.up === up) this.#input(seat, { kind: 'persisted', sequence: effect.sequence });
      },
      (error: unknown) => {
        if (seat.up === up) this.#died(seat, error);
      },
    );
  }

  #compact(seat: Seat, through: number): void {
    this.snapshots++;
    const { up } = seat;
    up?.storage.compact(through).catch((error: unknown) => {
      if (seat.up === up) this.#died(seat, error);
    });
  }

  #died(seat: Seat, error: unknown): void {
    expect(error).toBeInstanceOf(StorageError);
    if (seat.up === null) return;
    this.crashes++;
    seat.up = null;
    seat.disk.powerCut();
  }

  #apply(seat: Seat, { index, payload }: Entry): void {
    const command = payload === null ? '' : new TextDecoder().decode(payload);
    const known = this.committed.get(index) ?? command;
    if (known !== command) throw new Error(`${index} is ${known} and, at ${seat.id}, ${command}`);
    this.committed.set(index, command);
    seat.machine.set(index, command);
  }
}

function machineOf(bytes: Uint8Array | undefined): Map<number, string> {
  if (bytes === undefined) return new Map();
  return new Map(JSON.parse(new TextDecoder().decode(bytes)) as [number, string][]);
}

function textOf(machine: ReadonlyMap<number, string>): string {
  const ordered = [...machine].sort(([a], [b]) => a - b);
  return ordered.map(([index, command]) => `${index}${command.slice(0, 6)}`).join();
}

describe('three voters on disks that crash', () => {
  test(`lose nothing that was committed, in ${SEEDS} runs`, async () => {
    let [committed, crashes, installed, compactions] = [0, 0, 0, 0];
    for (let seed = 1; seed <= SEEDS; seed++) {
      const group = new Group(seed);
      await group.run();
      const text = textOf(group.committed);
      expect(group.machines(), `seed ${seed}`).toEqual([text, text, text]);
      committed += group.committed.size;
      crashes += group.crashes;
      installed += group.installed;
      compactions += group.snapshots;
    }
    expect(committed).toBeGreaterThan(SEEDS * 20);
    expect(crashes).toBeGreaterThan(SEEDS * 5);
    expect(installed).toBeGreaterThan(SEEDS / 4);
    expect(compactions).toBeGreaterThan(SEEDS * 5);
  }, 120_000);
});
