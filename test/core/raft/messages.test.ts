/** Messages that are not taken, and say why; none of them changes the node. */
import { describe, expect, test } from 'vitest';
import type { Message, MessageBody } from '../../../src/core/raft/message.ts';
import { entry, Rig } from './support/rig.ts';

const START = { index: 0, term: 0 };
const append = { kind: 'append', prev: START, entries: [], commit: 0, round: 1 } as const;
const meta = { index: 3, term: 1, size: 4, checksum: 0 };
const chunk = {
  kind: 'snapshot-chunk',
  snapshot: meta,
  offset: 0,
  bytes: new Uint8Array(2),
  round: 1,
} as const;

function hear(message: Partial<Message>): Rig {
  const rig = new Rig();
  const whole = { ...rig.cluster.forge('2', '1', 1, append), ...message };
  rig.take(() => rig.cluster.input('1', { kind: 'message', message: whole }));
  return rig;
}

describe('the envelope', () => {
  test.each([
    ['another version', { version: 2 }, 'other-version'],
    ['another cluster', { clusterId: 'prod' }, 'other-cluster'],
    ['another receiver', { to: '2' }, 'not-for-us'],
    ['a stranger', { from: '9' }, 'unknown-sender'],
    ['the node itself', { from: '1' }, 'unknown-sender'],
    ['a term that is no count', { term: -1 }, 'malformed'],
    ['an incarnation that is no count', { incarnation: 0.5 }, 'malformed'],
  ])('%s is dropped', (_name, message, reason) => {
    const rig = hear(message);
    expect(rig.effects('dropped')).toMatchObject([{ reason }]);
    expect(rig.effects('send')).toEqual([]);
    expect(rig.node.term).toBe(0);
  });

  test('what an earlier incarnation of a peer sent is dropped once the later one was heard', () => {
    const rig = new Rig();
    const old = rig.cluster.forge('2', '1', 1, append);
    rig.cluster.deliver(old);
    rig.cluster.seat('2').incarnation++;
    rig.append('2', 1);
    rig.take(() => rig.cluster.deliver(old));
    expect(rig.effects('dropped')).toEqual([
      { kind: 'dropped', from: '2', reason: 'old-incarnation' },
    ]);
  });
});

describe('a body that makes no sense', () => {
  const bad: readonly [string, object][] = [
    ['a kind that is not known', { kind: 'gossip' }],
    [
      'a log of a term that is not yet',
      { kind: 'vote', last: { index: 1, term: 2 }, isTransfer: false },
    ],
    ['a pre-vote for no term', { kind: 'pre-vote', campaignTerm: 0.5, last: START }],
    ['a pre-vote with no log', { kind: 'pre-vote', campaignTerm: 1, last: { index: -1, term: 0 } }],
    ['an answer for no term', { kind: 'pre-vote-reply', campaignTerm: NaN, isGranted: true }],
    ['an append with no commit', { ...append, commit: -1 }],
    ['an append of no round', { ...append, round: 0.5 }],
    ['an append behind no position', { ...append, prev: { index: 0.5, term: 0 } }],
    ['entries with a gap', { ...append, entries: [entry(2, 1)] }],
    ['entries of a later term than the sender', { ...append, entries: [entry(1, 2)] }],
    ['terms that go back', { ...append, prev: { index: 1, term: 1 }, entries: [entry(2, 0)] }],
    [
      'a match that is no count',
      { kind: 'append-reply', isMatch: true, match: NaN, isFull: false, round: 0 },
    ],
    ['a conflict that is no count', conflict({ index: NaN, term: null })],
    ['a conflict of no term', conflict({ index: 1, term: 0.5 })],
    ['a conflict nowhere', { ...conflict({ index: 1, term: null }), prevIndex: -1 }],
    ['a conflict of no round', { ...conflict({ index: 1, term: null }), round: -1 }],
    ['a chunk behind the end', { ...chunk, offset: 3 }],
    ['a chunk from nowhere', { ...chunk, offset: -1 }],
    ['a chunk of no round', { ...chunk, round: NaN }],
    ['a snapshot of nothing', { ...chunk, snapshot: { ...meta, index: 0 } }],
    ['a snapshot of no size', { ...chunk, snapshot: { ...meta, size: 0.5 } }],
    ['a snapshot of a later term', { ...chunk, snapshot: { ...meta, term: 2 } }],
    ['a snapshot without a checksum', { ...chunk, snapshot: { ...meta, checksum: NaN } }],
    [
      'more received than there is',
      { kind: 'snapshot-reply', snapshot: meta, received: 5, round: 1 },
    ],
    ['nothing received', { kind: 'snapshot-reply', snapshot: meta, received: NaN, round: 1 }],
    ['received of no round', { kind: 'snapshot-reply', snapshot: meta, received: 1, round: NaN }],
  ];
  test.each(bad)('%s is dropped', (_name, body) => {
    // Such a body cannot be written down as a MessageBody; a wire can bring it all the same.
    const rig = hear({ body: body as MessageBody });
    expect(rig.effects('dropped')).toEqual([{ kind: 'dropped', from: '2', reason: 'malformed' }]);
    expect(rig.node.term).toBe(0);
  });
});

function conflict(hint: { index: number; term: number | null }): object {
  return { kind: 'append-reply', isMatch: false, prevIndex: 1, conflict: hint, round: 0 };
}

test('answers to a node that asked nothing change nothing', () => {
  const answers: MessageBody[] = [
    { kind: 'vote-reply', isGranted: true },
    { kind: 'pre-vote-reply', campaignTerm: 1, isGranted: true },
    { kind: 'append-reply', isMatch: true, match: 1, isFull: false, round: 1 },
    { kind: 'snapshot-reply', snapshot: meta, received: 1, round: 1 },
  ];
  for (const body of answers) {
    const rig = hear({ body });
    expect(rig.effects('send')).toEqual([]);
    expect(rig.node).toMatchObject({ term: 1, commit: 0, role: { kind: 'follower' } });
  }
});

test.each([append, chunk])('a leader of an old term is told the new one ($kind)', (body) => {
  const rig = new Rig({ disk: { term: 4 } });
  expect(rig.hear('2', 1, body)).toMatchObject([{ to: '2', term: 4, body: { isMatch: false } }]);
});
