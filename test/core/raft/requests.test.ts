/** What the service asks of a node: proposals, reads, transfers; and why it says no. */
import { describe, expect, test } from 'vitest';
import { entryBytes } from '../../../src/core/raft/log-entry.ts';
import { bodies, entry, Rig, type RigOptions, T } from './support/rig.ts';

function leader(options: RigOptions = {}): Rig {
  const rig = new Rig(options);
  rig.lead();
  return rig;
}

const size = entryBytes(entry(1, 1, 'a'));
const noop = entryBytes(entry(1, 1, null));
const propose = (rig: Rig, ...commands: string[]) =>
  rig.take(() => rig.cluster.propose('1', ...commands));
const read = (rig: Rig, id = 7) => rig.take(() => rig.cluster.input('1', { kind: 'read', id }));
const transfer = (rig: Rig, to: string | null, id = 9) =>
  rig.take(() => rig.cluster.input('1', { kind: 'transfer', id, to }));

describe('proposals', () => {
  test('are taken in order, all or none, and told where', () => {
    const rig = leader();
    propose(rig, 'a', 'b');
    expect(rig.effects('accepted')).toEqual([{ kind: 'accepted', id: 1, index: 2, term: 1 }]);
    expect(rig.effects('persist')).toMatchObject([{ entries: [{ index: 2 }, { index: 3 }] }]);
  });

  test.each([
    ['nothing', [], 'empty'],
    ['a command that is too large', ['a', 'abcde'], 'too-large'],
    ['more than may ever be uncommitted', ['a', 'a', 'a', 'a'], 'too-large'],
    ['more than may be uncommitted now', ['a', 'a', 'a'], 'uncommitted-full'],
  ])('%s is refused', (_name, commands, reason) => {
    const rig = leader({ limits: { payloadBytesMax: 4, uncommittedBytesMax: 3 * size } });
    propose(rig, ...commands);
    expect(rig.effects('refused')).toMatchObject([
      { request: 'propose', id: 1, reason, leader: '1' },
    ]);
    expect(rig.node.log.length).toBe(1);
  });

  test('are taken again when a quorum has what was before', () => {
    const rig = leader({ limits: { uncommittedBytesMax: noop + size } });
    propose(rig, 'a');
    propose(rig, 'b');
    expect(rig.effects('refused')).toMatchObject([{ reason: 'uncommitted-full' }]);
    rig.match('2', 2);
    propose(rig, 'b');
    expect(rig.effects('accepted')).toHaveLength(1);
  });

  test('a log without room is full until there is a snapshot', () => {
    const rig = leader({ limits: { logBytesMax: noop + size, compactionTail: 0 } });
    propose(rig, 'a');
    rig.match('2', 2);
    propose(rig, 'b');
    expect(rig.effects('refused')).toMatchObject([{ reason: 'log-full' }]);
    rig.cluster.snapshot('1');
    propose(rig, 'b');
    expect(rig.effects('accepted')).toHaveLength(1);
  });

  test('a follower refuses them, and says who leads', () => {
    const rig = new Rig();
    rig.append('3', 1);
    propose(rig, 'a');
    expect(rig.effects('refused')).toMatchObject([{ reason: 'not-leader', leader: '3' }]);
  });

  test('a new leader counts what it found uncommitted', () => {
    const rig = leader({
      disk: { term: 1, entries: [entry(1, 1, 'a')] },
      limits: { uncommittedBytesMax: noop + size },
    });
    propose(rig, 'b');
    expect(rig.effects('refused')).toMatchObject([{ reason: 'uncommitted-full' }]);
  });
});

describe('reads (6.4)', () => {
  const ready = (): Rig => {
    const rig = leader();
    rig.match('2', 1, 1);
    return rig;
  };

  test('wait for a quorum to answer a round that began after them', () => {
    const rig = ready();
    expect(bodies(read(rig), 'append').map(({ round }) => round)).toEqual([2, 2]);
    rig.match('2', 1, 1);
    expect(rig.effects('read-ready')).toEqual([]);
    rig.match('2', 1, 2);
    expect(rig.effects('read-ready')).toEqual([{ kind: 'read-ready', id: 7, index: 1 }]);
    rig.match('3', 1, 2);
    expect(rig.effects('read-ready')).toEqual([]);
  });

  test('wait until the no-op of the term is applied', () => {
    const rig = leader();
    read(rig);
    rig.match('2', 0, 2);
    expect(rig.effects('read-ready')).toEqual([]);
    rig.match('2', 1, 2);
    expect(rig.effects('read-ready')).toMatchObject([{ index: 1 }]);
  });

  test('wait until what was committed is applied', () => {
    const rig = ready();
    rig.cluster.seat('1').isDiskFast = false;
    propose(rig, 'a');
    rig.match('2', 2, 1);
    rig.match('3', 2, 1);
    read(rig);
    rig.match('2', 2, 2);
    expect(rig.effects('read-ready')).toEqual([]);
    rig.take(() => rig.cluster.persist('1'));
    expect(rig.effects('read-ready')).toMatchObject([{ index: 2 }]);
  });

  test('are refused by a follower, beyond the bound, and when leadership is lost', () => {
    const rig = leader({ limits: { readsMax: 1 } });
    read(rig, 1);
    read(rig, 2);
    expect(rig.effects('refused')).toMatchObject([
      { request: 'read', id: 2, reason: 'too-many-reads' },
    ]);
    rig.hear('2', 5, { kind: 'vote-reply', isGranted: false });
    expect(rig.effects('refused')).toMatchObject([
      { request: 'read', id: 1, reason: 'leadership-lost' },
    ]);
    read(rig, 3);
    expect(rig.effects('refused')).toMatchObject([{ id: 3, reason: 'not-leader', leader: null }]);
  });
});

describe('transfers (3.10)', () => {
  test('a successor that has the whole log is told at once', () => {
    const rig = leader();
    rig.match('2', 1);
    expect(bodies(transfer(rig, '2'), 'timeout-now', '2')).toHaveLength(1);
  });

  test('one that lacks something is brought up to date first', () => {
    const rig = leader();
    rig.match('2', 1);
    propose(rig, 'a');
    expect(bodies(transfer(rig, '2'), 'timeout-now')).toEqual([]);
    expect(bodies(rig.match('3', 2), 'timeout-now')).toEqual([]);
    expect(bodies(rig.match('2', 2), 'timeout-now', '2')).toHaveLength(1);
  });

  test('it is told again with each heartbeat, until the time is over', () => {
    const rig = leader();
    rig.match('2', 1);
    transfer(rig, '2');
    expect(bodies(rig.wait(T / 10), 'timeout-now')).toHaveLength(1);
    rig.match('2', 1, 2);
    propose(rig, 'a');
    expect(rig.effects('refused')).toMatchObject([{ reason: 'transferring' }]);
    expect(bodies(rig.wait(T - T / 10), 'timeout-now')).toEqual([]);
    expect(rig.effects('refused')).toMatchObject([
      { request: 'transfer', id: 9, reason: 'transfer-timed-out' },
    ]);
    propose(rig, 'a');
    expect(rig.effects('accepted')).toHaveLength(1);
  });

  test('without a name, to the follower that is furthest of those that were heard', () => {
    const rig = leader({ voters: 5 });
    rig.match('3', 1, 1);
    rig.match('4', 0, 1);
    expect(transfer(rig, null)).toMatchObject([{ to: '3' }]);
  });

  test.each([
    ['to itself', '1', 'no-such-peer'],
    ['to nobody who is known', '9', 'no-such-peer'],
    ['to anybody, though nobody was heard', null, 'no-such-peer'],
  ])('%s are refused', (_name, to, reason) => {
    const rig = leader();
    transfer(rig, to);
    expect(rig.effects('refused')).toMatchObject([{ request: 'transfer', id: 9, reason }]);
  });

  test('are refused by a follower, and while another is under way', () => {
    const rig = new Rig();
    transfer(rig, '2');
    expect(rig.effects('refused')).toMatchObject([{ reason: 'not-leader' }]);
    rig.lead();
    transfer(rig, '2');
    transfer(rig, '3');
    expect(rig.effects('refused')).toMatchObject([{ reason: 'transferring' }]);
  });
});
