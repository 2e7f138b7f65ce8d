/** A storage that runs: what stops it, when segments and snapshots go, and its bounds. */
import { describe, expect, test } from 'vitest';
import type { Persist } from '../../../src/core/raft/effect.ts';
import { IDENTITY_FILE, segmentName, snapshotName } from '../../../src/peers/storage/file-names.ts';
import { type Fate, type Operation, SimulatedDisk } from '../../support/simulated-disk.ts';
import {
  entries,
  entry,
  openOn,
  persistOf,
  refusal,
  snapshotOf,
  written,
} from './support/persists.ts';

const LOG = segmentName(1);
/** A segment for each record. */
const SMALL = { bounds: { segmentBytesMax: 1 } };

describe('a failure', () => {
  const failing = (which: Operation, fate: Fate) => (operation: Operation) =>
    operation === which ? fate : null;

  test.each<[Operation, Fate, string, string]>([
    ['sync', 'EIO', 'io', 'so the process must end'],
    ['write', 'EIO', 'io', 'What reached the disk is unknown'],
    ['write', 'ENOSPC', 'disk-full', 'Make room and start again'],
    ['write', 'EROFS', 'not-writable', 'must be writable'],
  ])('of %s with %s stops everything after it', async (operation, fate, code, advice) => {
    const disk = new SimulatedDisk(1);
    const { storage } = await openOn(disk);
    await storage.persist(persistOf());
    disk.plan = failing(operation, fate);
    const error = await refusal(storage.persist(persistOf({ entries: entries(1, 1) })));
    expect(error.code).toBe(code);
    expect(error.message).toContain(`writing the raft log: ${fate}`);
    expect(error.message).toContain(advice);
    disk.plan = () => null;
    const before = disk.bytesOf(LOG);
    expect(await refusal(storage.persist(persistOf()))).toBe(error);
    expect(await refusal(storage.compact(0))).toBe(error);
    expect(disk.bytesOf(LOG)).toEqual(before);
    await storage.close();
  });

  test('of a compaction stops everything after it', async () => {
    const disk = new SimulatedDisk(1);
    const { storage } = await openOn(disk, SMALL);
    await storage.persist(persistOf({ entries: entries(1, 1) }));
    await storage.persist(persistOf({ snapshot: snapshotOf(1) }));
    disk.plan = failing('remove', 'EIO');
    expect((await refusal(storage.compact(1))).message).toContain('compacting the raft log: EIO');
    expect((await refusal(storage.persist(persistOf()))).code).toBe('io');
  });

  test('of a start leaves the directory free', async () => {
    const disk = new SimulatedDisk(1);
    for (const operation of ['list', 'create', 'sync', 'rename', 'sync-directory'] as const) {
      disk.plan = failing(operation, 'EIO');
      const { message, code } = await refusal(openOn(disk));
      expect(message).toMatch(/^opening the raft storage in \/voter: EIO/);
      expect(code).toBe('io');
    }
    disk.plan = () => null;
    expect((await openOn(disk)).isNew).toBe(true);
  });

  test('of a full disk loses nothing that was acknowledged', async () => {
    const disk = new SimulatedDisk(1);
    const { storage } = await openOn(disk);
    disk.capacityBytes = 5_000;
    let acknowledged = 0;
    const filling = async (): Promise<void> => {
      for (let index = 1; ; index++) {
        await storage.persist(persistOf({ entries: entries(index, index) }));
        acknowledged = index;
      }
    };
    expect((await refusal(filling())).code).toBe('disk-full');
    expect(acknowledged).toBeGreaterThan(2);
    disk.powerCut();
    // The start needs room for the last segment, and says so.
    expect((await refusal(openOn(disk))).message).toContain('Make room');
    disk.capacityBytes = 50_000;
    disk.killed();
    expect((await openOn(disk)).restored.entries).toEqual(entries(1, acknowledged));
  });

  test('a system that writes nothing and says no reason is no endless loop', async () => {
    const disk = new SimulatedDisk(1).attach();
    const create = disk.create.bind(disk);
    disk.create = async (name) => Object.assign(await create(name), { write: async () => 0 });
    const error = await refusal(openOn(new SimulatedDisk(1), { disk }));
    expect(error.message).toContain('wrote nothing and said no reason');
  });

  test.each<[string, Partial<Persist>]>([
    ['do not follow', { entries: entries(3, 3) }],
    ['come again', { entries: entries(1, 2) }],
    ['have a gap', { entries: [entry(2), entry(4)] }],
    ['come after a cut that left nothing', { truncateFrom: 1, entries: entries(2, 2) }],
  ])('entries that %s would not be read back, and are not written', async (_name, wrong) => {
    const disk = new SimulatedDisk(1);
    const { storage } = await openOn(disk);
    await storage.persist(persistOf({ entries: entries(1, 1) }));
    const before = disk.bytesOf(LOG);
    expect((await refusal(storage.persist(persistOf(wrong)))).code).toBe('misuse');
    expect(disk.bytesOf(LOG)).toEqual(before);
  });

  test('two persists at once, a compaction too far, a call after the end are misuse', async () => {
    const disk = new SimulatedDisk(1);
    const { storage } = await openOn(disk);
    const first = storage.persist(persistOf());
    expect((await refusal(storage.persist(persistOf()))).message).toContain('out already');
    await first;
    await storage.close();
    expect((await refusal(storage.persist(persistOf()))).code).toBe('closed');
    const again = (await openOn(disk)).storage;
    const { code, message } = await refusal(again.compact(1));
    expect(code).toBe('misuse');
    expect(message).toContain('no snapshot stands for the entries up to 1: the latest is of 0');
  });

  test('close waits for what is under way', async () => {
    const disk = new SimulatedDisk(1);
    const { storage } = await openOn(disk);
    const persist = storage.persist(persistOf({ entries: entries(1, 9) }));
    await storage.close();
    await persist;
    expect((await openOn(disk)).restored.entries).toHaveLength(9);
  });
});

describe('segments', () => {
  test('are begun when one is full; a record that is larger has one alone', async () => {
    const disk = new SimulatedDisk(1);
    const bounds = { segmentBytesMax: 1500 };
    await written(
      disk,
      [
        persistOf({ entries: entries(1, 9) }),
        persistOf({ entries: entries(10, 10) }),
        persistOf({ entries: entries(11, 11) }),
        persistOf({ entries: entries(12, 12) }),
      ],
      { bounds },
    );
    expect(disk.names).toEqual([IDENTITY_FILE, LOG, segmentName(2), segmentName(4)]);
    expect((await openOn(disk, { bounds })).restored.entries).toEqual(entries(1, 12));
  });

  test('go once a snapshot stands for all that counts in them, the oldest first', async () => {
    const disk = new SimulatedDisk(1);
    const { storage } = await openOn(disk, SMALL);
    await storage.persist(persistOf({ entries: entries(1, 2) }));
    await storage.persist(persistOf({ entries: entries(3, 9) }));
    await storage.persist(persistOf({ truncateFrom: 4, entries: entries(4, 5) }));
    await storage.persist(persistOf({ snapshot: snapshotOf(3), term: 2, vote: 'b' }));
    await storage.compact(2);
    expect(disk.names).not.toContain(LOG);
    expect(disk.names).toContain(segmentName(2));
    // Entries 4 to 9 of the second were cut.
    await storage.compact(3);
    expect(disk.names).toEqual([IDENTITY_FILE, segmentName(3), segmentName(4), snapshotName(3)]);
    disk.powerCut();
    const { restored } = await openOn(disk, SMALL);
    expect(restored).toMatchObject({ term: 2, vote: 'b', entries: entries(4, 5) });
  });

  test('of which the last has no record keep the one before, which has term and vote', async () => {
    const disk = new SimulatedDisk(1);
    await written(disk, [persistOf({ term: 4 }), persistOf({ term: 5 })], SMALL);
    disk.put(segmentName(2), new Uint8Array(2000));
    for (let i = 0; i < 2; i++) {
      const { storage, restored } = await openOn(disk, SMALL);
      expect(restored.term).toBe(4);
      await storage.close();
    }
  });

  test('two snapshots are kept', async () => {
    const disk = new SimulatedDisk(1);
    const { storage } = await openOn(disk);
    await storage.persist(persistOf({ entries: entries(1, 4) }));
    for (const index of [1, 2, 3, 3]) {
      await storage.persist(persistOf({ snapshot: snapshotOf(index) }));
      await storage.compact(index);
    }
    expect(disk.names).toEqual([IDENTITY_FILE, LOG, snapshotName(2), snapshotName(3)]);
  });
});

describe('bounds', () => {
  test('a record that is too large stops the storage', async () => {
    const { storage } = await openOn(new SimulatedDisk(1), { bounds: { recordBytesMax: 1000 } });
    await storage.persist(persistOf({ entries: entries(1, 1) }));
    const error = await refusal(storage.persist(persistOf({ entries: entries(2, 3) })));
    expect(error.code).toBe('too-large');
    expect(error.message).toMatch(/a record of \d+ bytes, 1000 at most/);
  });

  test('a directory that is full of what does not count is compacted by the next start', async () => {
    const disk = new SimulatedDisk(1);
    const bounds = { segmentBytesMax: 2_000, directoryBytesMax: 20_000 };
    const filling = async (): Promise<void> => {
      const { storage } = await openOn(disk, { bounds });
      await storage.persist(persistOf({ truncateFrom: 1, entries: entries(1, 1) }));
      for (;;) await storage.persist(persistOf({ truncateFrom: 2, entries: entries(2, 3) }));
    };
    for (let i = 0; i < 3; i++) {
      const error = await refusal(filling());
      expect(error.code).toBe('too-large');
      expect(error.message).toContain('would pass its bound of 20000 bytes');
      disk.killed();
    }
    const { restored } = await openOn(disk, { bounds });
    expect(restored.entries).toEqual(entries(1, 3));
    const bytes = disk.names.reduce((sum, name) => sum + disk.bytesOf(name).length, 0);
    expect(bytes).toBeLessThan(6_000);
  });
});
