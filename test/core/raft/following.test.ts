/** A test per rule of a follower's log: thesis 3.5, 3.6.3, 5.1. */
import { describe, expect, test } from 'vitest';
import { entryBytes } from '../../../src/core/raft/log-entry.ts';
import { entries, entry, Rig } from './support/rig.ts';
import { logText } from './support/test-cluster.ts';

const old = (rig: Rig): string => logText(rig.node);

describe('appends (3.5)', () => {
  test('entries behind a position that it has are taken', () => {
    const rig = new Rig({ disk: { term: 1, entries: entries(1) } });
    const [answer] = rig.append('2', 1, {
      prev: { index: 1, term: 1 },
      entries: [entry(2, 1)],
      round: 4,
    });
    expect(answer?.body).toEqual({
      kind: 'append-reply',
      isMatch: true,
      match: 2,
      isFull: false,
      round: 4,
    });
    expect(rig.effects('persist')).toMatchObject([{ truncateFrom: null, entries: [{ index: 2 }] }]);
  });

  test.each([
    ['behind its end', { index: 5, term: 2 }, { index: 4, term: null }],
    ['of another term', { index: 3, term: 3 }, { index: 2, term: 2 }],
  ])('a position %s is refused, with a hint', (_name, prev, conflict) => {
    const rig = new Rig({ disk: { term: 3, entries: entries(1, 2, 2) } });
    const [answer] = rig.append('2', 3, { prev, entries: [entry(prev.index + 1, 3)] });
    expect(answer?.body).toMatchObject({ isMatch: false, prevIndex: prev.index, conflict });
    expect(old(rig)).toBe('1/11 2/22 3/23');
  });

  test('an entry that conflicts goes, and all behind it', () => {
    const rig = new Rig({ disk: { term: 3, entries: entries(1, 2, 2, 2) } });
    rig.append('2', 3, { prev: { index: 1, term: 1 }, entries: [entry(2, 2), entry(3, 3)] });
    expect(old(rig)).toBe('1/11 2/22 3/33');
    expect(rig.effects('persist')).toMatchObject([{ truncateFrom: 3, entries: [{ index: 3 }] }]);
    expect(rig.cluster.seat('1').disk.entries.map(({ term }) => term)).toEqual([1, 2, 3]);
  });

  test('an append that came late takes nothing away', () => {
    const rig = new Rig({ disk: { term: 1, entries: entries(1, 1, 1) } });
    const [answer] = rig.append('2', 1, { entries: entries(1) });
    expect(answer?.body).toMatchObject({ isMatch: true, match: 1 });
    expect(old(rig)).toBe('1/11 2/12 3/13');
    expect(rig.effects('persist').flatMap((one) => one.entries)).toEqual([]);
  });

  test('one of an old term is answered with the new term', () => {
    const rig = new Rig({ disk: { term: 5 } });
    const [answer] = rig.append('2', 4, { entries: entries(4) });
    expect(answer).toMatchObject({ term: 5, body: { isMatch: false } });
    expect(rig.node.log.length).toBe(0);
  });

  test.each([
    ['what the leader committed', 2, 3, 2],
    ['no more than what it got', 9, 3, 3],
  ])('commits %s', (_name, commit, count, committed) => {
    const rig = new Rig();
    rig.append('2', 1, { entries: entries(1, 1, 1).slice(0, count), commit });
    expect(rig.node.commit).toBe(committed);
    expect(rig.effects('apply').flatMap((one) => one.entries)).toHaveLength(committed);
  });

  test('a heartbeat commits only up to where the logs are known to agree', () => {
    const rig = new Rig({ disk: { term: 1, entries: entries(1, 1, 1) } });
    rig.append('2', 2, { prev: { index: 1, term: 1 }, commit: 3 });
    expect(rig.node.commit).toBe(1);
  });

  test('the commit index never goes back', () => {
    const rig = new Rig();
    rig.append('2', 1, { entries: entries(1, 1), commit: 2 });
    rig.append('2', 1, { entries: entries(1, 1), commit: 1 });
    expect(rig.node.commit).toBe(2);
  });
});

describe('what is committed (3.6.3)', () => {
  const committed = (): Rig => {
    const rig = new Rig({ disk: { term: 2, entries: entries(1, 1, 2), commit: 2 } });
    rig.append('2', 2, { prev: { index: 2, term: 1 }, commit: 2 });
    return rig;
  };

  test('is skipped in an append that begins before it', () => {
    const rig = committed();
    const [answer] = rig.append('2', 2, { entries: entries(1, 1, 2, 2) });
    expect(answer?.body).toMatchObject({ isMatch: true, match: 4 });
    const [late] = rig.append('2', 2, { entries: entries(1) });
    expect(late?.body).toMatchObject({ isMatch: true, match: 2 });
  });

  test.each([
    ['an entry', { entries: entries(2, 2) }],
    ['the position before', { prev: { index: 1, term: 2 }, entries: [entry(2, 2)] }],
  ])('cannot be contradicted: %s that does is dropped with a reason', (_name, append) => {
    const rig = committed();
    expect(rig.append('2', 2, append)).toEqual([]);
    expect(rig.effects('dropped')).toEqual([
      { kind: 'dropped', from: '2', reason: 'conflicts-with-committed' },
    ]);
  });
});

describe('the leader of a term', () => {
  test('a second one is dropped with a reason', () => {
    const rig = new Rig();
    rig.append('2', 1);
    expect(rig.append('3', 1)).toEqual([]);
    expect(rig.effects('dropped')).toMatchObject([{ reason: 'second-leader' }]);
    expect(rig.node.leader).toBe('2');
  });

  test('it cannot be another than the node that leads', () => {
    const rig = new Rig();
    rig.lead();
    rig.append('3', 1);
    expect(rig.effects('dropped')).toMatchObject([{ reason: 'second-leader' }]);
  });
});

describe('a full log', () => {
  const size = entryBytes(entry(1, 1));

  test('takes what fits, says that it is full, and goes on after a snapshot', () => {
    const rig = new Rig({ limits: { logBytesMax: 2 * size, compactionTail: 0 } });
    rig.append('2', 1, { entries: entries(1), commit: 1 });
    const [part] = rig.append('2', 1, { entries: entries(1, 1, 1), commit: 2 });
    expect(part?.body).toMatchObject({ isMatch: true, match: 2, isFull: true });
    rig.cluster.snapshot('1');
    const [rest] = rig.append('2', 1, { prev: { index: 2, term: 1 }, entries: [entry(3, 1)] });
    expect(rest?.body).toMatchObject({ isMatch: true, match: 3, isFull: false });
  });

  test('takes what waits for a quorum all the same: else it would wait for ever', () => {
    const rig = new Rig({ limits: { logBytesMax: 2 * size } });
    const [answer] = rig.append('2', 1, { entries: entries(1, 1, 1) });
    expect(answer?.body).toMatchObject({ match: 3, isFull: false });
  });
});
