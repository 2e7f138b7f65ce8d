/** What replicas say carries their hybrid clocks along: what one does after it heard is later. */
import { create } from '@bufbuild/protobuf';
import { afterEach, describe, expect, it } from 'vitest';
import { HybridClock } from '../../../src/core/hlc/hybrid-clock.ts';
import { compareTimes, type HybridTime } from '../../../src/core/hlc/hybrid-time.ts';
import {
  ExchangeRequestSchema,
  HybridTimeSchema,
  LeaseRequestSchema,
  LeaseResponseSchema,
  SpendRequestSchema,
  SpendResponseSchema,
} from '../../../src/gen/weir/peer/v1/peer_pb.ts';
import { PeerCounts } from '../../../src/peers/group/peer-counts.ts';
import { PeerTime } from '../../../src/peers/messages/peer-time.ts';
import { LEASE, SPEND } from '../../../src/peers/transport/peer-rpc.ts';
import type { PeerHandlers } from '../../../src/peers/transport/peer-server.ts';
import { until } from '../../support/child.ts';
import { Linked, messageOf, Port } from '../support/exchange-rig.ts';
import { GroupRig, type Member, SOON_MS } from '../support/group-rig.ts';

const toClose: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

const CALLER = { clusterId: 'test', nodeId: 'a', incarnation: 1n };

const HANDLERS: PeerHandlers = {
  onMessage: () => {},
  onCheckpoint: () => {},
  onRefused: () => {},
  lease: () => Promise.resolve(create(LeaseResponseSchema)),
  spend: () => Promise.resolve(create(SpendResponseSchema)),
};

async function open(): Promise<{ port: Port; linked: Linked }> {
  const port = await Port.open({ handlers: HANDLERS });
  toClose.push(() => port.server.close(500));
  const linked = new Linked(port.port);
  toClose.push(() => linked.close());
  return { port, linked };
}

/** Puts a clock ahead of its wall clock, as if it had heard of one that is. */
function advance(clock: HybridClock): HybridTime {
  const now = Date.now();
  const received = clock.receive({ wallMs: now + 490, counter: 0 }, now);
  if (received.kind !== 'taken') throw new Error(received.kind);
  return received.time;
}

/** No clock is ahead of its wall clock by itself: this one has heard of one that is. */
const hasHeard = (clock: HybridClock): boolean => clock.latest.wallMs > Date.now() + 50;

describe('a link', () => {
  it('carries the time of who speaks', async () => {
    const { port, linked } = await open();
    const say = (): boolean => {
      advance(linked.hybrid);
      linked.link.send(messageOf('a'));
      return hasHeard(port.hybrid);
    };
    await until(say, Boolean, SOON_MS);
  });

  it('brings back the time of who answers', async () => {
    const { port, linked } = await open();
    const answer = (): boolean => {
      advance(port.hybrid);
      return hasHeard(linked.hybrid);
    };
    await until(answer, Boolean, SOON_MS);
  });
});

const timed = (clock: HybridClock) => create(HybridTimeSchema, { ...clock.tick(Date.now()) });

describe.each([
  [
    'a lease',
    (linked: Linked, clock: HybridClock | null) =>
      linked.channel.call(
        LEASE,
        create(LeaseRequestSchema, { caller: CALLER, ...(clock && { time: timed(clock) }) }),
        SOON_MS,
      ),
  ],
  [
    'a decision',
    (linked: Linked, clock: HybridClock | null) =>
      linked.channel.call(
        SPEND,
        create(SpendRequestSchema, { caller: CALLER, ...(clock && { time: timed(clock) }) }),
        SOON_MS,
      ),
  ],
] as const)('%s that is asked for', (_what, ask) => {
  it('carries times both ways', async () => {
    const { port, linked } = await open();
    const clock = new HybridClock();
    const cause = advance(clock);
    const { time } = await ask(linked, clock);
    expect(compareTimes(port.hybrid.latest, cause)).toBeGreaterThan(0);
    const { wallMs = 0, counter = 0 } = time ?? {};
    expect(compareTimes({ wallMs, counter }, cause)).toBeGreaterThan(0);
  });

  it('is answered where an older program has no time to send', async () => {
    const { port, linked } = await open();
    const { time } = await ask(linked, null);
    expect(time?.wallMs).toBeGreaterThan(0);
    expect(port.counts.timesRefused).toBe(0);
  });
});

describe('the time of a message', () => {
  const counts = new PeerCounts();
  const clock = new HybridClock();
  const time = new PeerTime(clock, () => 1000, counts);

  it.each([
    ['none', undefined, 0],
    ['one that is near', { wallMs: 1400, counter: 3 }, 0],
    ['one that is too far ahead', { wallMs: 1501, counter: 0 }, 1],
    ['one that is no time', { wallMs: 0.5, counter: 0 }, 2],
    ['one that is no number', { wallMs: Number.NaN, counter: 0 }, 3],
  ])('%s', (_name, sent, refused) => {
    time.take({ time: sent === undefined ? undefined : create(HybridTimeSchema, sent) });
    expect(counts.timesRefused).toBe(refused);
    expect(clock.latest.wallMs).toBeLessThanOrEqual(1400);
  });

  it('is taken on its way out', () => {
    expect(time.stamp()).toMatchObject({ wallMs: 1400, counter: 5 });
  });
});

it('a message whose time is refused is taken all the same', async () => {
  const { port, linked } = await open();
  const stream = linked.channel.exchange();
  const message = create(HybridTimeSchema, { wallMs: Date.now() + 60_000 });
  stream?.write(create(ExchangeRequestSchema, { caller: CALLER, probe: 1n, time: message }));
  stream?.on('error', () => {});
  const answered = new Promise((resolve) => stream?.once('data', resolve));
  await answered;
  stream?.cancel();
  expect(port.counts.timesRefused).toBe(1);
  expect(port.hybrid.latest.wallMs).toBeLessThan(Date.now() + 1000);
});

describe('a group of replicas', () => {
  let rig: GroupRig;
  afterEach(() => rig.stop());

  it.each([
    ['voters', 3, 0],
    ['a lessee and its leader', 1, 1],
  ])('%s carry their times to each other', async (_name, voters, lessees) => {
    rig = await GroupRig.start(voters);
    if (lessees > 0) await rig.add({ nodeId: 'lessee' });
    await rig.leader();
    const [one, other] = rig.members as [Member, Member];
    const isHeard = (from: Member, to: Member): Promise<boolean> =>
      until(
        () => {
          advance(from.hybrid);
          for (const member of rig.members) {
            member.track('a');
            member.spend('a', 100);
          }
          return hasHeard(to.hybrid);
        },
        Boolean,
        SOON_MS,
      );
    await isHeard(one, other);
    // What it was put ahead by is over first.
    await until(
      () => hasHeard(one.hybrid),
      (its) => !its,
      SOON_MS,
    );
    await isHeard(other, one);
  });

  it('tells once, as the leader, of a holder that is silent for too long', async () => {
    rig = await GroupRig.start(1);
    const lessee = await rig.add({ nodeId: 'lessee' });
    const leader = await rig.leader();
    lessee.track('a');
    await lessee.admitted('a');
    const { session } = lessee.group.status;
    lessee.group.lessee.stop();
    const told = () => leader.events.filter(({ kind }) => kind === 'session-expired');
    await until(told, ({ length }) => length > 0, SOON_MS);
    const { term } = leader.group.status.raft ?? {};
    expect(told()).toEqual([{ kind: 'session-expired', instance: 'lessee', session, term }]);
    expect(leader.group.ledger?.sessions.has(session)).toBe(false);
  });
});
