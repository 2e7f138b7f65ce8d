/** Heartbeats, CheckQuorum and what leases count on: thesis 3.4, 6.2, 6.4. */
import { describe, expect, test } from 'vitest';
import { HeartbeatRounds } from '../../../src/core/raft/heartbeat-rounds.ts';
import { statusOf } from '../../../src/core/raft/status.ts';
import { bodies, Rig, T } from './support/rig.ts';

function leader(voters = 3): Rig {
  const rig = new Rig({ voters });
  rig.lead();
  return rig;
}

describe('heartbeats', () => {
  test('go to all every T/10, and not more often', () => {
    const rig = leader();
    expect(rig.wait(T / 10 - 1)).toEqual([]);
    expect(bodies(rig.wait(1), 'append')).toHaveLength(2);
    expect(rig.effects('set-timer')).toEqual([{ kind: 'set-timer', at: rig.cluster.now + T / 10 }]);
  });

  test('are the timer of a leader; a follower waits for its election', () => {
    const rig = new Rig();
    rig.wait(0);
    expect(rig.effects('set-timer')).toEqual([{ kind: 'set-timer', at: T }]);
    rig.wait(1);
    expect(rig.effects('set-timer')).toEqual([{ kind: 'set-timer', at: T }]);
    rig.preVote('2', 1);
    expect(rig.effects('set-timer')).toEqual([]);
  });
});

describe('a leader without a quorum (6.2)', () => {
  test('steps down T after the last round that a quorum answered was begun, not answered', () => {
    const rig = leader();
    const electedAt = rig.cluster.now;
    rig.wait(T / 10);
    rig.cluster.now += T / 20;
    rig.match('2', 1, 2);
    rig.cluster.now = electedAt + T / 10 + T - 1;
    rig.wait(0);
    expect(rig.node.role.kind).toBe('leader');
    rig.wait(1);
    expect(rig.node).toMatchObject({ role: { kind: 'follower', leader: null }, term: 1 });
  });

  test('five voters: one answer is not enough', () => {
    const rig = leader(5);
    rig.wait(T / 10);
    rig.match('2', 1, 2);
    rig.wait((9 * T) / 10);
    expect(rig.node.role.kind).toBe('follower');
  });

  test('waits as a follower then, as long as any', () => {
    const rig = leader();
    rig.wait(T);
    expect(rig.wait(T - 1)).toEqual([]);
    expect(bodies(rig.wait(1), 'pre-vote')).toHaveLength(2);
  });

  test('a single voter leads on', () => {
    const rig = leader(1);
    rig.wait(100 * T);
    expect(rig.node.role.kind).toBe('leader');
  });
});

describe('a leader whose disk stands still', () => {
  test('steps down after T, though a quorum answers', () => {
    const rig = leader();
    rig.cluster.seat('1').isDiskFast = false;
    rig.cluster.propose('1', 'a');
    for (let round = 2; round <= 10; round++) {
      rig.wait(T / 10);
      rig.match('2', 1, round);
    }
    expect(rig.node.role.kind).toBe('leader');
    rig.wait(T / 10);
    expect(rig.node.role.kind).toBe('follower');
  });
});

describe('what leases may count on', () => {
  test('the begin of the latest round that a quorum answered in this term', () => {
    const rig = leader();
    const electedAt = rig.cluster.now;
    expect(statusOf(rig.node).leading).toMatchObject({
      electedAt,
      confirmedAt: null,
      isReady: false,
    });
    rig.wait(10);
    rig.wait(10);
    rig.cluster.now += 5;
    rig.match('2', 1, 2);
    expect(statusOf(rig.node).leading).toMatchObject({
      electedAt,
      confirmedAt: electedAt + 10,
      isReady: true,
    });
    rig.match('3', 1, 1);
    expect(statusOf(rig.node).leading?.confirmedAt).toBe(electedAt + 10);
    rig.match('3', 1, 3);
    expect(statusOf(rig.node).leading?.confirmedAt).toBe(electedAt + 20);
  });

  test('a refusal confirms the leader as well as a match', () => {
    const rig = leader();
    const conflict = { index: 1, term: null };
    rig.hear('2', 1, { kind: 'append-reply', isMatch: false, prevIndex: 0, conflict, round: 1 });
    expect(statusOf(rig.node).leading?.confirmedAt).toBe(rig.cluster.now);
  });

  test('an answer to a round that never was confirms nothing', () => {
    const rounds = new HeartbeatRounds(2);
    rounds.begin(10);
    rounds.answer('2', 2);
    expect(rounds.confirmedAt).toBeNull();
    rounds.answer('2', 1);
    expect(rounds.confirmedAt).toBe(10);
  });

  test('rounds that nobody answers are forgotten, and then count for nothing', () => {
    const rounds = new HeartbeatRounds(2);
    for (let now = 1; now <= 300; now++) rounds.begin(now);
    rounds.answer('2', 1);
    expect(rounds.confirmedAt).toBeNull();
    rounds.answer('2', 100);
    expect(rounds.confirmedAt).toBe(100);
  });
});

describe('status', () => {
  test('of a leader', () => {
    const rig = leader();
    rig.match('2', 1);
    rig.cluster.propose('1', 'a');
    expect(statusOf(rig.node)).toEqual({
      id: '1',
      role: 'leader',
      term: 1,
      leader: '1',
      commit: 1,
      applied: 1,
      durable: 2,
      last: 2,
      snapshotIndex: 0,
      logEntries: 2,
      logBytes: 65,
      leading: {
        electedAt: T,
        confirmedAt: null,
        isReady: true,
        transferTo: null,
        uncommittedBytes: 33,
        followers: [
          { id: '2', state: 'replicate', match: 1, next: 3 },
          { id: '3', state: 'probe', match: 0, next: 1 },
        ],
      },
    });
  });

  test('of a follower', () => {
    const rig = new Rig();
    rig.append('2', 1);
    expect(statusOf(rig.node)).toMatchObject({ role: 'follower', leader: '2', leading: null });
  });
});

test('a clock that goes back is taken as standing', () => {
  const rig = leader();
  rig.cluster.now -= 50;
  rig.wait(0);
  expect(rig.node.now).toBe(T);
});
