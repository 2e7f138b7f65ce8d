/**
 * A disk in memory that keeps what the port promises and nothing more. From one seed: after a power
 * cut, each sector that was not synced is there or not, a file has any size between the old and the
 * new, and each name that was not synced is as before or as after. A failed sync leaves the bytes
 * readable, forgets that they were never written, and does not say so again, as Linux does.
 *
 * What goes wrong, and when, is said by `plan`, which sees every operation; an operation that it
 * lets crash may be done in part, and from then on the process is dead until `powerCut` or
 * `killed`.
 */
import type { Disk, DiskFile } from '../../src/peers/storage/disk.ts';
import { StorageError } from '../../src/peers/storage/storage-error.ts';

const SECTOR = 512;

export type Operation =
  | 'list'
  | 'read'
  | 'create'
  | 'write'
  | 'sync'
  | 'rename'
  | 'remove'
  | 'sync-directory'
  | 'lock';

/** What becomes of an operation: `crash`, an error of the system's, or null: it is done. */
export type Fate = 'crash' | 'EIO' | 'ENOSPC' | 'EROFS' | null;

export class CrashError extends Error {}

/** Whole numbers below `n`, from a seed (mulberry32). */
export function randomFrom(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return Math.floor((((x ^ (x >>> 14)) >>> 0) / 2 ** 32) * n);
  };
}

interface Inode {
  /** What reads see. */
  cache: Uint8Array;
  /**
   * What a power cut leaves for sure, up to `durableSize`. A sector is written whole, its end too.
   */
  durable: Uint8Array;
  durableSize: number;
  /** Sectors of the cache that may be written at any time. */
  readonly dirty: Set<number>;
}

export class SimulatedDisk {
  plan: (operation: Operation, name: string) => Fate = () => null;
  /** Writes take as many bytes as they like, one at least. */
  hasShortWrites = false;
  capacityBytes = Infinity;
  /** Of this process's life. */
  operations = 0;
  readonly #random: (n: number) => number;
  readonly #names = new Map<string, Inode>();
  /** What each name stood for since it was last synced, oldest first; undefined: nothing. */
  readonly #pending = new Map<string, (Inode | undefined)[]>();
  #life = 0;
  #isDead = false;
  #isLocked = false;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  /** The machine stops: what was not synced is lost in part. */
  powerCut(): void {
    for (const [name, states] of this.#pending) {
      this.#set(name, states[this.#random(states.length)]);
    }
    this.#pending.clear();
    for (const inode of this.#names.values()) this.#loseUnsynced(inode);
    this.killed();
  }

  /** The process ends, the machine does not: what it wrote is there to be read. */
  killed(): void {
    this.#life++;
    this.operations = 0;
    this.#isDead = false;
    this.#isLocked = false;
  }

  /** Turns a bit. */
  rot(name: string, offset: number): void {
    const { cache, durable } = this.inode(name);
    for (const bytes of [cache, durable]) {
      if (offset < bytes.length) bytes[offset] = (bytes[offset] ?? 0) ^ (1 << this.#random(8));
    }
  }

  /** As if an operator did it. */
  put(name: string, bytes: Uint8Array | null): void {
    this.#set(name, bytes === null ? undefined : inodeOf(bytes));
    this.#pending.delete(name);
  }

  bytesOf(name: string): Uint8Array {
    return this.inode(name).cache.slice();
  }

  get names(): string[] {
    return [...this.#names.keys()].sort();
  }

  /** The disk as one process sees it, until that dies. */
  attach(): Disk {
    return new Mount(this, this.#life);
  }

  takeLock(life: number): () => Promise<void> {
    if (this.#isLocked) throw new StorageError('locked', 'the disk is in use');
    this.#isLocked = true;
    return async () => {
      if (life === this.#life) this.#isLocked = false;
    };
  }

  syncNames(): void {
    this.#pending.clear();
  }

  async writeTo(life: number, name: string, inode: Inode, write: Write): Promise<number> {
    let taken = write.bytes.length;
    if (this.hasShortWrites) taken = 1 + this.#random(taken);
    const used = [...this.#names.values()].reduce((sum, { cache }) => sum + cache.length, 0);
    const room = Math.max(this.capacityBytes - used, 0);
    const growth = Math.max(write.offset + taken - inode.cache.length, 0);
    taken -= Math.max(growth - room, 0);
    await this.happen(
      life,
      'write',
      name,
      () => {
        if (taken <= 0 && write.bytes.length > 0) throw systemError('ENOSPC', name);
        copyInto(inode, write.offset, write.bytes.subarray(0, taken));
      },
      () => copyInto(inode, write.offset, write.bytes.subarray(0, this.#random(taken + 1))),
    );
    return taken;
  }

  async syncOf(life: number, name: string, inode: Inode): Promise<void> {
    const all = (): void => {
      Object.assign(inode, { durable: inode.cache.slice(), durableSize: inode.cache.length });
      inode.dirty.clear();
    };
    // A crash in the middle leaves the rest to be lost or not.
    const begun = (): void => this.#syncPartly(inode);
    const failed = (): void => {
      this.#syncPartly(inode);
      inode.dirty.clear();
    };
    await this.happen(life, 'sync', name, all, begun, failed);
  }

  /**
   * `done` does it; `partly` is what a crash in the middle does, by default all or nothing;
   * `failed` what an error leaves, by default nothing.
   */
  async happen(
    life: number,
    operation: Operation,
    name: string,
    done: () => void = () => undefined,
    partly: () => void = () => void (this.#random(2) === 0 && done()),
    failed: () => void = () => undefined,
  ): Promise<void> {
    this.#assertAlive(life);
    await Promise.resolve();
    this.#assertAlive(life);
    this.operations++;
    const fate = this.plan(operation, name);
    if (fate === null) {
      done();
    } else if (fate === 'crash') {
      this.#isDead = true;
      partly();
      throw new CrashError(`crashed in ${operation} ${name}`);
    } else {
      failed();
      throw systemError(fate, `${operation} ${name}`);
    }
  }

  #assertAlive(life: number): void {
    if (this.#isDead || life !== this.#life) throw new CrashError('the process is dead');
  }

  inode(name: string): Inode {
    const inode = this.#names.get(name);
    if (inode === undefined) throw systemError('ENOENT', name);
    return inode;
  }

  change(name: string, inode: Inode | undefined): void {
    const states = this.#pending.get(name) ?? [this.#names.get(name)];
    this.#pending.set(name, [...states, inode]);
    this.#set(name, inode);
  }

  #set(name: string, inode: Inode | undefined): void {
    if (inode === undefined) this.#names.delete(name);
    else this.#names.set(name, inode);
  }

  #loseUnsynced(inode: Inode): void {
    this.#syncPartly(inode);
    const cache = new Uint8Array(inode.durableSize);
    cache.set(inode.durable.subarray(0, cache.length));
    Object.assign(inode, { cache, durable: cache.slice() });
    inode.dirty.clear();
  }

  /** Any of the dirty sectors, and any size between. */
  #syncPartly(inode: Inode): void {
    const { cache, durable, durableSize, dirty } = inode;
    if (dirty.size === 0) return;
    const between = durableSize + this.#random(cache.length - durableSize + 1);
    const sizes = [durableSize, cache.length, between];
    const result = new Uint8Array(cache.length);
    result.set(durable);
    for (const sector of dirty) {
      if (this.#random(2) === 0) continue;
      const from = sector * SECTOR;
      result.set(cache.subarray(from, from + SECTOR), from);
    }
    inode.durable = result;
    inode.durableSize = sizes[this.#random(sizes.length)] ?? durableSize;
  }
}

interface Write {
  readonly bytes: Uint8Array;
  readonly offset: number;
}

class Mount implements Disk {
  readonly #disk: SimulatedDisk;
  readonly #life: number;

  constructor(disk: SimulatedDisk, life: number) {
    this.#disk = disk;
    this.#life = life;
  }

  async list(): Promise<readonly string[]> {
    await this.#disk.happen(this.#life, 'list', '');
    return this.#disk.names;
  }

  async read(name: string): Promise<Uint8Array> {
    await this.#disk.happen(this.#life, 'read', name);
    return this.#disk.inode(name).cache.slice();
  }

  async create(name: string): Promise<DiskFile> {
    const inode = inodeOf(new Uint8Array());
    await this.#disk.happen(this.#life, 'create', name, () => {
      if (this.#disk.names.includes(name)) throw systemError('EEXIST', name);
      this.#disk.change(name, inode);
    });
    return new SimulatedFile(this.#disk, this.#life, name, inode);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#disk.happen(this.#life, 'rename', to, () => {
      this.#disk.change(to, this.#disk.inode(from));
      this.#disk.change(from, undefined);
    });
  }

  async remove(name: string): Promise<void> {
    await this.#disk.happen(this.#life, 'remove', name, () => {
      this.#disk.inode(name);
      this.#disk.change(name, undefined);
    });
  }

  async syncDirectory(): Promise<void> {
    await this.#disk.happen(this.#life, 'sync-directory', '', () => this.#disk.syncNames());
  }

  async lock(): Promise<() => Promise<void>> {
    await this.#disk.happen(this.#life, 'lock', '');
    return this.#disk.takeLock(this.#life);
  }
}

class SimulatedFile implements DiskFile {
  readonly #disk: SimulatedDisk;
  readonly #life: number;
  readonly #name: string;
  readonly #inode: Inode;

  constructor(disk: SimulatedDisk, life: number, name: string, inode: Inode) {
    this.#disk = disk;
    this.#life = life;
    this.#name = name;
    this.#inode = inode;
  }

  write(bytes: Uint8Array, offset: number): Promise<number> {
    return this.#disk.writeTo(this.#life, this.#name, this.#inode, { bytes, offset });
  }

  sync(): Promise<void> {
    return this.#disk.syncOf(this.#life, this.#name, this.#inode);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function inodeOf(bytes: Uint8Array): Inode {
  const dirty = new Set<number>();
  return { cache: bytes, durable: bytes.slice(), durableSize: bytes.length, dirty };
}

function copyInto(inode: Inode, offset: number, bytes: Uint8Array): void {
  const end = offset + bytes.length;
  const cache = new Uint8Array(Math.max(inode.cache.length, end));
  cache.set(inode.cache);
  cache.set(bytes, offset);
  inode.cache = cache;
  for (let at = Math.floor(offset / SECTOR); at * SECTOR < end; at++) inode.dirty.add(at);
}

function systemError(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
