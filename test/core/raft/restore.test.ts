/** Options and disks that make sense, and those that do not: a node must not guess about either. */
import { describe, expect, test } from 'vitest';
import { assertOptions, RAFT_LIMITS, type RaftOptions } from '../../../src/core/raft/options.ts';
import { EMPTY_DISK, RaftNode, type RestoredState } from '../../../src/core/raft/raft-node.ts';
import { makeSnapshot } from '../../../src/core/raft/snapshot.ts';
import { step } from '../../../src/core/raft/step.ts';
import { entries, entry } from './support/rig.ts';
import { logText } from './support/test-cluster.ts';

const options: RaftOptions = {
  id: 'a',
  clusterId: 'c',
  incarnation: 0,
  voters: ['a', 'b', 'c'],
  electionTimeoutMs: 1000,
  limits: RAFT_LIMITS,
  faults: new Set(),
};
const snapshot = makeSnapshot({ index: 2, term: 1 }, new Uint8Array([1, 2, 3]));
const restore = (disk: Partial<RestoredState>) =>
  RaftNode.restore(options, { ...EMPTY_DISK, ...disk }, 0, 0);

describe('options', () => {
  test.each([
    [{}],
    [{ voters: ['a'] }],
    [{ voters: ['a', 'b', 'c', 'd', 'e'] }],
    [{ electionTimeoutMs: 10 }],
    [{ electionTimeoutMs: 60_000 }],
    [{ limits: { ...RAFT_LIMITS, compactionTail: 0 } }],
  ])('%o is right', (changed) => {
    expect(() => assertOptions({ ...options, ...changed })).not.toThrow();
  });

  test.each([
    [{ voters: ['a', 'b'] }, '1, 3 or 5 voters, not 2'],
    [{ voters: [] }, '1, 3 or 5 voters, not 0'],
    [{ voters: ['a', 'b', 'b'] }, 'named twice'],
    [{ id: 'd' }, 'node d is not one of the voters'],
    [{ clusterId: '' }, 'cluster id'],
    [{ incarnation: -1 }, 'incarnation -1'],
    [{ electionTimeoutMs: 9 }, 'timeout of 9 ms'],
    [{ electionTimeoutMs: 60_001 }, 'timeout of 60001 ms'],
    [{ electionTimeoutMs: NaN }, 'timeout of NaN ms'],
    [{ limits: { ...RAFT_LIMITS, readsMax: 0 } }, 'limit readsMax is 0'],
    [{ limits: { ...RAFT_LIMITS, compactionTail: 0.5 } }, 'limit compactionTail is 0.5'],
  ])('%o is refused', (changed, problem) => {
    expect(() => assertOptions({ ...options, ...changed })).toThrow(problem);
  });
});

describe('a disk', () => {
  test('gives back term, vote, log and snapshot; the state machine stands at the snapshot', () => {
    const node = restore({ term: 3, vote: 'b', snapshot, entries: [entry(3, 2)] });
    expect(node).toMatchObject({
      term: 3,
      vote: 'b',
      commit: 2,
      applied: 2,
      role: { kind: 'follower' },
    });
    expect(logText(node)).toBe('(2/1) 3/23');
    expect(node.durability.durableIndex).toBe(3);
  });

  test.each([
    ['entries that the snapshot stands for', entries(1, 1, 2), '(2/1) 3/23'],
    ['entries that end before it', entries(1), '(2/1)'],
    ['entries of another history than the snapshot', entries(2, 2, 2), '(2/1)'],
  ])('%s go', (_name, found, log) => {
    expect(logText(restore({ term: 3, snapshot, entries: found }))).toBe(log);
  });

  test('that held entries of another history is told to forget them', () => {
    const node = restore({ term: 3, snapshot, entries: entries(2, 2, 2) });
    const effects = step(node, { kind: 'tick', chance: 0 }, 0);
    expect(effects).toMatchObject([{ kind: 'persist', truncateFrom: 3, entries: [] }, {}, {}]);
  });

  test.each([
    [undefined, 0],
    [1, 1],
    [9, 2],
  ])('knows %s to be committed of two entries: %i are', (commit, committed) => {
    const disk = { term: 1, entries: entries(1, 1), ...(commit === undefined ? {} : { commit }) };
    expect(restore(disk).commit).toBe(committed);
  });

  test.each([
    [{ term: -1 }, 'term -1 is no count'],
    [{ vote: 'z' }, 'for z, who is not one'],
    [
      { term: 1, snapshot: { ...snapshot, bytes: new Uint8Array([1, 2, 4]) } },
      'at 2 fails its checksum',
    ],
    [{ term: 1, snapshot: { ...snapshot, bytes: new Uint8Array([1]) } }, 'at 2 fails its checksum'],
    [{ term: 1, entries: [entry(2, 1)] }, 'has 2 behind 0'],
    [{ term: 1, entries: [entry(1, 1), entry(3, 1)] }, 'has 3 behind 1'],
    [{ term: 2, entries: entries(2, 1) }, 'goes back to term 1 at 2'],
    [{ term: 1, entries: entries(2) }, 'is of term 2, its own term is 1'],
    [{ term: 0, snapshot }, 'is of term 1, its own term is 0'],
  ])('that holds %o is refused', (disk, problem) => {
    expect(() => restore(disk)).toThrow(problem);
  });
});
