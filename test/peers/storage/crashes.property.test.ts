/**
 * The promise of the storage: whatever crashes when, what is restored is what was acknowledged
 * last, or what was being written then; never less, never a mixture. Each run is a voter's life on
 * a simulated disk, with crashes within any operation, those of a start too, failing syncs, short
 * writes and a full disk.
 *
 * `STORAGE_RUNS=100000 STORAGE_SEED=7` for more, and from another seed.
 */
import { expect, test } from 'vitest';
import { type OpenedStorage, RaftStorage } from '../../../src/peers/storage/raft-storage.ts';
import { StorageError } from '../../../src/peers/storage/storage-error.ts';
import { CrashError, type Fate, randomFrom, SimulatedDisk } from '../../support/simulated-disk.ts';
import { nextPersist, stateText, VoterModel } from './support/voter-model.ts';

const RUNS = Number(process.env['STORAGE_RUNS'] ?? 2_000);
const SEED = Number(process.env['STORAGE_SEED'] ?? 1);
const RUN_MS_MAX = 2;

const LIVES = 6;
const PERSISTS_MAX = 14;
/** So small that a run sees many segments, and a directory that must be compacted by a start. */
const BOUNDS = { segmentBytesMax: 2_000, directoryBytesMax: 60_000 };

interface Tally {
  crashes: number;
  torn: number;
  later: number;
  failed: number;
}

class Life {
  readonly #seed: number;
  readonly #random: (n: number) => number;
  readonly #disk: SimulatedDisk;
  readonly #source: { random: (n: number) => number; count: number };
  /** What the disk may hold: the last that was acknowledged first. */
  #candidates = [new VoterModel()];
  #incarnation = 0;
  #isKnown = false;
  readonly tally: Tally = { crashes: 0, torn: 0, later: 0, failed: 0 };

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = randomFrom(seed ^ 0x5bd1e995);
    this.#disk = new SimulatedDisk(seed);
    this.#source = { random: this.#random, count: 0 };
  }

  async run(): Promise<void> {
    for (let life = 0; life < LIVES; life++) {
      this.#planFaults();
      try {
        await this.#live();
      } catch (error) {
        this.#assertExpected(error);
      }
      // One that was killed left its writes in the system's cache; a power cut takes them.
      if (this.#random(3) === 0) this.#disk.killed();
      else this.#disk.powerCut();
    }
    this.#disk.plan = () => null;
    await this.#live().catch((error: unknown) => this.#assertExpected(error));
  }

  /** One operation of this life goes wrong, early ones often: those of the start. */
  #planFaults(): void {
    const at = 1 + this.#random(this.#random(2) === 0 ? 20 : 120);
    const fate = (['crash', 'crash', 'crash', 'EIO', 'ENOSPC'] as const)[this.#random(5)] ?? 'EIO';
    this.#disk.hasShortWrites = this.#random(3) === 0;
    this.#disk.plan = (): Fate => (this.#disk.operations === at ? fate : null);
  }

  async #live(): Promise<void> {
    const opened = await this.#open();
    this.#check(opened);
    const { storage } = opened;
    for (let i = this.#random(PERSISTS_MAX); i > 0; i--) {
      await this.#persist(storage);
      const compaction = this.#random(3) === 0 ? storage.compact(this.#through()) : null;
      // Beside the next persist.
      if (this.#random(2) === 0) await compaction;
      else compaction?.catch(() => undefined);
    }
    if (this.#random(3) === 0) await storage.close();
  }

  #open(): Promise<OpenedStorage> {
    const options = { clusterId: 'c', nodeId: 'a', bounds: BOUNDS, disk: this.#disk.attach() };
    return RaftStorage.open('/voter', options);
  }

  #check({ restored, incarnation, isNew, notes }: OpenedStorage): void {
    const found = stateText(restored);
    const match = this.#candidates.find((candidate) => stateText(candidate) === found);
    if (match === undefined) {
      const expected = this.#candidates.map(stateText).join('\n or: ');
      throw new Error(`seed ${this.#seed}\nrestored: ${found}\nexpected: ${expected}`);
    }
    expect(isNew && this.#isKnown, `seed ${this.#seed}: new`).toBe(false);
    expect(incarnation, `seed ${this.#seed}`).toBeGreaterThan(this.#incarnation);
    if (notes.length > 0) this.tally.torn++;
    if (match !== this.#candidates[0]) this.tally.later++;
    this.#candidates = [VoterModel.of(restored)];
    this.#incarnation = incarnation;
    this.#isKnown = true;
  }

  async #persist(storage: RaftStorage): Promise<void> {
    const acknowledged = this.#candidates[0] as VoterModel;
    const persist = nextPersist(acknowledged, this.#source);
    const whole = acknowledged.after(persist);
    this.#candidates = [acknowledged, acknowledged.after(persist, 'snapshot'), whole];
    await storage.persist(persist);
    this.#candidates = [whole];
  }

  #through(): number {
    return this.#random((this.#candidates[0]?.base.index ?? 0) + 1);
  }

  /** Only what was planned may end a life. */
  #assertExpected(error: unknown): void {
    const cause = error instanceof StorageError ? error.cause : error;
    if (cause instanceof CrashError) this.tally.crashes++;
    else if (/^(?:EIO|ENOSPC): /.test((cause as Error | undefined)?.message ?? ''))
      this.tally.failed++;
    else throw new Error(`seed ${this.#seed}: ${String(error)}`, { cause: error });
  }
}

test(
  `what is restored is what was acknowledged, or what was being written: ${RUNS} lives`,
  async () => {
    const total: Tally = { crashes: 0, torn: 0, later: 0, failed: 0 };
    for (let i = 0; i < RUNS; i++) {
      const life = new Life(SEED * 1_000_003 + i);
      await life.run();
      for (const key of ['crashes', 'torn', 'later', 'failed'] as const) {
        total[key] += life.tally[key];
      }
    }
    // A run in which nothing happened proves nothing.
    expect(total.crashes).toBeGreaterThan(RUNS);
    expect(total.torn).toBeGreaterThan(RUNS / 10);
    expect(total.later).toBeGreaterThan(RUNS / 10);
    expect(total.failed).toBeGreaterThan(RUNS / 10);
  },
  60_000 + RUNS * RUN_MS_MAX * LIVES,
);
