/**
 * This replica's part in the group that shares out global quotas. Two roles, each of its own:
 *
 * - A lessee, always: it holds shares and spends them.
 * - A voter, if the list of voters names it, or if there is no list: then it is the only one. When its disk
 *   fails the voter ends for the life of the process, and says so; the lessee goes on with another leader,
 *   and where there is none, rules are answered by their failure modes once the lease is over.
 */
import { create } from '@bufbuild/protobuf';
import type { Ledger } from '../../core/quota/ledger.ts';
import type { NodeId } from '../../core/raft/log-entry.ts';
import type { RaftStatus } from '../../core/raft/status.ts';
import type { DurationMs, MonotonicMs } from '../../core/time.ts';
import { CallerSchema } from '../../gen/weir/peer/v1/peer_pb.ts';
import { VoterPlace } from '../discovery/voter-place.ts';
import type { NotLeader } from '../messages/lease-messages.ts';
import { PeerTime } from '../messages/peer-time.ts';
import { clientCredentialsOf } from '../transport/peer-tls.ts';
import { VoterChannel } from '../transport/voter-channel.ts';
import { ClockSkew, type PeerSkew } from './clock-skew.ts';
import { ClockWatch } from './clock-watch.ts';
import type { ClockState, GroupEvent } from './group-event.ts';
import { type GroupOptions, isVoter } from './group-options.ts';
import { healthScore } from './health-score.ts';
import { type Decided, type Decision, Lessee } from './lessee.ts';
import { LoopLag } from './loop-lag.ts';
import { PeerCounts } from './peer-counts.ts';
import { spendSoon } from './spend-soon.ts';
import { VoterCalls } from './voter-calls.ts';
import { VoterRole } from './voter-role.ts';

/** Links and clocks are looked at so often. */
const TICK_MS = 250;
/** What a stop waits for at most: the last report, then a successor. */
const LEAVE_MS = 1500;
const TRANSFER_MS = 2000;

/** For metrics and the admin API. */
export interface GroupStatus {
  readonly isVoter: boolean;
  /** null unless it is a voter that started. */
  readonly raft: RaftStatus | null;
  /** Why it is a voter no more. */
  readonly failure: Error | null;
  readonly connectedPeers: number;
  /** As far as this replica knows. */
  readonly leader: NodeId | null;
  readonly health: number;
  readonly clock: ClockState;
  readonly skews: readonly PeerSkew[];
  readonly session: number;
  readonly leasedUntil: MonotonicMs;
}

export class QuotaGroup {
  readonly lessee: Lessee;
  readonly counts = new PeerCounts();
  readonly #options: GroupOptions;
  readonly #skew: ClockSkew;
  readonly #clock: ClockWatch;
  readonly #time: PeerTime;
  readonly #lag: LoopLag;
  readonly #channels: ReadonlyMap<NodeId, VoterChannel>;
  #role: VoterRole | null = null;
  #failure: Error | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  /** Throws a RangeError for options that make no sense. Connects to nobody yet. */
  constructor(options: GroupOptions) {
    const { voters, nodeId, tls, resolver, clocks, clusterId, quota } = options;
    const onEvent = (event: GroupEvent): void => {
      if (event.kind === 'voter-failed') this.#failure = event.error;
      options.onEvent(event);
    };
    this.#options = { ...options, onEvent };
    this.#skew = new ClockSkew(clocks, isVoter(options));
    this.#clock = new ClockWatch(this.#skew, onEvent);
    this.#time = new PeerTime(options.hybrid, clocks.wall, this.counts);
    this.#lag = new LoopLag(clocks.monotonic);
    const credentials = clientCredentialsOf(tls);
    const others = voters.filter(({ id }) => id !== nodeId);
    this.#channels = new Map(
      others.map((voter) => {
        const place = new VoterPlace(voter, resolver, clocks.monotonic);
        return [voter.id, new VoterChannel(place, credentials)];
      }),
    );
    const port = new VoterCalls({
      caller: create(CallerSchema, { clusterId, nodeId }),
      channels: this.#channels,
      own: () => this.#role,
      ownId: nodeId,
      clocks,
      skew: this.#skew,
      counts: this.counts,
      time: this.#time,
    });
    this.lessee = new Lessee({
      options: quota,
      instance: nodeId,
      voters: voters.length === 0 ? [nodeId] : voters.map(({ id }) => id),
      clocks,
      counts: this.counts,
      port,
      health: () => this.#health(),
    });
  }

  /** Rejects with a message for the operator when its port cannot be had. */
  async start(): Promise<void> {
    this.#lag.start();
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
    if (isVoter(this.#options)) {
      this.#role = await VoterRole.open({
        options: this.#options,
        counts: this.counts,
        skew: this.#skew,
        time: this.#time,
        clock: this.#clock,
        channels: this.#channels,
        decide: (asked, withinMs) => this.#decide(asked, withinMs),
      });
    }
    if (this.#isStopped) await this.#role?.close(0);
    else this.lessee.start();
  }

  /** Gives back its shares and its leadership first, as far as that goes quickly. Never rejects. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    await this.lessee.leave(LEAVE_MS);
    this.lessee.stop();
    await this.#role?.close(TRANSFER_MS);
    clearInterval(this.#timer);
    this.#lag.stop();
    for (const channel of this.#channels.values()) channel.close();
  }

  get status(): GroupStatus {
    const voter = this.#role?.voter;
    const raft = voter?.status ?? null;
    return {
      isVoter: isVoter(this.#options),
      raft,
      failure: this.#failure,
      connectedPeers: this.#role?.connectedPeers ?? 0,
      leader: raft?.leader ?? this.lessee.leader,
      health: this.#health(),
      clock: this.#clock.state,
      skews: this.#skew.peers(),
      session: this.lessee.session,
      leasedUntil: this.lessee.leasedUntil,
    };
  }

  /** As this voter has applied it; null for who is none. */
  get ledger(): Ledger | null {
    return this.#role?.voter.ledger ?? null;
  }

  /** Until when each session may be spending, by this leader's clock; empty unless it leads. */
  promises(): ReadonlyMap<number, MonotonicMs> {
    return this.#role?.granting.promises() ?? new Map();
  }

  #tick(): void {
    this.#clock.look();
    this.lessee.fence(this.#clock.state === 'fenced');
    this.#role?.tick();
  }

  #health(): number {
    const { readings, quota } = this.#options;
    const { answerAgeMs } = this.lessee;
    return healthScore({ ...readings(), answerAgeMs, loopLagMs: this.#lag.ms }, quota);
  }

  /** This leader's own share is the rest that is too little to be shared out. */
  async #decide(asked: Decision, withinMs: DurationMs): Promise<Decided | NotLeader> {
    const role = this.#role;
    if (role === null || !role.granting.isGranting) {
      const { leader = null, id = '' } = role?.voter.status ?? {};
      return { kind: 'not-leader', leader: leader === id ? null : leader };
    }
    return await spendSoon(this.lessee, this.#options.clocks, asked, withinMs);
  }
}
