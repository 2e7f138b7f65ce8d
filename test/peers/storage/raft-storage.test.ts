/**
 * One voter's storage on a simulated disk: starts, refusals, damage, failures, compaction, bounds.
 */
import { describe, expect, test } from 'vitest';
import type { Persist } from '../../../src/core/raft/effect.ts';
import { EMPTY_DISK } from '../../../src/core/raft/raft-node.ts';
import { IDENTITY_FILE, segmentName, snapshotName } from '../../../src/peers/storage/file-names.ts';
import type { StorageOptions } from '../../../src/peers/storage/raft-storage.ts';
import { SimulatedDisk } from '../../support/simulated-disk.ts';
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

describe('a start', () => {
  test('of a new voter gives an empty disk, and says that it is new', async () => {
    const disk = new SimulatedDisk(1);
    disk.put('lost+found', new Uint8Array());
    expect(await openOn(disk)).toMatchObject({
      restored: EMPTY_DISK,
      incarnation: 1,
      isNew: true,
      notes: [],
    });
  });

  test('gives what was persisted, and counts', async () => {
    const disk = new SimulatedDisk(1);
    const snapshot = snapshotOf(2, 1);
    await written(disk, [
      persistOf({ entries: entries(1, 4) }),
      persistOf({ term: 2, vote: null, truncateFrom: 4, entries: [entry(4, 2, null)] }),
      persistOf({ term: 3, vote: 'b', snapshot, entries: [entry(5, 3, '')] }),
    ]);
    disk.powerCut();
    const { restored, incarnation, isNew, notes } = await openOn(disk);
    expect(restored).toEqual({
      term: 3,
      vote: 'b',
      snapshot,
      entries: [entry(3), entry(4, 2, null), entry(5, 3, '')],
    });
    expect([incarnation, isNew, notes]).toEqual([2, false, []]);
  });

  test('after one that was cut short begins anew', async () => {
    const disk = new SimulatedDisk(1);
    disk.plan = (operation, name) =>
      operation === 'create' && name.startsWith(IDENTITY_FILE) ? 'crash' : null;
    await refusal(openOn(disk));
    disk.plan = () => null;
    disk.killed();
    expect(disk.names).toContain(LOG);
    expect(await openOn(disk)).toMatchObject({ isNew: true, incarnation: 1 });
  });

  test('removes what a crash left half-made', async () => {
    const disk = new SimulatedDisk(1);
    await written(disk, []);
    disk.put(`${snapshotName(5)}.tmp`, new Uint8Array(9));
    await openOn(disk);
    expect(disk.names).toEqual([IDENTITY_FILE, LOG]);
  });

  test('adopts the term of a snapshot whose record was lost, without a vote', async () => {
    const disk = new SimulatedDisk(1);
    const { storage } = await openOn(disk);
    await storage.persist(persistOf({ term: 3, vote: 'a' }));
    disk.plan = (operation, name) =>
      operation === 'write' && name.startsWith('log') ? 'EIO' : null;
    const snapshot = snapshotOf(50, 5);
    await refusal(storage.persist(persistOf({ term: 5, vote: 'b', snapshot, truncateFrom: 1 })));
    disk.plan = () => null;
    disk.powerCut();
    const { restored } = await openOn(disk);
    expect(restored).toEqual({ term: 5, vote: null, snapshot, entries: [] });
  });

  test('forgets another history than the snapshot, for good', async () => {
    const disk = new SimulatedDisk(1);
    await written(disk, [persistOf({ entries: entries(1, 60) })]);
    const { storage } = await openOn(disk);
    disk.plan = (operation, name) =>
      operation === 'write' && name.startsWith('log') ? 'EIO' : null;
    const snapshot = snapshotOf(50, 5);
    await refusal(storage.persist(persistOf({ term: 5, snapshot, truncateFrom: 1 })));
    disk.plan = () => null;
    disk.powerCut();
    const again = await openOn(disk);
    expect(again.restored.entries).toEqual([]);
    await again.storage.persist(persistOf({ term: 5, entries: [entry(51, 5)] }));
    disk.powerCut();
    expect((await openOn(disk)).restored.entries).toEqual([entry(51, 5)]);
  });

  test('drops a torn tail, and says so', async () => {
    const disk = new SimulatedDisk(1);
    await written(disk, [persistOf(), persistOf({ entries: entries(1, 2) })]);
    disk.put(LOG, disk.bytesOf(LOG).slice(0, 900));
    const { restored, notes } = await openOn(disk);
    expect(restored).toMatchObject({ term: 1, entries: [] });
    expect(notes).toEqual([
      `a write that a crash cut short was dropped: ${LOG} at byte 52: the file ends within a record`,
    ]);
    disk.killed();
    expect((await openOn(disk)).notes).toEqual([]);
  });

  test('makes durable what the cache alone had before it is acted upon', async () => {
    const disk = new SimulatedDisk(1);
    const { storage } = await openOn(disk);
    let hasFailed = false;
    disk.plan = (operation) => {
      if (operation !== 'sync' || hasFailed) return null;
      hasFailed = true;
      return 'EIO';
    };
    await refusal(storage.persist(persistOf({ term: 7, entries: entries(1, 20) })));
    disk.killed();
    const { restored } = await openOn(disk);
    disk.powerCut();
    // Whatever it was: nothing that a start gave may be gone at the next.
    expect((await openOn(disk)).restored).toEqual(restored);
    expect(restored.term).toBe(7);
  });
});

describe('a start that crashes', () => {
  // The process died between a snapshot's rename and the directory's sync, and the machine at any
  // operation of the start that followed.
  test.each(Array.from({ length: 14 }, (_, i) => i + 1))(
    'at its operation %i loses no snapshot that it built on',
    async (at) => {
      for (let seed = 1; seed <= 8; seed++) {
        const disk = new SimulatedDisk(seed);
        const { storage } = await openOn(disk);
        await storage.persist(persistOf({ entries: entries(1, 2) }));
        let isRenamed = false;
        disk.plan = (operation, name) => {
          if (isRenamed) return 'crash';
          isRenamed = operation === 'rename' && name.startsWith('snapshot');
          return null;
        };
        const snapshot = snapshotOf(4);
        await refusal(storage.persist(persistOf({ snapshot, truncateFrom: 1 })));
        disk.killed();
        disk.plan = () => (disk.operations === at ? 'crash' : null);
        const { storage: next } = await openOn(disk).catch(() => ({ storage: null }));
        await next?.close();
        disk.powerCut();
        disk.plan = () => null;
        const { restored } = await openOn(disk);
        const isThere = restored.snapshot !== null;
        expect(restored.snapshot).toEqual(isThere ? snapshot : null);
        expect(restored.entries).toEqual(isThere ? [] : entries(1, 2));
      }
    },
  );
});

describe('a start is refused', () => {
  type Harm = (disk: SimulatedDisk) => void;
  const lived: readonly Persist[] = [
    persistOf({ entries: entries(1, 2) }),
    persistOf({ entries: entries(3, 4) }),
    persistOf({ snapshot: snapshotOf(4), entries: entries(5, 6) }),
  ];

  const advice = 'must not come back under its id';
  test.each<[string, Harm, string, string]>([
    ['a sealed segment is damaged', (disk) => disk.rot(segmentName(2), 300), 'corrupt', advice],
    [
      'a sealed segment is cut',
      (disk) => disk.put(segmentName(2), disk.bytesOf(segmentName(2)).slice(0, 700)),
      'corrupt',
      `${segmentName(2)} at byte 20: the file ends within a record`,
    ],
    [
      'a bit of the last record has turned',
      (disk) => disk.rot(segmentName(3), 500),
      'corrupt',
      `${segmentName(3)} at byte 20: the record fails its checksum`,
    ],
    [
      'a segment is missing',
      (disk) => disk.put(segmentName(2), null),
      'corrupt',
      'the records 2 to 2 are missing',
    ],
    [
      'all segments are missing',
      (disk) => [1, 2, 3].forEach((number) => disk.put(segmentName(number), null)),
      'corrupt',
      'the log is missing',
    ],
    [
      'the snapshot is missing, and what it stands for',
      (disk) => [snapshotName(4), LOG, segmentName(2)].forEach((name) => disk.put(name, null)),
      'corrupt',
      'everything up to entry 4 needs a snapshot that is missing',
    ],
    [
      'the snapshot is damaged, and the log does not reach back',
      (disk) => {
        disk.put(LOG, null);
        disk.rot(snapshotName(4), 41);
      },
      'corrupt',
      `${snapshotName(4)} at byte 0: everything up to entry 2 needs a snapshot that is damaged`,
    ],
    [
      'the identity is missing',
      (disk) => disk.put(IDENTITY_FILE, null),
      'other-identity',
      `${IDENTITY_FILE} at byte 0: it is missing`,
    ],
    [
      'the identity was changed',
      (disk) => disk.rot(IDENTITY_FILE, 40),
      'other-identity',
      IDENTITY_FILE,
    ],
  ])('%s', async (_name, harm, code, message) => {
    const disk = new SimulatedDisk(3);
    await written(disk, lived, SMALL);
    harm(disk);
    const before = disk.names.map((name) => [name, disk.bytesOf(name)]);
    const error = await refusal(openOn(disk));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/^opening the raft storage in \/voter: /);
    expect(error.message).toContain(message);
    // Nothing was made worse, and the directory is free.
    expect(disk.names.map((name) => [name, disk.bytesOf(name)])).toEqual(before);
    expect((await refusal(openOn(disk))).code).toBe(code);
  });

  test.each<[Partial<StorageOptions>]>([[{ clusterId: 'd' }], [{ nodeId: 'b' }]])(
    'to another voter: %o',
    async (other) => {
      const disk = new SimulatedDisk(1);
      await written(disk, [persistOf()]);
      const error = await refusal(openOn(disk, other));
      expect(error.code).toBe('other-identity');
      expect(error.message).toContain("is that of voter 'a' of cluster 'c', not of");
    },
  );

  test('in a directory that holds something else', async () => {
    const disk = new SimulatedDisk(1);
    disk.put('passwd', new Uint8Array());
    const error = await refusal(openOn(disk));
    expect(error.code).toBe('other-identity');
    expect(error.message).toContain("holds 'passwd' and is no voter's");
  });

  test('while another has the directory, and not after it closed', async () => {
    const disk = new SimulatedDisk(1);
    const { storage } = await openOn(disk);
    expect((await refusal(openOn(disk))).code).toBe('locked');
    await storage.close();
    await storage.close();
    expect((await openOn(disk)).incarnation).toBe(2);
  });

  test.each([0, -1, 1.5, NaN])('a segment of %d bytes', async (segmentBytesMax) => {
    const disk = new SimulatedDisk(1);
    const error = await refusal(openOn(disk, { bounds: { segmentBytesMax } }));
    expect(error.code).toBe('misuse');
    expect(error.message).toContain('the bound segmentBytesMax of the raft storage is');
  });

  test('records that do not fit each other', async () => {
    const disk = new SimulatedDisk(1);
    await written(disk, [persistOf({ term: 5, entries: entries(1, 2) })], SMALL);
    await written(disk, [persistOf({ term: 5, entries: entries(3, 3) })], SMALL);
    const other = new SimulatedDisk(1);
    await written(other, [persistOf({ entries: entries(1, 1) }), persistOf()], SMALL);
    disk.put(segmentName(2), other.bytesOf(segmentName(2)));
    expect((await refusal(openOn(disk))).message).toContain('the term goes back from 5 to 1');
    const gap = new SimulatedDisk(1);
    await written(gap, [persistOf({ entries: entries(1, 6) })], SMALL);
    await written(gap, [persistOf({ term: 5, entries: entries(7, 7) })], SMALL);
    disk.put(segmentName(2), gap.bytesOf(segmentName(2)));
    expect((await refusal(openOn(disk))).message).toContain('entry 7 does not follow 2');
  });
});

describe('a damaged snapshot that the log can make good', () => {
  test('is passed over, told, and goes with the next', async () => {
    const disk = new SimulatedDisk(1);
    await written(disk, [
      persistOf({ entries: entries(1, 3) }),
      persistOf({ snapshot: snapshotOf(1) }),
      persistOf({ snapshot: snapshotOf(2) }),
    ]);
    disk.rot(snapshotName(2), 41);
    const { storage, restored, notes } = await openOn(disk);
    expect(restored).toMatchObject({ snapshot: snapshotOf(1), entries: entries(2, 3) });
    expect(notes).toEqual([
      `damaged, and not needed: ${snapshotName(2)} at byte 0: the bytes fail their checksum`,
    ]);
    await storage.persist(persistOf({ snapshot: snapshotOf(3) }));
    await storage.compact(1);
    expect(disk.names).toEqual([IDENTITY_FILE, LOG, snapshotName(1), snapshotName(3)]);
  });
});
