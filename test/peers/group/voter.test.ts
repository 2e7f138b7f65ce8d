import { afterEach, describe, expect, it } from 'vitest';
import type { Command } from '../../../src/core/quota/command.ts';
import { encodeCommand } from '../../../src/core/quota/command-codec.ts';
import { encodeLedger, hashLedger } from '../../../src/core/quota/ledger-codec.ts';
import type { Persist } from '../../../src/core/raft/effect.ts';
import { RAFT_LIMITS } from '../../../src/core/raft/options.ts';
import { EMPTY_DISK, type RestoredState } from '../../../src/core/raft/raft-node.ts';
import { makeSnapshot } from '../../../src/core/raft/snapshot.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import { PeerCounts } from '../../../src/peers/group/peer-counts.ts';
import { CHECKPOINT_ENTRIES, Voter, type VoterEvent } from '../../../src/peers/group/voter.ts';
import { VOLATILE_DISK, type VoterDisk } from '../../../src/peers/group/voter-disk.ts';
import { until } from '../../support/child.ts';
import { CLOCKS } from '../support/exchange-rig.ts';

const SOON_MS = 15_000;
const voters: Voter[] = [];
afterEach(() => Promise.all(voters.splice(0).map((voter) => voter.close())));

interface Setup {
  readonly disk?: VoterDisk;
  readonly restored?: RestoredState;
  readonly ids?: readonly string[];
  readonly mayCampaign?: () => boolean;
}

function voterOf({
  disk = VOLATILE_DISK,
  restored = EMPTY_DISK,
  ids = ['v'],
  mayCampaign = () => true,
}: Setup) {
  const events: VoterEvent[] = [];
  const sent: string[] = [];
  const voter = new Voter({
    options: {
      id: 'v',
      clusterId: 'test',
      incarnation: 1,
      voters: ids,
      electionTimeoutMs: 50,
      limits: RAFT_LIMITS,
      faults: new Set(),
    },
    restored,
    disk,
    clocks: CLOCKS,
    counts: new PeerCounts(),
    send: (_to, { body }) => sent.push(body.kind),
    mayCampaign,
    onStep: () => undefined,
    onEvent: (event) => events.push(event),
  });
  voters.push(voter);
  return { voter, events, sent };
}

/** Of a message to the voter. */
const HEAD = { version: 1, clusterId: 'test', from: 'w', to: 'v', incarnation: 1, term: 1 };
/** Started, and leading: after its vote is on the disk. */
async function lead(voter: Voter): Promise<void> {
  voter.start();
  await until(
    () => voter.status.leading?.isReady ?? false,
    (isReady) => isReady,
    SOON_MS,
  );
}

const quota = { kind: 'count', limit: 9, unit: Unit.DAY } as const;
const setQuota = (resource: string): Command => ({ kind: 'set-quota', ts: 1, resource, quota });
/** A command of some 50 KB that changes nothing. */
const LARGE: Command = {
  kind: 'report',
  ts: 1,
  session: 999,
  sequence: 1,
  items: Array.from({ length: 100 }, (_, i) => ({
    resource: `${'x'.repeat(500)}${i}`,
    window: 0,
    used: 1,
    returned: 0,
  })),
};

/** Remembers what it was told, and fails when it is asked to. */
class TestDisk implements VoterDisk {
  readonly persists: Persist[] = [];
  readonly compacted: number[] = [];
  isClosed = false;
  failure: Error | null = null;

  persist(effect: Persist): Promise<void> {
    if (this.failure !== null) return Promise.reject(this.failure);
    this.persists.push(effect);
    return Promise.resolve();
  }

  compact(through: number): Promise<void> {
    this.compacted.push(through);
    return this.failure === null ? Promise.resolve() : Promise.reject(this.failure);
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }
}

describe('a voter', () => {
  it('that is alone leads with its first tick, and applies what is proposed, in order', async () => {
    const { voter, events } = voterOf({});
    await lead(voter);
    expect(await voter.propose([setQuota('a'), setQuota('b')])).toBe(true);
    expect([...voter.ledger.books.keys()]).toEqual(['a', 'b']);
    expect(events).toContainEqual({ kind: 'role-changed', role: 'leader', term: 1, leader: 'v' });
    expect(voter.status.leading).toMatchObject({ isReady: true });
    expect(await voter.transfer()).toBe(false);
  });

  it('that does not lead refuses proposals at once, and has no leadership to give', async () => {
    const { voter } = voterOf({ ids: ['v', 'w', 'x'] });
    voter.start();
    expect(await voter.propose([setQuota('a')])).toBe(false);
    expect(await voter.transfer()).toBe(false);
  });

  it('takes a proposal that is too large for one in several', async () => {
    const { voter } = voterOf({});
    await lead(voter);
    expect(await voter.propose(Array.from({ length: 12 }, () => LARGE))).toBe(true);
    expect(voter.status.applied).toBe(13);
  });

  it('campaigns only while its clock lets it, even when the leader asks it to', async () => {
    let may = false;
    const { voter, sent } = voterOf({ ids: ['v', 'w', 'x'], mayCampaign: () => may });
    voter.start();
    voter.receive({ ...HEAD, body: { kind: 'timeout-now' } });
    const giveUpAt = performance.now() + 200;
    await until(
      () => performance.now(),
      (now) => now > giveUpAt,
    );
    expect(sent).toEqual([]);
    may = true;
    await until(
      () => sent.length,
      (count) => count > 0,
      SOON_MS,
    );
    expect(sent[0]).toBe('pre-vote');
    const asked = voterOf({ ids: ['v', 'w', 'x'] });
    asked.voter.receive({ ...HEAD, body: { kind: 'timeout-now' } });
    await until(
      () => asked.sent,
      (kinds) => kinds.includes('vote'),
      SOON_MS,
    );
  });

  it('tells of messages that are not taken', () => {
    const { voter, events } = voterOf({ ids: ['v', 'w', 'x'] });
    voter.receive({ ...HEAD, version: 7, body: { kind: 'vote-reply', isGranted: true } });
    expect(events).toContainEqual({ kind: 'dropped', from: 'w', reason: 'other-version' });
  });
});

describe('a snapshot', () => {
  it(`is made every ${CHECKPOINT_ENTRIES} entries, with a fingerprint, and brings the ledger back`, async () => {
    const disk = new TestDisk();
    const { voter } = voterOf({ disk });
    await lead(voter);
    await voter.propose([setQuota('a')]);
    expect(voter.checkpoint).toBeNull();
    const noops = Array.from(
      { length: CHECKPOINT_ENTRIES },
      (_, ts): Command => ({ kind: 'noop', ts }),
    );
    expect(await voter.propose(noops)).toBe(true);
    const fingerprint = hashLedger(voter.ledger);
    expect(voter.checkpoint).toMatchObject({ index: CHECKPOINT_ENTRIES });
    const made = await until(
      () => disk.persists.find(({ snapshot }) => snapshot !== null)?.snapshot ?? null,
      (snapshot) => snapshot !== null,
    );
    await until(
      () => disk.compacted.length,
      (count) => count > 0,
    );
    const restored = { term: 1, vote: 'v', snapshot: made, entries: [] };
    const again = voterOf({ restored }).voter;
    expect(again.ledger.books.has('a')).toBe(true);
    expect(fingerprint).toHaveLength(16);
  });

  it('is made sooner when entries are large', async () => {
    const disk = new TestDisk();
    const { voter } = voterOf({ disk });
    await lead(voter);
    for (let i = 0; i < 18; i++) await voter.propose(Array.from({ length: 10 }, () => LARGE));
    const snapshots = disk.persists.filter(({ snapshot }) => snapshot !== null);
    expect(snapshots).toHaveLength(1);
  });

  it('of a leader takes the place of the ledger', async () => {
    const source = voterOf({}).voter;
    await lead(source);
    await source.propose([setQuota('from-afar')]);
    const bytes = encodeLedger(source.ledger);
    const { voter, sent } = voterOf({ ids: ['v', 'w', 'x'] });
    voter.start();
    const snapshot = makeSnapshot({ index: CHECKPOINT_ENTRIES, term: 1 }, bytes);
    voter.receive({
      ...HEAD,
      body: { kind: 'snapshot-chunk', snapshot: snapshot.meta, offset: 0, bytes, round: 1 },
    });
    await until(
      () => voter.ledger.books.has('from-afar'),
      (has) => has,
    );
    expect(voter.checkpoint?.index).toBe(CHECKPOINT_ENTRIES);
    expect(sent).toContain('append-reply');
  });
});

describe('a voter that fails', () => {
  it.each([['persist'], ['compact']] as const)(
    'in %s says why, and nothing any more',
    async (when) => {
      const disk = new TestDisk();
      const { voter, events } = voterOf({ disk });
      voter.start();
      await voter.propose([setQuota('a')]);
      if (when === 'compact') {
        const compact = disk.compact.bind(disk);
        disk.compact = (through) => {
          disk.failure = new Error('EIO');
          return compact(through);
        };
      } else disk.failure = new Error('EIO');
      const count = when === 'compact' ? CHECKPOINT_ENTRIES : 1;
      const noops = Array.from({ length: count }, (_, ts): Command => ({ kind: 'noop', ts }));
      void voter.propose(noops);
      await until(
        () => voter.failure,
        (failure) => failure !== null,
      );
      expect(events).toContainEqual({ kind: 'voter-failed', error: new Error('EIO') });
      expect(disk.isClosed).toBe(true);
      const { length } = events;
      expect(await voter.propose([setQuota('b')])).toBe(false);
      expect(await voter.transfer()).toBe(false);
      expect(voter.ledger.books.has('b')).toBe(false);
      expect(events).toHaveLength(length);
    },
  );

  it('at a command of a newer version stops rather than pass over it', async () => {
    const payload = encodeCommand({ kind: 'noop', ts: 1 });
    payload[0] = 2;
    const restored = {
      term: 1,
      vote: null,
      snapshot: null,
      entries: [{ index: 1, term: 1, payload }],
    };
    const { voter, events } = voterOf({ restored });
    voter.start();
    await until(
      () => voter.failure?.message ?? '',
      (text) => text.includes('version 2'),
    );
    expect(events.map(({ kind }) => kind)).toContain('voter-failed');
  });

  it('cannot be made of a snapshot that is no ledger', () => {
    const snapshot = makeSnapshot({ index: 1, term: 1 }, Uint8Array.of(9));
    const restored = { term: 1, vote: null, snapshot, entries: [] };
    expect(() => voterOf({ restored })).toThrow('ledger');
  });
});
