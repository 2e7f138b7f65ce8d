/**
 * One voter's process: the real node, storage and ledger, and around them only what carries effects out, in the
 * order in which the service does.
 */
import type { Command } from '../../src/core/quota/command.ts';
import { decodeCommand, encodeCommand } from '../../src/core/quota/command-codec.ts';
import { Ledger } from '../../src/core/quota/ledger.ts';
import { decodeLedger, encodeLedger } from '../../src/core/quota/ledger-codec.ts';
import type { LeaseAnswer, LeaseRefusal } from '../../src/core/quota/message.ts';
import type { Effect } from '../../src/core/raft/effect.ts';
import type { Input } from '../../src/core/raft/input.ts';
import type { Entry, NodeId } from '../../src/core/raft/log-entry.ts';
import { MESSAGE_VERSION, type Message } from '../../src/core/raft/message.ts';
import { RAFT_LIMITS, type RaftLimits } from '../../src/core/raft/options.ts';
import { RaftNode } from '../../src/core/raft/raft-node.ts';
import type { Leader } from '../../src/core/raft/role.ts';
import { step } from '../../src/core/raft/step.ts';
import { StorageError } from '../../src/peers/storage/storage-error.ts';
import { Timer } from './event-queue.ts';
import { Granting } from './granting.ts';
import type { Machine } from './machine.ts';
import type { Stage } from './stage.ts';
import { violated } from './violation.ts';
import { type DiskJob, type DiskOwner, VoterDisk } from './voter-disk.ts';

/** So small that a run sees chunks, snapshots for those who lag, and full logs. */
const LIMITS: RaftLimits = {
  ...RAFT_LIMITS,
  payloadBytesMax: 16_384,
  inFlightMax: 4,
  uncommittedBytesMax: 32_768,
  logBytesMax: 65_536,
  compactionTail: 16,
  snapshotBytesMax: 262_144,
  chunkBytesMax: 400,
  heldMax: 256,
};
/** Entries in memory after which the ledger is snapshot. */
const SNAPSHOT_ENTRIES = 150;

/** What a holder hears: who has no lease to give says whom to ask. */
export type Reply =
  | LeaseAnswer
  | LeaseRefusal
  | { readonly kind: 'not-leader'; readonly to: NodeId | null };

export class Voter implements DiskOwner {
  readonly id: NodeId;
  readonly machine: Machine;
  readonly disk: VoterDisk;
  readonly granting: Granting;
  readonly #stage: Stage;
  readonly #timer: Timer;
  node: RaftNode | null = null;
  ledger: Ledger;
  incarnation = 0;
  /** Its disk is damaged beyond use: it never comes back. */
  isLost = false;
  /** A bit of its disk was turned. */
  isRotten = false;
  /** Its program is of another version, until then. */
  otherVersionUntil = 0;
  #proposals = 0;
  #accepted: { id: number; index: number } | null = null;

  constructor(stage: Stage, machine: Machine) {
    this.id = machine.name;
    this.machine = machine;
    this.#stage = stage;
    this.ledger = new Ledger(stage.bugs.quota);
    this.granting = new Granting(stage, this);
    const doesSync = !stage.bugs.process.has('no-fsync');
    this.disk = new VoterDisk(stage.queue, stage.diskRandom, this, doesSync);
    this.#timer = new Timer(stage.queue, () => machine.run(() => this.#tick()));
  }

  /** The role, if it leads and its ledger holds all that was committed before. */
  get leading(): Leader | null {
    const { node } = this;
    if (node?.role.kind !== 'leader' || node.applied < node.role.firstIndex) return null;
    return node.role;
  }

  /** False when the disk does not let it: it is to be tried again, unless it `isLost`. */
  async start(): Promise<boolean> {
    try {
      const { restored, incarnation } = await this.disk.open();
      this.incarnation = incarnation;
      this.#stage.raftChecks.restored(this, restored);
      const options = this.#stage.raftOptions(this.id, incarnation, LIMITS);
      const { at } = this.machine.moment;
      this.node = RaftNode.restore(options, restored, at, this.#stage.machineRandom.next());
      const { snapshot } = restored;
      this.ledger =
        snapshot === null ? new Ledger(this.#stage.bugs.quota) : this.#read(snapshot.bytes);
    } catch (error) {
      return this.#notStarted(error);
    }
    this.#tick();
    return true;
  }

  #notStarted(error: unknown): boolean {
    if (!(error instanceof StorageError)) throw error;
    const isDamaged = error.code === 'corrupt' || error.code === 'other-identity';
    if (isDamaged && !this.isRotten) violated('storage', `${this.id}: ${error.message}`);
    this.isLost = isDamaged;
    return false;
  }

  async crash(isPowerCut: boolean): Promise<void> {
    this.#stage.raftChecks.crashed(this, this.disk.underWay);
    this.node = null;
    this.granting.update();
    this.#timer.set(Infinity);
    await this.disk.crash(isPowerCut);
  }

  /** TEST ONLY: as an operator would who does not know better. */
  wipe(): void {
    this.disk.wipe();
    this.isLost = false;
  }

  isDone(job: DiskJob): void {
    if (job.kind === 'compact') return;
    this.#stage.raftChecks.isDurable(this, job.effect);
    this.#input({ kind: 'persisted', sequence: job.effect.sequence });
  }

  async hasFailed(error: unknown): Promise<void> {
    if (!(error instanceof StorageError)) throw error;
    if (error.code === 'misuse' || error.code === 'closed') throw error;
    await this.#stage.voterFailed(this);
  }

  receive(message: Message): void {
    const isOther = this.#stage.queue.now < this.otherVersionUntil;
    // To a program of another version, ours is the one that it does not know.
    const version =
      isOther && message.version === MESSAGE_VERSION ? MESSAGE_VERSION + 1 : message.version;
    this.#input({
      kind: 'message',
      message: version === message.version ? message : { ...message, version },
    });
  }

  useOtherVersion(until: number): void {
    this.otherVersionUntil = until;
  }

  transfer(): void {
    this.#input({ kind: 'transfer', id: ++this.#proposals, to: null });
  }

  /** The index of the last command; null when there is none, or they were refused. */
  propose(commands: readonly Command[]): number | null {
    if (commands.length === 0) return null;
    const id = ++this.#proposals;
    this.#accepted = null;
    this.#input({ kind: 'propose', id, payloads: commands.map(encodeCommand) });
    const accepted = this.#accepted as { id: number; index: number } | null;
    if (accepted?.id !== id) return null;
    const index = accepted.index + commands.length - 1;
    // A single voter's disk may be done before this returns; then nothing has to wait.
    return index <= (this.node?.applied ?? 0) ? null : index;
  }

  #tick(): void {
    this.#input({ kind: 'tick', chance: this.#stage.machineRandom.next() });
  }

  #input(input: Input): void {
    const { node } = this;
    if (node === null) return;
    const { raftChecks } = this.#stage;
    raftChecks.before(this, input);
    const effects = step(node, input, this.machine.moment.at);
    raftChecks.after(this, node, input, effects);
    for (const effect of effects) this.#carryOut(effect);
    this.granting.update();
    this.#snapshot(node);
  }

  #carryOut(effect: Effect): void {
    switch (effect.kind) {
      case 'persist':
        this.disk.submit({ kind: 'persist', effect });
        return;
      case 'compact':
        this.disk.submit({ kind: 'compact', through: effect.through });
        return;
      case 'send':
        this.#stage.sendRaft(this, effect.message);
        return;
      case 'apply':
        for (const entry of effect.entries) this.#apply(entry);
        this.granting.applied(this.node!.applied);
        return;
      case 'install-snapshot':
        this.ledger = this.#read(effect.snapshot.bytes);
        this.#stage.ledgerChecks.installed(this.id, effect.snapshot.meta.index, this.ledger);
        return;
      case 'set-timer':
        this.#timer.set(this.machine.trueTimeOf(effect.at));
        return;
      case 'accepted':
        this.#accepted = effect;
        return;
      case 'dropped':
        if (effect.reason === 'second-leader' || effect.reason === 'conflicts-with-committed') {
          violated('raft', `${this.id} drops a message of ${effect.from}: ${effect.reason}`);
        }
        return;
      default:
    }
  }

  #apply(entry: Entry): void {
    if (entry.payload === null) return;
    let command = decodeCommand(entry.payload);
    if (this.#stage.bugs.process.has('local-time-in-ledger')) {
      command = { ...command, ts: Math.floor(this.machine.moment.wall) };
    }
    const outcome = this.ledger.apply(command, entry.term);
    this.#stage.ledgerChecks.applied(this.id, entry.index, this.ledger, outcome);
  }

  #read(bytes: Uint8Array): Ledger {
    const ledger = decodeLedger(bytes, this.#stage.bugs.quota);
    this.#stage.ledgerChecks.read(this.id, bytes, ledger);
    return ledger;
  }

  #snapshot(node: RaftNode): void {
    const { applied, madeIndex, log } = node;
    if (log.length < SNAPSHOT_ENTRIES || applied - madeIndex < SNAPSHOT_ENTRIES / 2) return;
    if (log.at(applied) === null) return;
    this.#input({ kind: 'snapshot-made', index: applied, bytes: encodeLedger(this.ledger) });
  }
}
