/**
 * A voter at work: Raft's core between a disk, the peers, a timer and the ledger. Inputs are taken one after
 * the other, effects carried out in their order, and nothing waits in between.
 *
 * Fail-stop: when the disk fails, or an entry cannot be read, or a step throws, the voter says nothing any
 * more until the process starts again. It may have forgotten a vote or an entry that others rely on.
 *
 * Every CHECKPOINT_ENTRIES the ledger is encoded, at the same indices on every voter: for a snapshot, and
 * for its fingerprint, by which voters find out that they hold different ledgers.
 */

import type { Command } from '../../core/quota/command.ts';
import { decodeCommand, encodeCommand } from '../../core/quota/command-codec.ts';
import { Ledger } from '../../core/quota/ledger.ts';
import { decodeLedger, encodeLedger, hashLedger } from '../../core/quota/ledger-codec.ts';
import type { Dropped, Effect, Refused, RoleChanged } from '../../core/raft/effect.ts';
import type { Input } from '../../core/raft/input.ts';
import { type Entry, entryBytes, type LogIndex, type NodeId } from '../../core/raft/log-entry.ts';
import type { Message } from '../../core/raft/message.ts';
import type { RaftOptions } from '../../core/raft/options.ts';
import { RaftNode, type RestoredState } from '../../core/raft/raft-node.ts';
import type { Snapshot } from '../../core/raft/snapshot.ts';
import { type RaftStatus, statusOf } from '../../core/raft/status.ts';
import { step } from '../../core/raft/step.ts';
import type { MonotonicMs } from '../../core/time.ts';
import type { Clocks } from '../clocks.ts';
import type { Checkpoint } from './divergence.ts';
import type { PeerCounts } from './peer-counts.ts';
import { Proposals } from './proposals.ts';
import type { VoterDisk } from './voter-disk.ts';

/** Entries between two checkpoints: a restart applies as many, in some milliseconds. */
export const CHECKPOINT_ENTRIES = 4096;
/** Large entries bring a snapshot sooner: the log in memory holds 64 MiB. */
const SNAPSHOT_BYTES = 8 * 1024 * 1024;
/** Of one proposal, so that its append is not the only one that fits under way. */
const PROPOSAL_BYTES_MAX = 256 * 1024;

export interface VoterParts {
  readonly options: RaftOptions;
  readonly restored: RestoredState;
  readonly disk: VoterDisk;
  readonly clocks: Clocks;
  readonly counts: PeerCounts;
  /** May lose it. */
  readonly send: (to: NodeId, message: Message) => void;
  /** False: it lets others lead. */
  readonly mayCampaign: () => boolean;
  /** After each input: role, ledger or what is confirmed may have changed. */
  readonly onStep: () => void;
  readonly onEvent: (event: VoterEvent) => void;
}

export type VoterEvent = RoleChanged | Dropped | VoterFailed;

export interface VoterFailed {
  readonly kind: 'voter-failed';
  readonly error: Error;
}

export class Voter {
  readonly #parts: VoterParts;
  readonly #node: RaftNode;
  readonly #proposals: Proposals;
  /** Filled only by what one input brings about, and empty when it is done with. */
  readonly #inputs: Input[] = [];
  #ledger = new Ledger();
  #isStepping = false;
  #timer: NodeJS.Timeout | undefined;
  #failure: Error | null = null;
  #isClosed = false;
  #checkpoint: Checkpoint | null = null;
  #bytesSinceSnapshot = 0;
  #transfer: { readonly id: number; readonly settle: (isDone: boolean) => void } | null = null;
  #lastId = 0;

  /** Throws a RangeError when options or disk make no sense. */
  constructor(parts: VoterParts) {
    const { options, restored, clocks } = parts;
    this.#parts = parts;
    this.#proposals = new Proposals(parts.counts);
    this.#node = RaftNode.restore(options, restored, clocks.monotonic(), clocks.random());
    if (restored.snapshot !== null) this.#ledger = decodeLedger(restored.snapshot.bytes);
  }

  /** Changes with each applied entry, and is another object after a snapshot of the leader's. */
  get ledger(): Ledger {
    return this.#ledger;
  }

  get status(): RaftStatus {
    return statusOf(this.#node);
  }

  get failure(): Error | null {
    return this.#failure;
  }

  get checkpoint(): Checkpoint | null {
    return this.#checkpoint;
  }

  start(): void {
    this.#tick();
  }

  receive(message: Message): void {
    if (message.body.kind === 'timeout-now' && !this.#parts.mayCampaign()) return;
    this.#take({ kind: 'message', message });
  }

  /**
   * Resolves to whether all of them were applied, as this leader's; false as soon as some were refused or
   * lost, or it leads no more. Until then nothing is known: who waits needs a bound.
   */
  async propose(commands: readonly Command[]): Promise<boolean> {
    const settled = chunksOf(commands.map(encodeCommand)).map((payloads) => {
      const id = ++this.#lastId;
      const waiting = this.#proposals.add(id, payloads.length);
      this.#take({ kind: 'propose', id, payloads });
      return waiting;
    });
    return (await Promise.all(settled)).every(Boolean);
  }

  /** Gives leadership away. Resolves to whether somebody took it; at once if it does not lead. */
  transfer(): Promise<boolean> {
    if (this.#node.role.kind !== 'leader' || this.#transfer !== null || this.#isDone) {
      return Promise.resolve(false);
    }
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      this.#transfer = { id, settle: resolve };
      this.#take({ kind: 'transfer', id, to: null });
    });
  }

  /** Says nothing any more, and leaves the disk to others. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stop();
    await this.#parts.disk.close();
  }

  get #isDone(): boolean {
    return this.#failure !== null || this.#isClosed;
  }

  #tick(): void {
    const isLeader = this.#node.role.kind === 'leader';
    if (isLeader || this.#parts.mayCampaign()) {
      this.#take({ kind: 'tick', chance: this.#parts.clocks.random() });
    } else this.#setTimer(this.#parts.clocks.monotonic() + this.#parts.options.electionTimeoutMs);
  }

  #take(input: Input): void {
    this.#inputs.push(input);
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        if (!this.#isDone) this.#step(next);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#inputs.length = 0;
      this.#isStepping = false;
    }
    if (this.#isDone) this.#proposals.endAll();
    this.#parts.onStep();
  }

  #step(input: Input): void {
    for (const effect of step(this.#node, input, this.#parts.clocks.monotonic())) {
      this.#carryOut(effect);
    }
  }

  #carryOut(effect: Effect): void {
    switch (effect.kind) {
      case 'persist': {
        const { sequence } = effect;
        this.#watch(this.#parts.disk.persist(effect), () =>
          this.#take({ kind: 'persisted', sequence }),
        );
        return;
      }
      case 'compact':
        this.#watch(this.#parts.disk.compact(effect.through), () => undefined);
        return;
      case 'send':
        this.#parts.send(effect.to, effect.message);
        return;
      case 'apply':
        for (const entry of effect.entries) this.#apply(entry);
        return;
      case 'install-snapshot':
        this.#install(effect.snapshot);
        return;
      case 'set-timer':
        this.#setTimer(effect.at);
        return;
      case 'accepted':
        this.#proposals.accepted(effect);
        return;
      case 'refused':
        this.#onRefused(effect);
        return;
      case 'role-changed':
        this.#onRole(effect);
        return;
      case 'dropped':
        this.#parts.onEvent(effect);
        return;
      case 'read-ready': // Nobody reads through the log yet.
        return;
    }
  }

  #watch(work: Promise<void>, then: () => void): void {
    work.then(then).catch((error: unknown) => {
      if (!this.#isDone) this.#fail(error);
    });
  }

  #apply(entry: Entry): void {
    const { index, term, payload } = entry;
    if (payload !== null) {
      const outcome = this.#ledger.apply(decodeCommand(payload), term);
      if (outcome.kind === 'reported') this.#parts.counts.excessHits += outcome.excess;
    }
    this.#bytesSinceSnapshot += entryBytes(entry);
    if (index % CHECKPOINT_ENTRIES === 0) {
      this.#checkpoint = { index, fingerprint: hashLedger(this.#ledger) };
      this.#snapshot(index);
    } else if (this.#bytesSinceSnapshot >= SNAPSHOT_BYTES) this.#snapshot(index);
    this.#proposals.applied(entry);
  }

  #snapshot(index: LogIndex): void {
    this.#bytesSinceSnapshot = 0;
    this.#parts.counts.snapshots += 1;
    this.#inputs.push({ kind: 'snapshot-made', index, bytes: encodeLedger(this.#ledger) });
  }

  #install({ meta, bytes }: Snapshot): void {
    this.#ledger = decodeLedger(bytes);
    this.#bytesSinceSnapshot = 0;
    if (meta.index % CHECKPOINT_ENTRIES === 0) {
      this.#checkpoint = { index: meta.index, fingerprint: hashLedger(this.#ledger) };
    }
  }

  #onRefused({ request, id }: Refused): void {
    if (request === 'propose') this.#proposals.refused(id);
    else if (request === 'transfer' && id === this.#transfer?.id) this.#endTransfer(false);
  }

  #onRole(role: RoleChanged): void {
    if (role.role !== 'leader') {
      this.#proposals.endAll();
      this.#endTransfer(true);
    }
    this.#parts.onEvent(role);
  }

  #endTransfer(isDone: boolean): void {
    const transfer = this.#transfer;
    this.#transfer = null;
    transfer?.settle(isDone);
  }

  #setTimer(at: MonotonicMs): void {
    clearTimeout(this.#timer);
    if (this.#isDone) return;
    // Rounded up: one that is early would only be set again.
    const ms = Math.max(0, Math.ceil(at - this.#parts.clocks.monotonic()));
    this.#timer = setTimeout(() => this.#tick(), ms).unref();
  }

  #fail(error: unknown): void {
    this.#failure = error instanceof Error ? error : new Error(String(error));
    this.#stop();
    void this.#parts.disk.close();
    this.#parts.onEvent({ kind: 'voter-failed', error: this.#failure });
    this.#parts.onStep();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#proposals.endAll();
    this.#endTransfer(false);
  }
}

/** All or none of a proposal are taken; what is too much for one goes as several. */
function chunksOf(payloads: readonly Uint8Array[]): Uint8Array[][] {
  const chunks: Uint8Array[][] = [];
  let room = 0;
  for (const payload of payloads) {
    if (chunks.length === 0 || payload.length > room) {
      chunks.push([]);
      room = PROPOSAL_BYTES_MAX;
    }
    chunks.at(-1)?.push(payload);
    room -= payload.length;
  }
  return chunks;
}
