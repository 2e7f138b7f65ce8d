/** Snapshots: thesis 5.1. */
import { crc32 as crc32OfZlib } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { crc32 } from '../../../src/core/raft/crc32.ts';
import { entryBytes } from '../../../src/core/raft/log-entry.ts';
import type { SnapshotChunk } from '../../../src/core/raft/message.ts';
import type { RaftLimits } from '../../../src/core/raft/options.ts';
import { makeSnapshot, type Snapshot } from '../../../src/core/raft/snapshot.ts';
import { bodies, entries, entry, Rig, type RigOptions, T } from './support/rig.ts';
import { logText } from './support/test-cluster.ts';

const bytes = new TextEncoder().encode('["a","b","c"]');
const snapshot = makeSnapshot({ index: 5, term: 2 }, bytes);

function chunk(from: number, to: number, of: Snapshot = snapshot): SnapshotChunk {
  const part = of.bytes.subarray(from, to);
  return { kind: 'snapshot-chunk', snapshot: of.meta, offset: from, bytes: part, round: 3 };
}

test('crc32 is that of zlib, for each length and place in a buffer', () => {
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  const all = Uint8Array.from({ length: 64 }, (_, at) => (at * 151) & 0xff);
  for (let from = 0; from < 8; from++) {
    for (let to = from; to <= all.length; to++) {
      const some = all.subarray(from, to);
      expect(crc32(some), `${from} to ${to}`).toBe(crc32OfZlib(some));
    }
  }
});

describe('a snapshot that is received', () => {
  test('comes in chunks, each answered by how much is there', () => {
    const rig = new Rig();
    const [first] = rig.hear('2', 2, chunk(0, 8));
    expect(first?.body).toMatchObject({ kind: 'snapshot-reply', received: 8, round: 3 });
    const [last] = rig.hear('2', 2, chunk(8, 13));
    expect(last?.body).toMatchObject({ kind: 'append-reply', isMatch: true, match: 5, round: 3 });
  });

  test('counts as a heartbeat', () => {
    const rig = new Rig();
    rig.wait(T - 1);
    rig.hear('2', 2, chunk(0, 8));
    expect(rig.node.leader).toBe('2');
    expect(rig.wait(T - 1)).toEqual([]);
  });

  test('takes the place of the log when it is on the disk, and not before', () => {
    const rig = new Rig({ disk: { term: 1, entries: entries(1, 1) } });
    rig.cluster.seat('1').isDiskFast = false;
    expect(rig.hear('2', 2, chunk(0, 13))).toEqual([]);
    expect(rig.effects('persist')).toMatchObject([
      { snapshot: { meta: { index: 5 } }, truncateFrom: 1 },
    ]);
    expect(rig.effects('install-snapshot')).toEqual([]);
    expect(rig.node).toMatchObject({ commit: 5, applied: 0 });
    rig.take(() => rig.cluster.persist('1'));
    expect(rig.effects('install-snapshot')).toMatchObject([{ snapshot: { meta: { index: 5 } } }]);
    expect(rig.effects('compact')).toEqual([{ kind: 'compact', through: 5 }]);
    expect(rig.node).toMatchObject({ applied: 5, snapshot: { meta: { index: 5 } } });
    expect(logText(rig.node)).toBe('(5/2)');
    expect(rig.cluster.seat('1').machine).toEqual(['a', 'b', 'c']);
  });

  test('entries that come while it is being written are applied after it', () => {
    const rig = new Rig();
    rig.cluster.seat('1').isDiskFast = false;
    rig.hear('2', 2, chunk(0, 13));
    rig.append('2', 2, { prev: { index: 5, term: 2 }, entries: [entry(6, 2, 'd')], commit: 6 });
    rig.take(() => rig.cluster.persist('1'));
    rig.take(() => rig.cluster.persist('1'));
    expect(rig.cluster.seat('1').machine).toEqual(['a', 'b', 'c', 'd']);
  });

  test.each([
    ['a chunk too early', [chunk(0, 4), chunk(8, 13)], 4],
    ['a chunk again', [chunk(0, 4), chunk(0, 4)], 4],
    [
      'another snapshot: that starts over',
      [chunk(0, 8), chunk(0, 4, makeSnapshot({ index: 6, term: 2 }, bytes))],
      4,
    ],
  ])('%s', (_name, chunks, received) => {
    const rig = new Rig();
    const [answer] = chunks.map((one) => rig.hear('2', 2, one)).at(-1) ?? [];
    expect(answer?.body).toMatchObject({ kind: 'snapshot-reply', received });
  });

  test('with bytes that are not those of its checksum starts over, with a reason', () => {
    const rig = new Rig();
    const wrong = { ...chunk(0, 13), bytes: new Uint8Array(13) };
    const [answer] = rig.hear('2', 2, wrong);
    expect(answer?.body).toMatchObject({ kind: 'snapshot-reply', received: 0 });
    expect(rig.effects('dropped')).toMatchObject([{ reason: 'snapshot-corrupt' }]);
    expect(rig.node.log.base.index).toBe(0);
    rig.hear('2', 2, chunk(0, 13));
    expect(rig.node.log.base.index).toBe(5);
  });

  test('larger than allowed is dropped with a reason', () => {
    const rig = new Rig({ limits: { snapshotBytesMax: 12 } });
    expect(rig.hear('2', 2, chunk(0, 8))).toEqual([]);
    expect(rig.effects('dropped')).toMatchObject([{ reason: 'snapshot-too-large' }]);
  });

  test('of what the log has is not needed, and says what is committed', () => {
    const rig = new Rig({ disk: { term: 2, entries: entries(1, 1, 1, 1, 2, 2) } });
    const [answer] = rig.hear('2', 2, chunk(0, 8));
    expect(answer?.body).toMatchObject({ isMatch: true, match: 5 });
    expect(rig.node.commit).toBe(5);
    expect(logText(rig.node)).toContain('6/2');
    const older = makeSnapshot({ index: 2, term: 1 }, bytes);
    expect(rig.hear('2', 2, chunk(0, 8, older))[0]?.body).toMatchObject({ match: 5 });
  });

  test('may be empty', () => {
    const rig = new Rig();
    const empty = makeSnapshot({ index: 5, term: 2 }, new Uint8Array());
    expect(rig.hear('2', 2, chunk(0, 0, empty))[0]?.body).toMatchObject({ match: 5 });
  });
});

describe('a snapshot that is made', () => {
  const made = (options: RigOptions = {}): Rig => {
    const rig = new Rig(options);
    rig.append('2', 1, { entries: entries(1, 1, 1, 1), commit: 3 });
    return rig;
  };

  test('goes to the disk; then the log before it goes, but for a tail', () => {
    const rig = made({ limits: { compactionTail: 1 } });
    rig.cluster.seat('1').isDiskFast = false;
    rig.take(() => rig.cluster.snapshot('1'));
    expect(rig.effects('persist')).toMatchObject([{ snapshot: { meta: { index: 3, term: 1 } } }]);
    expect(rig.node.log.base.index).toBe(0);
    rig.take(() => rig.cluster.persist('1'));
    expect(rig.effects('compact')).toEqual([{ kind: 'compact', through: 2 }]);
    expect(logText(rig.node)).toBe('(2/1) 3/13 4/14');
    expect(rig.effects('install-snapshot')).toEqual([]);
  });

  test('leaves no tail in a log that is half full', () => {
    const rig = made({ limits: { compactionTail: 2, logBytesMax: 7 * entryBytes(entry(1, 1)) } });
    rig.cluster.snapshot('1');
    expect(logText(rig.node)).toBe('(3/1) 4/14');
  });

  test('with a tail longer than the log leaves it', () => {
    const rig = made();
    rig.cluster.snapshot('1');
    expect(rig.node.log.length).toBe(4);
  });

  test.each([
    ['of what is not applied', 4, 1, 'out-of-range'],
    ['of nothing', 0, 1, 'out-of-range'],
    ['too large', 3, 9, 'too-large'],
  ])('%s is refused', (_name, index, size, reason) => {
    const rig = made({ limits: { snapshotBytesMax: 8 } });
    const input = { kind: 'snapshot-made', index, bytes: new Uint8Array(size) } as const;
    rig.take(() => rig.cluster.input('1', input));
    expect(rig.effects('refused')).toMatchObject([{ request: 'snapshot-made', id: index, reason }]);
  });

  test('older than one that is on its way is refused', () => {
    const rig = made();
    rig.cluster.seat('1').isDiskFast = false;
    rig.cluster.snapshot('1');
    const input = { kind: 'snapshot-made', index: 2, bytes: new Uint8Array(1) } as const;
    rig.take(() => rig.cluster.input('1', input));
    expect(rig.effects('refused')).toMatchObject([{ reason: 'out-of-range' }]);
  });
});

describe('a snapshot that is made while another is received', () => {
  test('lets the disk forget only what it stands for itself', () => {
    const rig = new Rig({ limits: { compactionTail: 0 } });
    rig.append('2', 1, { entries: entries(1, 1, 1, 1), commit: 3 });
    rig.cluster.seat('1').isDiskFast = false;
    rig.cluster.snapshot('1');
    rig.hear('2', 2, chunk(0, 13));
    rig.take(() => rig.cluster.persist('1'));
    expect(rig.effects('compact')).toEqual([{ kind: 'compact', through: 3 }]);
    rig.cluster.crash('1');
    rig.cluster.restart('1');
    expect(logText(rig.node)).toBe('(3/1) 4/14');
  });
});

describe('a snapshot that is sent', () => {
  const limits = { compactionTail: 0, chunkBytesMax: 8 };
  /** Leads, with all of its log in a snapshot of 13 bytes, and a follower that has nothing. */
  const sending = (more: Partial<RaftLimits> = {}): Rig => {
    const rig = new Rig({ limits: { ...limits, ...more }, disk: { term: 2, snapshot } });
    rig.lead();
    const conflict = { index: 1, term: null };
    rig.hear('2', 3, { kind: 'append-reply', isMatch: false, prevIndex: 5, conflict, round: 1 });
    return rig;
  };
  const reply = (rig: Rig, received: number, meta = snapshot.meta) =>
    bodies(
      rig.hear('2', 3, { kind: 'snapshot-reply', snapshot: meta, received, round: 1 }),
      'snapshot-chunk',
    );

  test('begins when the entries are gone that the follower needs', () => {
    const rig = sending();
    expect(bodies(rig.cluster.network, 'snapshot-chunk')).toMatchObject([{ offset: 0 }]);
  });

  test('goes on where the follower is; an answer that comes twice brings nothing', () => {
    const rig = sending();
    expect(reply(rig, 8)).toMatchObject([{ offset: 8, bytes: { length: 5 } }]);
    expect(reply(rig, 8)).toEqual([]);
    expect(reply(rig, 4)).toEqual([]);
    expect(reply(rig, 13, { ...snapshot.meta, index: 4 })).toEqual([]);
  });

  test('goes again with each heartbeat, and starts over when it must', () => {
    const rig = sending();
    reply(rig, 8);
    expect(bodies(rig.wait(T / 10), 'snapshot-chunk', '2')).toMatchObject([{ offset: 8 }]);
    expect(reply(rig, 0)).toEqual([]);
    expect(bodies(rig.wait(T / 10), 'snapshot-chunk', '2')).toMatchObject([{ offset: 0 }]);
  });

  test('is over when the follower has it: then entries follow', () => {
    const rig = sending();
    expect(bodies(rig.match('2', 2), 'append', '2')).toEqual([]);
    expect(bodies(rig.match('2', 5), 'append', '2')).toMatchObject([{ prev: { index: 5 } }]);
    expect(reply(rig, 13)).toEqual([]);
  });

  test('a refusal of an append that was sent before is nothing', () => {
    const rig = sending();
    const conflict = { index: 1, term: null };
    const body = {
      kind: 'append-reply',
      isMatch: false,
      prevIndex: 5,
      conflict,
      round: 1,
    } as const;
    expect(rig.hear('2', 3, body)).toEqual([]);
  });

  test('entries that are proposed meanwhile wait', () => {
    const rig = sending();
    expect(
      bodies(
        rig.take(() => rig.cluster.propose('1', 'a')),
        'append',
        '2',
      ),
    ).toEqual([]);
  });

  test('the one that was begun is sent to the end, though there is a later one', () => {
    const rig = sending();
    rig.match('3', 6);
    rig.cluster.snapshot('1');
    expect(rig.node.snapshot?.meta.index).toBe(6);
    expect(reply(rig, 8)).toMatchObject([{ snapshot: { index: 5 }, offset: 8 }]);
  });

  test('what comes behind it stays for the follower, so that one snapshot is enough', () => {
    const rig = sending();
    rig.match('3', 6);
    rig.cluster.snapshot('1');
    expect(logText(rig.node)).toBe('(5/2) 6/3');
    expect(bodies(rig.match('2', 5), 'append', '2')).toMatchObject([{ entries: [{ index: 6 }] }]);
  });

  test('what comes behind it stays for no follower that fell silent', () => {
    const rig = sending();
    for (let round = 2; round <= 12; round++) {
      rig.wait(T / 10);
      rig.match('3', 6, round);
    }
    rig.cluster.snapshot('1');
    expect(logText(rig.node)).toBe('(6/3)');
  });

  test('what comes behind it goes when the log is half full', () => {
    const rig = sending({ logBytesMax: entryBytes(entry(6, 3, null)) });
    rig.match('3', 6);
    rig.cluster.snapshot('1');
    expect(logText(rig.node)).toBe('(6/3)');
  });
});
