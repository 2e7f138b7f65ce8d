/** A test per rule of elections: thesis 3.3, 3.4, 3.6.1, 4.2.3, 9.6, 3.10. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bodies, entries, entry, Rig, T } from './support/rig.ts';

describe('waiting for a leader (3.4)', () => {
  test('a node starts as a follower', () => {
    expect(new Rig().node.role.kind).toBe('follower');
  });

  test('it wants an election when its timeout is over, and not before', () => {
    const rig = new Rig();
    expect(rig.wait(T - 1)).toEqual([]);
    expect(bodies(rig.wait(1), 'pre-vote')).toHaveLength(2);
  });

  test('timeouts are drawn from [T, 2T), anew at each tick', () => {
    const chances = fc.integer({ min: 0, max: 999 }).map((thousandths) => thousandths / 1000);
    fc.assert(
      fc.property(chances, (chance) => {
        const rig = new Rig();
        rig.cluster.seat('1').chance = chance;
        rig.wait(T);
        const timeout = rig.node.electionDeadline - rig.cluster.now;
        expect(timeout).toBeCloseTo(T * (1 + chance));
        expect(timeout).toBeLessThan(2 * T);
      }),
    );
  });

  test.each([
    ['an append', (rig: Rig) => rig.append('2', 1)],
    ['a vote that it gives', (rig: Rig) => rig.vote('2', 1)],
  ])('%s starts the wait again', (_name, hear) => {
    const rig = new Rig();
    rig.wait(T - 1);
    hear(rig);
    expect(rig.wait(T - 1)).toEqual([]);
    expect(rig.wait(1)).not.toEqual([]);
  });

  test.each([
    ['a vote that it refuses', (rig: Rig) => rig.vote('2', 3, { index: 0, term: 0 })],
    ['a pre-vote', (rig: Rig) => rig.preVote('2', 3)],
    ['an append of an old term', (rig: Rig) => rig.append('2', 1)],
  ])('%s does not', (_name, hear) => {
    const rig = new Rig({ disk: { term: 2, entries: entries(2) } });
    rig.wait(T - 1);
    hear(rig);
    expect(rig.wait(1)).not.toEqual([]);
  });
});

describe('pre-vote (9.6)', () => {
  test('asking changes neither term nor vote nor disk', () => {
    const rig = new Rig();
    rig.wait(T);
    expect(rig.node).toMatchObject({ term: 0, vote: null });
    expect(rig.effects('persist')).toEqual([]);
  });

  test('answering changes nothing, however high the term', () => {
    const rig = new Rig({ disk: { term: 2 } });
    expect(rig.preVote('2', 9)).toBe(true);
    expect(rig.node).toMatchObject({ term: 2, vote: null });
  });

  test.each([
    ['a later term', 3, { index: 2, term: 1 }, true],
    ['its own term', 2, { index: 2, term: 1 }, false],
    ['a shorter log', 3, { index: 1, term: 1 }, false],
    ['a log of an older term', 3, { index: 9, term: 0 }, false],
  ])(
    'a follower that hears nobody answers %s with the vote it would give',
    (_name, term, last, yes) => {
      const rig = new Rig({ disk: { term: 2, entries: entries(1, 1) } });
      expect(rig.preVote('2', term, last)).toBe(yes);
    },
  );

  test('who hears a leader says no for T after, then yes', () => {
    const rig = new Rig();
    rig.append('2', 1);
    rig.wait(T - 1);
    expect(rig.preVote('3', 2)).toBe(false);
    rig.cluster.now += 1;
    expect(rig.preVote('3', 2)).toBe(true);
  });

  test('an election begins when a quorum would vote, its own answer among them', () => {
    const rig = new Rig({ voters: 5 });
    rig.wait(T);
    const yes = { kind: 'pre-vote-reply', campaignTerm: 1, isGranted: true } as const;
    rig.hear('2', 0, yes);
    rig.hear('2', 0, yes);
    rig.hear('3', 0, { ...yes, isGranted: false });
    rig.hear('4', 0, { ...yes, campaignTerm: 9 });
    expect(rig.node.role.kind).toBe('pre-candidate');
    expect(bodies(rig.hear('5', 0, yes), 'vote')).toHaveLength(4);
    expect(rig.node).toMatchObject({ term: 1, vote: '1', role: { kind: 'candidate' } });
    rig.hear('3', 0, yes);
    expect(rig.node.term).toBe(1);
  });
});

describe('voting (3.4, 3.6.1)', () => {
  test('one vote in a term, to whom asked first; asking again is answered again', () => {
    const rig = new Rig();
    expect(rig.vote('2', 1)).toBe(true);
    expect(rig.vote('3', 1)).toBe(false);
    expect(rig.vote('2', 1)).toBe(true);
    expect(rig.vote('3', 2)).toBe(true);
  });

  test('the vote is remembered by the disk', () => {
    const rig = new Rig();
    rig.vote('2', 1);
    rig.cluster.crash('1');
    rig.cluster.restart('1');
    expect(rig.vote('3', 1)).toBe(false);
    expect(rig.vote('2', 1)).toBe(true);
  });

  test.each([
    [{ index: 2, term: 2 }, true],
    [{ index: 3, term: 2 }, true],
    [{ index: 1, term: 3 }, true],
    [{ index: 1, term: 2 }, false],
    [{ index: 9, term: 1 }, false],
    [{ index: 0, term: 0 }, false],
  ])('a log that ends at 2/2 votes for one that ends at %o: %s', (last, isGranted) => {
    const rig = new Rig({ disk: { term: 3, entries: entries(1, 2) } });
    expect(rig.vote('2', 4, last)).toBe(isGranted);
  });

  test('a request of an old term is refused with the new one', () => {
    const rig = new Rig({ disk: { term: 5 } });
    const [answer] = rig.hear('2', 4, {
      kind: 'vote',
      last: { index: 0, term: 0 },
      isTransfer: false,
    });
    expect(answer).toMatchObject({ term: 5, body: { kind: 'vote-reply', isGranted: false } });
  });

  test('who hears a leader does not even take the term (4.2.3), unless the leader wants it (3.10)', () => {
    const rig = new Rig();
    rig.append('2', 1);
    expect(rig.vote('3', 9)).toBeNull();
    expect(rig.node.term).toBe(1);
    expect(rig.vote('3', 2, { index: 0, term: 0 }, true)).toBe(true);
  });

  test('a leader is loyal to itself', () => {
    const rig = new Rig();
    rig.lead();
    expect(rig.vote('3', 9, { index: 9, term: 8 })).toBeNull();
    expect(rig.preVote('3', 2, { index: 9, term: 1 })).toBe(false);
    expect(rig.node.role.kind).toBe('leader');
  });
});

describe('being elected (3.4)', () => {
  const vote = { kind: 'vote-reply', isGranted: true } as const;
  const candidate = (): Rig => {
    const rig = new Rig({ voters: 5 });
    rig.wait(T);
    for (const peer of ['2', '3']) {
      rig.hear(peer, 0, { kind: 'pre-vote-reply', campaignTerm: 1, isGranted: true });
    }
    return rig;
  };

  test('votes are counted by voter: one that comes twice counts once', () => {
    const rig = candidate();
    rig.hear('2', 1, vote);
    rig.hear('2', 1, vote);
    expect(rig.node.role.kind).toBe('candidate');
    rig.hear('3', 1, vote);
    expect(rig.node.role.kind).toBe('leader');
  });

  test('a refusal is no vote', () => {
    const rig = candidate();
    for (const peer of ['2', '3', '4', '5']) rig.hear(peer, 1, { ...vote, isGranted: false });
    expect(rig.node.role.kind).toBe('candidate');
  });

  test('its own vote counts only when it is on the disk (3.8)', () => {
    const rig = new Rig();
    rig.cluster.seat('1').isDiskFast = false;
    rig.wait(T);
    rig.hear('2', 0, { kind: 'pre-vote-reply', campaignTerm: 1, isGranted: true });
    expect(rig.cluster.network).toEqual([]);
    rig.hear('2', 1, vote);
    expect(rig.node.role.kind).toBe('candidate');
    rig.cluster.persist('1');
    expect(rig.node.role.kind).toBe('leader');
  });

  test('without a quorum in time it begins again, with a pre-vote', () => {
    const rig = candidate();
    expect(bodies(rig.wait(T), 'pre-vote')).toHaveLength(4);
    expect(rig.node).toMatchObject({ term: 1, role: { kind: 'pre-candidate' } });
  });

  test('a candidate that hears a leader of its term follows it', () => {
    const rig = candidate();
    rig.append('4', 1);
    expect(rig.node).toMatchObject({ role: { kind: 'follower', leader: '4' }, vote: '1' });
  });

  test('a leader begins its term with a no-op, sent to all at once (6.4)', () => {
    const rig = new Rig({ disk: { term: 3, entries: entries(1, 3) } });
    const appends = bodies(rig.lead(), 'append');
    expect(appends).toHaveLength(2);
    const noop = { index: 3, term: 4, payload: null };
    expect(appends[0]).toMatchObject({ prev: { index: 2, term: 3 }, entries: [noop], commit: 0 });
  });

  test.each([1, 3, 5])('%i voters: a quorum is more than half', (voters) => {
    const rig = new Rig({ voters });
    expect(rig.node.quorum).toBe((voters + 1) / 2);
    rig.lead();
    expect(rig.node.role.kind).toBe('leader');
  });
});

describe('a higher term (3.3)', () => {
  test.each(['follower', 'leader'] as const)(
    'makes a %s a follower of that term, without a vote',
    (kind) => {
      const rig = new Rig();
      if (kind === 'leader') rig.lead();
      rig.hear('2', 7, { kind: 'vote-reply', isGranted: false });
      expect(rig.node).toMatchObject({
        term: 7,
        vote: null,
        role: { kind: 'follower', leader: null },
      });
      expect(rig.effects('persist')).toMatchObject([{ term: 7, vote: null }]);
      expect(rig.effects('role-changed')).toEqual([
        { kind: 'role-changed', role: 'follower', term: 7, leader: null },
      ]);
    },
  );

  test('an answer to the term before changes nothing', () => {
    const rig = new Rig();
    rig.lead();
    rig.hear('2', 0, { kind: 'append-reply', isMatch: true, match: 1, isFull: false, round: 1 });
    expect(rig.node.commit).toBe(0);
  });
});

describe('timeout now (3.10)', () => {
  test('a follower campaigns at once, without a pre-vote, in the name of its leader', () => {
    const rig = new Rig({ disk: { term: 1, entries: [entry(1, 1)] } });
    rig.append('2', 1);
    const votes = bodies(rig.hear('2', 1, { kind: 'timeout-now' }), 'vote');
    expect(votes).toEqual([
      { kind: 'vote', last: { index: 1, term: 1 }, isTransfer: true },
      { kind: 'vote', last: { index: 1, term: 1 }, isTransfer: true },
    ]);
  });

  test('of an old term, or to a leader, it is nothing', () => {
    const rig = new Rig({ disk: { term: 3 } });
    expect(rig.hear('2', 2, { kind: 'timeout-now' })).toEqual([]);
    rig.lead();
    expect(rig.hear('2', 4, { kind: 'timeout-now' })).toEqual([]);
    expect(rig.node.role.kind).toBe('leader');
  });
});
