/** Fsync before send (thesis, 3.8): what waits for the disk, what does not, and what is never told. */
import { describe, expect, test } from 'vitest';
import { bodies, entries, entry, Rig, type RigOptions } from './support/rig.ts';

function slow(options: RigOptions = {}): Rig {
  const rig = new Rig(options);
  rig.cluster.seat('1').isDiskFast = false;
  return rig;
}

const persist = (rig: Rig) => rig.take(() => rig.cluster.persist('1'));

describe('what is told waits for the disk', () => {
  test.each([
    [
      'a vote',
      (rig: Rig) =>
        rig.hear('2', 1, { kind: 'vote', last: { index: 0, term: 0 }, isTransfer: false }),
    ],
    ['an acknowledgement', (rig: Rig) => rig.append('2', 1, { entries: entries(1) })],
    [
      'even a refusal, for it tells the term',
      (rig: Rig) => rig.append('2', 1, { prev: { index: 3, term: 1 } }),
    ],
  ])('%s', (_name, hear) => {
    const rig = slow();
    expect(hear(rig)).toEqual([]);
    expect(rig.node.durability.heldCount).toBe(1);
    expect(persist(rig)).toHaveLength(1);
    expect(rig.node.durability.heldCount).toBe(0);
  });

  test('also when it changes nothing itself but comes while the disk is busy', () => {
    const rig = slow();
    rig.append('2', 1, { entries: entries(1) });
    expect(rig.append('2', 1, { entries: entries(1) })).toEqual([]);
    expect(bodies(persist(rig), 'append-reply')).toHaveLength(2);
  });

  test('not what a leader sends (10.2.1)', () => {
    const rig = new Rig();
    rig.lead();
    rig.match('2', 1);
    rig.cluster.seat('1').isDiskFast = false;
    expect(
      bodies(
        rig.take(() => rig.cluster.propose('1', 'a')),
        'append',
        '2',
      ),
    ).toHaveLength(1);
  });

  test('nothing is applied that is not on the disk', () => {
    const rig = slow();
    rig.append('2', 1, { entries: entries(1, 1), commit: 2 });
    expect(rig.effects('apply')).toEqual([]);
    persist(rig);
    expect(rig.effects('apply')).toMatchObject([{ entries: [{ index: 1 }, { index: 2 }] }]);
  });
});

describe('group commit', () => {
  test('one persist is out; what changes meanwhile goes with the next, with the latest term and vote', () => {
    const rig = slow();
    rig.append('2', 1, { entries: entries(1) });
    expect(rig.effects('persist')).toMatchObject([{ sequence: 1, term: 1, vote: null }]);
    rig.append('2', 1, { prev: { index: 1, term: 1 }, entries: [entry(2, 1)] });
    expect(rig.effects('persist')).toEqual([]);
    rig.append('2', 1, { prev: { index: 2, term: 1 }, entries: [entry(3, 1)] });
    const [first] = bodies(persist(rig), 'append-reply');
    expect(first).toMatchObject({ match: 1 });
    expect(rig.effects('persist')).toMatchObject([
      { sequence: 2, entries: [{ index: 2 }, { index: 3 }] },
    ]);
    expect(bodies(persist(rig), 'append-reply').map((one) => 'match' in one && one.match)).toEqual([
      2, 3,
    ]);
  });

  test('what is cut while it is being written is not durable when it is written', () => {
    const rig = slow();
    rig.append('2', 1, { entries: entries(1, 1, 1) });
    rig.append('3', 2, { prev: { index: 1, term: 1 }, entries: [entry(2, 2)] });
    persist(rig);
    expect(rig.node.durability.durableIndex).toBe(1);
    expect(rig.effects('persist')).toMatchObject([
      { truncateFrom: 2, entries: [{ index: 2, term: 2 }] },
    ]);
    persist(rig);
    expect(rig.node.durability.durableIndex).toBe(2);
    expect(rig.cluster.seat('1').disk.entries.map(({ term }) => term)).toEqual([1, 2]);
  });

  test('what was never given to the disk is cut without it, once', () => {
    const rig = slow();
    rig.append('2', 1);
    rig.append('2', 1, { entries: entries(1, 1, 1) });
    rig.append('3', 2, { prev: { index: 2, term: 1 }, entries: [entry(3, 2)] });
    rig.append('2', 3, { prev: { index: 1, term: 1 }, entries: [entry(2, 3)] });
    persist(rig);
    persist(rig);
    expect(rig.cluster.seat('1').disk.entries.map(({ term }) => term)).toEqual([1, 3]);
    expect(rig.node.durability.durableIndex).toBe(2);
  });
});

describe('a new term', () => {
  test('drops what was about to be told of the old one: it may hold no more', () => {
    const rig = slow();
    rig.append('2', 1, { entries: entries(1, 1) });
    rig.append('3', 2, { entries: entries(2) });
    expect(persist(rig)).toEqual([]);
    expect(persist(rig)).toMatchObject([{ to: '3', term: 2, body: { match: 1 } }]);
  });
});

describe('an acknowledgement of the disk', () => {
  test('of another persist than the one that is out is nothing', () => {
    const rig = slow();
    rig.append('2', 1, { entries: entries(1) });
    for (const sequence of [0, 2, 99]) rig.cluster.input('1', { kind: 'persisted', sequence });
    expect(rig.node.durability.durableIndex).toBe(0);
    persist(rig);
    rig.cluster.input('1', { kind: 'persisted', sequence: 1 });
    expect(rig.node.durability.durableIndex).toBe(1);
  });
});

describe('messages that wait', () => {
  test('are bounded; those beyond are lost', () => {
    const rig = slow({ limits: { heldMax: 2 } });
    for (let i = 0; i < 5; i++) rig.append('2', 1);
    expect(persist(rig)).toHaveLength(2);
  });
});
