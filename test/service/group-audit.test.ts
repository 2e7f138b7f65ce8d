/** What the group of replicas reports, as events. */
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import type { Audit } from '../../src/core/events/event.ts';
import type { GroupEvent } from '../../src/peers/group/group-event.ts';
import { GroupAudit, type GroupAuditOptions } from '../../src/service/group-audit.ts';

function audited(options: Partial<GroupAuditOptions> = {}) {
  const events: Parameters<Audit>[0][] = [];
  const audit: Audit = (event) => events.push(event);
  const its = new GroupAudit({ audit, nodeId: 'a', voters: 3, isVoter: true, ...options });
  return { its, events, names: () => events.map(({ name }) => name) };
}

const role = (
  its: 'leader' | 'follower' | 'candidate' | 'pre-candidate',
  term: number,
  leader: string | null = null,
): GroupEvent => ({ kind: 'role-changed', role: its, term, leader });
const found = (id: string): GroupEvent => ({ kind: 'peer-found', id });
const lost = (id: string): GroupEvent => {
  return { kind: 'peer-lost', id, code: status.UNAVAILABLE, details: 'gone' };
};

describe('leadership', () => {
  it('is told when it begins, as the leader of its term, and when it ends, as its own', () => {
    const { its, events } = audited();
    const roles = [role('follower', 1), role('pre-candidate', 1), role('candidate', 2)];
    for (const event of roles) its.note(event);
    expect(events).toEqual([]);
    its.note(role('leader', 2, 'a'));
    its.note(role('follower', 3, 'b'));
    its.note(role('follower', 4, 'c'));
    expect(events).toEqual([
      { name: 'leader-elected', details: { leader: 'a' }, term: 2 },
      { name: 'leader-lost', details: { term: 3, successor: 'b' } },
    ]);
  });
});

describe('a split', () => {
  it('is a majority that was connected and is no more, until it is again', () => {
    const { its, events } = audited({ voters: 5 });
    for (const id of ['b', 'c', 'd', 'e']) its.note(found(id));
    its.note(lost('b'));
    its.note(lost('c'));
    expect(events).toEqual([]);
    its.note(lost('d'));
    its.note(lost('e'));
    its.note(found('e'));
    its.note(found('d'));
    expect(events).toEqual([
      { name: 'split-detected', details: { reached: 2, voters: 5 } },
      { name: 'split-healed', details: { reached: 3, voters: 5 } },
    ]);
  });

  it('is none while a voter starts, or where one is no voter', () => {
    const starting = audited();
    starting.its.note(lost('b'));
    expect(starting.events).toEqual([]);
    const lessee = audited({ isVoter: false });
    for (const event of [found('a'), found('b'), lost('a'), lost('b')]) lessee.its.note(event);
    expect(lessee.events).toEqual([]);
  });
});

it.each<[GroupEvent, object]>([
  [
    { kind: 'voter-failed', error: new Error('EIO') },
    { name: 'voter-failed', details: { error: 'EIO' } },
  ],
  [
    { kind: 'diverged', id: 'b', index: 4096 },
    { name: 'ledgers-differ', details: { peer: 'b', index: 4096 } },
  ],
  [
    { kind: 'clock', id: null, state: 'fenced', skewMs: 501.7 },
    {
      name: 'clock-changed',
      details: { host: 'a', isOwn: true, state: 'fenced', skewMs: 502 },
    },
  ],
  [
    { kind: 'clock', id: 'b', state: 'good', skewMs: 0 },
    { name: 'clock-changed', details: { host: 'b', isOwn: false, state: 'good', skewMs: 0 } },
  ],
  [
    { kind: 'session-expired', instance: 'c', session: 9, term: 4 },
    { name: 'session-expired', details: { instance: 'c', session: 9 }, term: 4 },
  ],
])('%o is recorded', (event, recorded) => {
  const { its, events } = audited();
  its.note(event);
  expect(events).toEqual([recorded]);
});

it.each<GroupEvent>([
  { kind: 'storage-note', note: 'x' },
  { kind: 'storage-opened', isNew: true, incarnation: 1 },
  { kind: 'caller-refused', caller: 'x', reason: 'y' },
  { kind: 'dropped', from: 'b', reason: 'malformed' },
])('%o is for the log alone', (event) => {
  const { its, events } = audited();
  its.note(event);
  expect(events).toEqual([]);
});

it('sessions are told when they begin and end', () => {
  const { its, events } = audited();
  for (const session of [0, 5, 5, 0, 0, 7, 8]) its.session(session);
  expect(events.map(({ name, details }) => `${name} ${details['session']}`)).toEqual([
    'session-opened 5',
    'session-lost 5',
    'session-opened 7',
    'session-lost 7',
    'session-opened 8',
  ]);
});
