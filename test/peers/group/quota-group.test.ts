import { create } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { SpendResult } from '../../../src/core/quota/spend-result.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import { LeaseRequestSchema, SpendRequestSchema } from '../../../src/gen/weir/peer/v1/peer_pb.ts';
import { LEASE, SPEND } from '../../../src/peers/transport/peer-rpc.ts';
import { until } from '../../support/child.ts';
import { Linked } from '../support/exchange-rig.ts';
import { GroupRig, MANY, SOON_MS } from '../support/group-rig.ts';

let rig: GroupRig;
afterEach(() => rig.stop());

describe('a replica that is alone', () => {
  it('leads at once, and leases to itself', async () => {
    rig = new GroupRig();
    const alone = await rig.add({ nodeId: 'alone' });
    expect(alone.isLeader).toBe(true);
    alone.track('a');
    await alone.admitted('a');
    expect(alone.group.ledger?.sessions.size).toBe(1);
    expect(alone.group.status).toMatchObject({ leader: 'alone', clock: 'good', failure: null });
  });

  it('says nothing before a resource is tracked, and admits what the quota says', async () => {
    rig = new GroupRig();
    const alone = await rig.add({ nodeId: 'alone' });
    expect(alone.group.status.session).toBe(0);
    expect(alone.spend('a')).toBe(SpendResult.UNKNOWN);
    alone.track('a', { kind: 'count', limit: 5, unit: Unit.DAY });
    const results = new Set<SpendResult>();
    let admitted = 0;
    await until(
      () => {
        const result = alone.spend('a');
        results.add(result);
        if (result === SpendResult.ADMITTED) admitted += 1;
        return result;
      },
      (result) => result === SpendResult.OVER,
      SOON_MS,
    );
    expect(admitted).toBe(5);
  });

  it('with a directory goes on after a restart where it was', async () => {
    rig = new GroupRig();
    const directory = `${rig.folder()}/raft`;
    const before = await rig.add({ nodeId: 'alone', directory });
    before.track('a', { kind: 'count', limit: 3, unit: Unit.DAY });
    await before.admitted('a');
    await before.group.stop();
    const after = await rig.add({ nodeId: 'alone', directory });
    expect(after.kinds()).toContain('storage-opened');
    const book = await until(
      () => after.group.ledger?.books.get('a'),
      (found) => found !== undefined,
    );
    expect(book).toMatchObject({ totals: { used: 1 } });
  });
});

describe('a group of three voters', () => {
  it('has one leader, which leases to every replica, voter or not', async () => {
    rig = await GroupRig.start(3);
    const lessee = await rig.add({ nodeId: 'lessee' });
    const leader = await rig.leader();
    for (const member of rig.members) member.track('a');
    await Promise.all(rig.members.map((member) => member.admitted('a')));
    expect(rig.members.filter(({ isLeader }) => isLeader)).toEqual([leader]);
    expect(leader.group.ledger?.sessions.size).toBe(4);
    expect(leader.group.promises().size).toBe(4);
    expect(lessee.group.status).toMatchObject({ isVoter: false, raft: null, leader: leader.id });
    expect(lessee.group.promises().size).toBe(0);
    expect(lessee.group.ledger).toBeNull();
  });

  it('whose leader leaves has another, and what was held is spent meanwhile', async () => {
    rig = await GroupRig.start(3);
    const lessee = await rig.add({ nodeId: 'lessee' });
    const first = await rig.leader();
    lessee.track('a');
    // Demand makes the share large.
    await until(
      () => {
        lessee.spend('a', 20);
        return lessee.left('a');
      },
      (left) => left >= 20,
      SOON_MS,
    );
    const session = lessee.group.status.session;
    await first.group.stop();
    const others = rig.members.filter((member) => member !== first);
    const second = await rig.leader(others);
    expect(second.id).not.toBe(first.id);
    // The share did not end with its grantor, nor did the session.
    expect(lessee.spend('a')).toBe(SpendResult.ADMITTED);
    await until(
      () => lessee.group.lessee.leader,
      (id) => id === second.id,
      SOON_MS,
    );
    await until(
      () => second.group.status.raft?.leading?.confirmedAt ?? null,
      (at) => at !== null,
      SOON_MS,
    );
    await lessee.admitted('a');
    expect(lessee.group.status.session).toBe(session);
    expect(second.group.ledger?.sessions.get(session)).toMatchObject({ instance: 'lessee' });
  });

  it('takes a voter back that was away, without its having missed anything', async () => {
    rig = await GroupRig.start(3);
    const leader = await rig.leader();
    const away = rig.members.find((member) => member !== leader)!;
    await away.group.stop();
    leader.track('a');
    await leader.admitted('a');
    const back = await rig.addVoter(away.id, { directory: rig.directoryOf(away.id) });
    await until(
      () => back.group.ledger?.books.has('a'),
      (has) => has === true,
      SOON_MS,
    );
  });

  it('refuses replicas of another cluster, and these never hold anything', async () => {
    rig = await GroupRig.start(3);
    const leader = await rig.leader();
    const stranger = await rig.add({ nodeId: 'stranger', clusterId: 'other' });
    stranger.track('a');
    await until(
      () => stranger.group.counts.leases.no_leader,
      (count) => count > 1,
      SOON_MS,
    );
    expect(stranger.spend('a')).toBe(SpendResult.LAPSED);
    expect(leader.group.ledger?.sessions.size).toBe(0);
    const refused = rig.members.flatMap(({ events }) => events);
    expect(refused).toContainEqual({
      kind: 'caller-refused',
      caller: 'stranger',
      reason: "this is the cluster 'test', not 'other'",
    });
  });

  it('lets the leader decide where too little is left to be shared out', async () => {
    rig = await GroupRig.start(3);
    const few = { kind: 'rate', limit: 2, unit: Unit.HOUR, burst: 2 } as const;
    const leader = await rig.leader();
    const lessees = await Promise.all(['a', 'b', 'c'].map((nodeId) => rig.add({ nodeId })));
    const [asking] = lessees;
    for (const member of [leader, ...lessees]) member.track('few', few);
    await until(
      () => lessees.map((member) => member.spend('few')),
      (results) => results.includes(SpendResult.AT_LEADER),
      SOON_MS,
    );
    const decision = { resource: 'few', quota: few, hits: 1, least: 1 };
    const decided = await until(
      () => asking!.group.lessee.decide(decision, 1000),
      (said) => said !== null && said.result !== SpendResult.SHORT,
      SOON_MS,
    );
    expect([SpendResult.ADMITTED, SpendResult.OVER]).toContain(decided?.result);
    const results = await Promise.all(
      Array.from({ length: 6 }, () => asking!.group.lessee.decide(decision, 1000)),
    );
    expect(results.filter((said) => said?.result === SpendResult.ADMITTED).length).toBeLessThan(3);
  });
});

describe('a group without a majority', () => {
  it('grants nothing, and says so', async () => {
    rig = await GroupRig.start(3);
    const leader = await rig.leader();
    for (const member of rig.members) if (member !== leader) await member.group.stop();
    await until(
      () => leader.isLeader,
      (is) => !is,
      SOON_MS,
    );
    leader.track('a', MANY);
    expect(leader.spend('a')).toBe(SpendResult.LAPSED);
    const decision = { resource: 'a', quota: MANY, hits: 1, least: 1 };
    expect(await leader.group.lessee.decide(decision, 200)).toBe(null);
    expect(leader.kinds()).toContain('peer-lost');
  });
});

describe('a voter whose disk cannot be used', () => {
  it('votes no more, says why, and is a lessee of the others all the same', async () => {
    rig = await GroupRig.start(2 + 1);
    const leader = await rig.leader();
    const ended = rig.members.find((member) => member !== leader)!;
    await ended.group.stop();
    const other = rig.members.find((member) => member !== leader && member !== ended)!;
    const directory = rig.directoryOf(other.id);
    const broken = await rig.addVoter(ended.id, { directory });
    const failed = broken.events.find(({ kind }) => kind === 'voter-failed');
    expect(failed).toMatchObject({ error: { code: 'locked' } });
    expect(broken.group.status).toMatchObject({
      isVoter: true,
      raft: null,
      failure: { code: 'locked' },
    });
    broken.track('a');
    await broken.admitted('a');
    expect(broken.group.status.leader).toBe(leader.id);
  });

  it('among others needs a directory', async () => {
    rig = new GroupRig();
    const voters = ['a', 'b', 'c'].map((id) => ({ id, host: '127.0.0.1', port: 1 }));
    const member = await rig.add({ nodeId: 'a', voters });
    expect(member.events).toMatchObject([{ kind: 'voter-failed' }]);
  });
});

describe('a clock that is far off', () => {
  it('fences its host: a leader hands over, a lessee spends nothing, until it is right again', async () => {
    rig = await GroupRig.start(3);
    const leader = await rig.leader();
    leader.track('a');
    await leader.admitted('a');
    await until(
      () => leader.group.status.skews.length,
      (count) => count === 2,
      SOON_MS,
    );
    leader.wallShiftMs = 60_000;
    await until(
      () => leader.group.status.clock,
      (state) => state === 'fenced',
      SOON_MS,
    );
    const next = await rig.leader(rig.members.filter((member) => member !== leader));
    expect(leader.spend('a')).toBe(SpendResult.LAPSED);
    expect(leader.left('a')).toBe(0);
    expect(next.group.status.clock).toBe('good');
    expect(leader.events).toContainEqual(
      expect.objectContaining({ kind: 'clock', id: null, state: 'fenced' }),
    );
    leader.wallShiftMs = 0;
    await until(
      () => leader.group.status.clock,
      (state) => state === 'good',
      SOON_MS,
    );
    await leader.admitted('a');
  });
});

describe('a voter that does not lead', () => {
  it('decides nothing, and names the leader', async () => {
    rig = await GroupRig.start(3);
    const leader = await rig.leader();
    const follower = rig.members.find((member) => member !== leader)!;
    await until(
      () => follower.group.status.leader,
      (id) => id === leader.id,
      SOON_MS,
    );
    const linked = new Linked(rig.voters.find(({ id }) => id === follower.id)!.port!);
    const request = create(SpendRequestSchema, {
      caller: { clusterId: 'test', nodeId: 'x' },
      version: 1,
      resource: 'a',
      quota: { limit: 1n, unit: 1 },
      hits: 1n,
    });
    const response = await linked.channel.call(SPEND, request, SOON_MS);
    expect(response.outcome).toMatchObject({
      case: 'notLeader',
      value: { leader: leader.id },
    });
    linked.close();
  });

  it('sends a lessee to the leader, whose answers are told to who listens', async () => {
    rig = await GroupRig.start(3);
    const leader = await rig.leader();
    const lessee = await rig.add({ nodeId: 'lessee' });
    const answers: string[] = [];
    const end = lessee.group.lessee.onAnswer((received) => answers.push(received));
    lessee.track('a');
    await lessee.admitted('a');
    expect(answers).toContain('taken');
    expect(lessee.group.status.leader).toBe(leader.id);
    expect(lessee.group.lessee.isLeased('a', performance.now(), Date.now())).toBe(true);
    end();
    const { length } = answers;
    const before = lessee.group.counts.leases.granted;
    await until(
      () => lessee.group.counts.leases.granted,
      (count) => count > before + 1,
      SOON_MS,
    );
    expect(answers).toHaveLength(length);
  });
});

describe('leases of another version', () => {
  it('are refused, as their meaning is not known', async () => {
    rig = await GroupRig.start(3);
    const leader = await rig.leader();
    const { port } = rig.voters.find(({ id }) => id === leader.id)!;
    const linked = new Linked(port!);
    const caller = { clusterId: 'test', nodeId: 'new', incarnation: 1n };
    for (const [method, schema] of [
      [LEASE, LeaseRequestSchema],
      [SPEND, SpendRequestSchema],
    ] as const) {
      const request = create(schema as typeof LeaseRequestSchema, { caller, version: 2 });
      await expect(
        linked.channel.call(method as typeof LEASE, request, SOON_MS),
      ).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
    }
    const request = create(LeaseRequestSchema, { caller, version: 1 });
    await expect(linked.channel.call(LEASE, request, SOON_MS)).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
    linked.close();
  });
});
