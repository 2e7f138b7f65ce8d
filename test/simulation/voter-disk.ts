/**
 * A voter's real storage over a disk in memory. Its promises need no other thread: what it does for one call is
 * done between two events, at the time when a disk would have finished. So a run stays in one order, and a
 * crash comes before a call, after it, or (by the disk's own chance) in the middle.
 */
import type { Persist } from '../../src/core/raft/effect.ts';
import type { LogIndex } from '../../src/core/raft/log-entry.ts';
import type { Disk, DiskFile } from '../../src/peers/storage/disk.ts';
import { type OpenedStorage, RaftStorage } from '../../src/peers/storage/raft-storage.ts';
import type { Random } from '../core/quota/support/random.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';
import type { EventQueue } from './event-queue.ts';
import type { Machine } from './machine.ts';

/** So small that a run sees many segments. */
const BOUNDS = { segmentBytesMax: 4096 };
/** A good disk: a sync takes this long. */
const SYNC_MS_MIN = 0.5;
const SYNC_MS_SPREAD = 3;
/** A crash comes within so many operations of a call that is under way, or behind it. */
const CRASH_OPERATIONS_MAX = 6;

export type DiskJob =
  | { readonly kind: 'persist'; readonly effect: Persist }
  | { readonly kind: 'compact'; readonly through: LogIndex };

export interface DiskOwner {
  readonly id: string;
  readonly machine: Machine;
  isDone(job: DiskJob): void;
  /** The disk said no: the voter must not go on. */
  hasFailed(error: unknown): Promise<void>;
}

export class VoterDisk {
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #owner: DiskOwner;
  readonly #doesSync: boolean;
  #disk: SimulatedDisk;
  #storage: RaftStorage | null = null;
  #jobs: DiskJob[] = [];
  #failsNextSync = false;
  #slowMs = 0;

  constructor(queue: EventQueue, random: Random, owner: DiskOwner, doesSync: boolean) {
    this.#queue = queue;
    this.#random = random;
    this.#owner = owner;
    this.#doesSync = doesSync;
    this.#disk = this.#newDisk();
  }

  async open(): Promise<OpenedStorage> {
    const mount = this.#disk.attach();
    const disk = this.#doesSync ? mount : withoutSync(mount);
    const options = { clusterId: 'sim', nodeId: this.#owner.id, bounds: BOUNDS, disk };
    const opened = await RaftStorage.open('/voter', options);
    this.#storage = opened.storage;
    return opened;
  }

  /** The persist that is out, if one is. */
  get underWay(): Persist | null {
    const job = this.#jobs.find(({ kind }) => kind === 'persist');
    return job?.kind === 'persist' ? job.effect : null;
  }

  submit(job: DiskJob): void {
    this.#jobs.push(job);
    if (this.#jobs.length === 1) this.#begin();
  }

  /** `isPowerCut`: the machine stops, not only the process. */
  async crash(isPowerCut: boolean): Promise<void> {
    const [job] = this.#jobs;
    this.#jobs = [];
    if (job !== undefined && this.#random.isTrue(0.7)) await this.#doInPart(job);
    if (isPowerCut) this.#disk.powerCut();
    else this.#disk.killed();
    this.#plan();
    this.#storage = null;
  }

  failNextSync(): void {
    this.#failsNextSync = true;
  }

  /** What a sync takes beyond the usual. */
  slowBy(ms: number): void {
    this.#slowMs = ms;
  }

  /** No more than `bytes` can be written. */
  fill(bytes: number): void {
    const { names } = this.#disk;
    const used = names.reduce((sum, name) => sum + this.#disk.bytesOf(name).length, 0);
    this.#disk.capacityBytes = used + bytes;
  }

  /** A bit of some file turns. */
  rot(): void {
    const { names } = this.#disk;
    const name = this.#random.pick(names);
    const size = this.#disk.bytesOf(name).length;
    if (size > 0) this.#disk.rot(name, this.#random.between(0, size - 1));
  }

  wipe(): void {
    this.#disk = this.#newDisk();
  }

  heal(): void {
    this.#disk.capacityBytes = Infinity;
    this.#failsNextSync = false;
    this.#slowMs = 0;
  }

  #newDisk(): SimulatedDisk {
    const disk = new SimulatedDisk(this.#random.between(0, 0xffffffff));
    this.#plan(disk);
    return disk;
  }

  #plan(disk = this.#disk): void {
    disk.plan = (operation) => {
      if (operation !== 'sync' || !this.#failsNextSync) return null;
      this.#failsNextSync = false;
      return 'EIO';
    };
  }

  #begin(): void {
    const ms = SYNC_MS_MIN + this.#random.next() * SYNC_MS_SPREAD + this.#slowMs;
    const { machine } = this.#owner;
    const { life } = machine;
    this.#queue.after(ms, () => machine.run(() => this.#finish(), life));
  }

  async #finish(): Promise<void> {
    const job = this.#jobs[0]!;
    try {
      await this.#do(job);
    } catch (error) {
      await this.#owner.hasFailed(error);
      return;
    }
    this.#jobs.shift();
    if (this.#jobs.length > 0) this.#begin();
    this.#owner.isDone(job);
  }

  #do(job: DiskJob): Promise<void> {
    const storage = this.#storage!;
    return job.kind === 'persist' ? storage.persist(job.effect) : storage.compact(job.through);
  }

  async #doInPart(job: DiskJob): Promise<void> {
    const last = this.#disk.operations + this.#random.between(1, CRASH_OPERATIONS_MAX);
    this.#disk.plan = () => (this.#disk.operations === last ? 'crash' : null);
    await this.#do(job).catch(() => undefined);
  }
}

function withoutSync(disk: Disk): Disk {
  const lazy = (file: DiskFile): DiskFile => ({
    write: (bytes, offset) => file.write(bytes, offset),
    sync: () => Promise.resolve(),
    close: () => file.close(),
  });
  return {
    list: () => disk.list(),
    read: (name) => disk.read(name),
    create: async (name) => lazy(await disk.create(name)),
    rename: (from, to) => disk.rename(from, to),
    remove: (name) => disk.remove(name),
    syncDirectory: () => disk.syncDirectory(),
    lock: () => disk.lock(),
  };
}
