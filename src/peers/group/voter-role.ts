/** A voter with all that it needs: its disk, its port, links to the others, and the granting while it leads. */
import { create } from '@bufbuild/protobuf';
import type { NodeId } from '../../core/raft/log-entry.ts';
import { RAFT_LIMITS, type RaftOptions } from '../../core/raft/options.ts';
import { EMPTY_DISK, type RestoredState } from '../../core/raft/raft-node.ts';
import type { DurationMs } from '../../core/time.ts';
import { CallerSchema } from '../../gen/weir/peer/v1/peer_pb.ts';
import type { PeerTime } from '../messages/peer-time.ts';
import { RaftStorage } from '../storage/raft-storage.ts';
import { PeerLink } from '../transport/peer-link.ts';
import { PeerServer } from '../transport/peer-server.ts';
import type { VoterChannel } from '../transport/voter-channel.ts';
import type { ClockSkew } from './clock-skew.ts';
import type { ClockWatch } from './clock-watch.ts';
import { type Checkpoint, Divergence } from './divergence.ts';
import { Granting } from './granting.ts';
import type { GroupOptions } from './group-options.ts';
import { LeaseService } from './lease-service.ts';
import type { PeerCounts } from './peer-counts.ts';
import { Voter } from './voter.ts';
import type { OwnVoter } from './voter-calls.ts';
import { VOLATILE_DISK, type VoterDisk } from './voter-disk.ts';

export interface VoterRoleParts {
  readonly options: GroupOptions;
  readonly counts: PeerCounts;
  readonly skew: ClockSkew;
  readonly time: PeerTime;
  readonly clock: ClockWatch;
  /** To the other voters. */
  readonly channels: ReadonlyMap<NodeId, VoterChannel>;
  /** What the leader says when it is asked to decide. */
  readonly decide: OwnVoter['decide'];
}

interface OpenedDisk {
  readonly disk: VoterDisk;
  readonly restored: RestoredState;
  readonly incarnation: number;
}

/** A voter that answers no probe in so many election timeouts is tried anew. */
const SILENT_TIMEOUTS = 2;
const SILENCE_MS_MIN = 1000;

export class VoterRole implements OwnVoter {
  readonly granting: Granting;
  readonly voter: Voter;
  readonly decide: OwnVoter['decide'];
  readonly #parts: VoterRoleParts;
  readonly #links: ReadonlyMap<NodeId, PeerLink>;
  readonly #server: PeerServer | null;
  readonly #divergence = new Divergence();

  /**
   * null when its disk cannot be used: the event `voter-failed` says why. Rejects with a message for the
   * operator when its port cannot be had.
   */
  static async open(parts: VoterRoleParts): Promise<VoterRole | null> {
    const role = await VoterRole.#fromDisk(parts);
    if (role === null) return null;
    try {
      await role.#server?.listen();
    } catch (error) {
      await role.voter.close();
      throw error;
    }
    role.voter.start();
    return role;
  }

  static async #fromDisk(parts: VoterRoleParts): Promise<VoterRole | null> {
    let opened: OpenedDisk | null = null;
    try {
      opened = await openDisk(parts.options);
      return new VoterRole(parts, opened);
    } catch (error) {
      await opened?.disk.close();
      parts.options.onEvent({ kind: 'voter-failed', error: error as Error });
      return null;
    }
  }

  private constructor(parts: VoterRoleParts, opened: OpenedDisk) {
    const { options, counts, clock, channels } = parts;
    const { clocks, quota, nodeId, onEvent } = options;
    this.#parts = parts;
    this.decide = parts.decide;
    this.#links = new Map([...channels.values()].map((channel) => this.#linkOf(channel, opened)));
    this.voter = new Voter({
      options: raftOptionsOf(options, opened.incarnation),
      restored: opened.restored,
      disk: opened.disk,
      clocks,
      counts,
      send: (to, message) => this.#links.get(to)?.send(message),
      mayCampaign: () => clock.state === 'good' || clock.state === 'off',
      onStep: () => this.granting.update(),
      onEvent,
    });
    this.granting = new Granting({
      options: quota,
      voter: this.voter,
      own: nodeId,
      clocks,
      counts,
      isFenced: () => clock.state === 'fenced',
      onEvent,
    });
    this.#server = this.#newServer();
  }

  /** Voters whose streams are up, this one not among them. */
  get connectedPeers(): number {
    return [...this.#links.values()].filter(({ isConnected }) => isConnected).length;
  }

  /** Several times a second. */
  tick(): void {
    for (const link of this.#links.values()) link.tick();
    // Who may not grant must not stand in the way of who may.
    if (this.#parts.clock.state === 'fenced') void this.voter.transfer();
  }

  /** Hands leadership over if it has it, and waits for that at most so long. */
  async close(withinMs: DurationMs): Promise<void> {
    await within(this.voter.transfer(), withinMs);
    this.granting.close();
    await this.#server?.close(withinMs);
    for (const link of this.#links.values()) link.close();
    await this.voter.close();
  }

  #newServer(): PeerServer | null {
    const { options, counts, time } = this.#parts;
    const { listen, tls, clusterId, nodeId, voters, clocks, onEvent } = options;
    if (listen === null) return null;
    const { lease, spend } = new LeaseService(this);
    return new PeerServer({
      listen,
      tls,
      clusterId,
      own: nodeId,
      voters,
      wall: clocks.wall,
      counts,
      time,
      handlers: {
        onMessage: (message) => this.voter.receive(message),
        onCheckpoint: (from, checkpoint) => this.#compare(from, checkpoint),
        lease,
        spend,
        onRefused: (caller, reason) => onEvent({ kind: 'caller-refused', caller, reason }),
      },
    });
  }

  #linkOf(channel: VoterChannel, { incarnation }: OpenedDisk): [NodeId, PeerLink] {
    const { options, counts, skew, time } = this.#parts;
    const { clusterId, nodeId, electionTimeoutMs, clocks, onEvent } = options;
    const { id } = channel.place.voter;
    const link = new PeerLink(id, {
      channel,
      caller: create(CallerSchema, { clusterId, nodeId, incarnation: BigInt(incarnation) }),
      clocks,
      counts,
      time,
      silenceMs: Math.max(SILENCE_MS_MIN, electionTimeoutMs * SILENT_TIMEOUTS),
      checkpoint: () => this.voter.checkpoint,
      onFound: () => onEvent({ kind: 'peer-found', id }),
      onAnswer: (sentAt, wallMs) => skew.observe(id, sentAt, wallMs),
      onLost: (code, details) => onEvent({ kind: 'peer-lost', id, code, details }),
    });
    return [id, link];
  }

  #compare(from: NodeId, theirs: Checkpoint): void {
    if (!this.#divergence.isNews(this.voter.checkpoint, from, theirs)) return;
    this.#parts.counts.divergences += 1;
    this.#parts.options.onEvent({ kind: 'diverged', id: from, index: theirs.index });
  }
}

async function openDisk(options: GroupOptions): Promise<OpenedDisk> {
  const { directory, clusterId, nodeId, voters, clocks, onEvent } = options;
  if (directory === null) {
    if (voters.length > 0) throw new Error('a voter among others needs a directory');
    const incarnation = Math.floor(clocks.wall());
    return { disk: VOLATILE_DISK, restored: EMPTY_DISK, incarnation };
  }
  const opened = await RaftStorage.open(directory, { clusterId, nodeId });
  const { storage, restored, incarnation, isNew, notes } = opened;
  for (const note of notes) onEvent({ kind: 'storage-note', note });
  onEvent({ kind: 'storage-opened', isNew, incarnation });
  return { disk: storage, restored, incarnation };
}

function raftOptionsOf(options: GroupOptions, incarnation: number): RaftOptions {
  const { nodeId, clusterId, voters, electionTimeoutMs } = options;
  return {
    id: nodeId,
    clusterId,
    incarnation,
    voters: voters.length === 0 ? [nodeId] : voters.map(({ id }) => id),
    electionTimeoutMs,
    limits: RAFT_LIMITS,
    faults: new Set(),
  };
}

async function within(work: Promise<unknown>, ms: DurationMs): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, timeUp]);
  clearTimeout(timer);
}
