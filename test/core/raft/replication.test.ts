/** A test per rule of a leader's replication and commit: thesis 3.5, 3.6.2, 5.1, 10.2. */
import { describe, expect, test } from 'vitest';
import { entryBytes } from '../../../src/core/raft/log-entry.ts';
import { bodies, entries, entry, Rig, type RigOptions, T } from './support/rig.ts';

/** Node 1 leads term 5, with these entries before its no-op. */
function leader(terms: readonly number[] = [], options: RigOptions = {}): Rig {
  const rig = new Rig({ ...options, disk: { term: 4, entries: entries(...terms) } });
  rig.lead();
  return rig;
}

function refuse(
  rig: Rig,
  from: string,
  prevIndex: number,
  conflict: { index: number; term: number | null },
) {
  const body = { kind: 'append-reply', isMatch: false, prevIndex, conflict, round: 0 } as const;
  return bodies(rig.hear(from, rig.node.term, body), 'append', from);
}

const size = entryBytes(entry(1, 1));

describe('finding where logs agree (3.5)', () => {
  test.each([
    ['a log that ends before: from its end', { index: 2, term: null }, 1],
    ['a term that the leader has: from behind it', { index: 1, term: 1 }, 2],
    ['a term that it does not have: from where that begins', { index: 2, term: 3 }, 1],
  ])('%s', (_name, conflict, prevIndex) => {
    const rig = leader([1, 1, 4, 4]);
    const [append] = refuse(rig, '2', 4, conflict);
    expect(append?.prev.index).toBe(prevIndex);
    expect(append?.entries.at(-1)).toMatchObject({ index: 5, payload: null });
  });

  test('each refusal goes back, whatever the hint', () => {
    const rig = leader([1, 1, 4, 4]);
    expect(refuse(rig, '2', 4, { index: 99, term: null })[0]?.prev.index).toBe(3);
  });

  test('a refusal that is answered already is nothing', () => {
    const rig = leader([1, 1, 4, 4]);
    refuse(rig, '2', 4, { index: 2, term: null });
    expect(refuse(rig, '2', 4, { index: 2, term: null })).toEqual([]);
    rig.match('2', 5);
    expect(refuse(rig, '2', 5, { index: 2, term: null })).toEqual([]);
    expect(refuse(rig, '2', 77, { index: 60, term: null })).toEqual([]);
  });

  test('what was acknowledged is never sent again, though a peer forgot it', () => {
    const rig = leader();
    rig.match('2', 1);
    rig.cluster.propose('1', 'a');
    refuse(rig, '2', 0, { index: 0, term: null });
    const appends = bodies(rig.wait(T / 10), 'append', '2');
    expect(appends.map(({ prev }) => prev.index)).toEqual([2]);
  });

  test('one probe at a time; if it is lost, the answer to a heartbeat brings the next', () => {
    const rig = leader();
    expect(
      bodies(
        rig.take(() => rig.cluster.propose('1', 'a')),
        'append',
      ),
    ).toEqual([]);
    expect(bodies(rig.wait(T / 10), 'append', '2')).toMatchObject([{ entries: [] }]);
    expect(bodies(rig.match('2', 0), 'append', '2')).toMatchObject([{ entries: { length: 2 } }]);
  });
});

describe('sending ahead (10.2.2)', () => {
  const limits = { inFlightMax: 2, appendBytesMax: 2 * size };

  test('as many appends as allowed, each as large as allowed', () => {
    const rig = leader([], { limits });
    rig.match('2', 1);
    const sent = bodies(
      rig.take(() => rig.cluster.propose('1', 'a', 'b', 'c', 'd', 'e')),
      'append',
      '2',
    );
    expect(sent.map((append) => append.entries.map(({ index }) => index))).toEqual([
      [2, 3],
      [4, 5],
    ]);
    const more = bodies(rig.match('2', 3), 'append', '2');
    expect(more.map((append) => append.entries.map(({ index }) => index))).toEqual([[6]]);
  });

  test('a heartbeat to a follower at its limit has no entries, but shows a gap', () => {
    const rig = leader([], { limits });
    rig.match('2', 1);
    rig.cluster.propose('1', 'a', 'b', 'c', 'd', 'e');
    expect(bodies(rig.wait(T / 10), 'append', '2')).toMatchObject([
      { prev: { index: 5 }, entries: [] },
    ]);
    const again = refuse(rig, '2', 5, { index: 2, term: null });
    expect(again).toMatchObject([{ prev: { index: 1 }, entries: [{ index: 2 }, { index: 3 }] }]);
  });

  test('an entry larger than an append goes alone', () => {
    const rig = leader([], { limits: { appendBytesMax: 1 } });
    rig.match('2', 1);
    const sent = bodies(
      rig.take(() => rig.cluster.propose('1', 'a', 'b')),
      'append',
      '2',
    );
    expect(sent.map((append) => append.entries.length)).toEqual([1, 1]);
  });

  test('a follower that is full is left alone until the next heartbeat', () => {
    const rig = leader();
    rig.match('2', 1);
    rig.cluster.propose('1', 'a', 'b');
    const full = { kind: 'append-reply', isMatch: true, match: 2, isFull: true, round: 0 } as const;
    expect(bodies(rig.hear('2', 5, full), 'append', '2')).toEqual([]);
    expect(bodies(rig.wait(T / 10), 'append', '2')).toMatchObject([{ entries: [] }]);
    expect(bodies(rig.match('2', 2), 'append', '2')).toMatchObject([{ entries: [{ index: 3 }] }]);
  });

  test('a follower that started again is asked where it stands', () => {
    const rig = leader();
    rig.match('2', 1);
    rig.cluster.propose('1', 'a');
    rig.cluster.seat('2').incarnation++;
    rig.match('2', 1);
    rig.cluster.seat('2').incarnation++;
    rig.hear('2', 5, { kind: 'vote-reply', isGranted: true });
    expect(bodies(rig.wait(T / 10), 'append', '2')).toMatchObject([{ prev: { index: 1 } }]);
  });
});

describe('commit (3.5, 3.6.2)', () => {
  test.each([
    [3, ['2'], 1],
    [5, ['2'], 0],
    [5, ['2', '3'], 1],
  ])('of %i voters: %o and the leader itself make %i', (voters, peers, commit) => {
    const rig = leader([], { voters });
    for (const peer of peers) rig.match(peer, 1);
    expect(rig.node.commit).toBe(commit);
  });

  test('an older entry is not committed by counting, but with one of its own term', () => {
    const rig = leader([2, 2]);
    rig.match('2', 2);
    expect(rig.node.commit).toBe(0);
    rig.match('2', 3);
    expect(rig.node.commit).toBe(3);
    expect(rig.node.applied).toBe(3);
  });

  test('an answer for more than the log has counts for what it has', () => {
    const rig = leader();
    rig.match('2', 99);
    expect(rig.node.commit).toBe(1);
  });

  test('its own log counts when it is on the disk (10.2.1)', () => {
    const rig = leader();
    rig.match('2', 1);
    rig.cluster.seat('1').isDiskFast = false;
    rig.cluster.propose('1', 'a');
    rig.match('2', 2);
    expect(rig.node.commit).toBe(1);
    rig.match('3', 2);
    expect(rig.node).toMatchObject({ commit: 2, applied: 1 });
    rig.cluster.persist('1');
    expect(rig.node.applied).toBe(2);
  });

  test('followers learn it with the next message', () => {
    const rig = leader();
    rig.match('2', 1);
    expect(bodies(rig.wait(T / 10), 'append', '2')).toMatchObject([{ commit: 1 }]);
  });
});
