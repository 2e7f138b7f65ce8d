/** One voter's port, and links to it, without any voter behind them. */
import { create } from '@bufbuild/protobuf';
import { HybridClock } from '../../../src/core/hlc/hybrid-clock.ts';
import type { Append, Message, MessageBody } from '../../../src/core/raft/message.ts';
import { CallerSchema } from '../../../src/gen/weir/peer/v1/peer_pb.ts';
import type { Clocks } from '../../../src/peers/clocks.ts';
import { SystemResolver } from '../../../src/peers/discovery/resolver.ts';
import { VoterPlace } from '../../../src/peers/discovery/voter-place.ts';
import { PeerCounts } from '../../../src/peers/group/peer-counts.ts';
import { PeerTime } from '../../../src/peers/messages/peer-time.ts';
import { type LinkParts, PeerLink } from '../../../src/peers/transport/peer-link.ts';
import { PeerServer, type PeerServerOptions } from '../../../src/peers/transport/peer-server.ts';
import { clientCredentialsOf, type PeerTls } from '../../../src/peers/transport/peer-tls.ts';
import { PeerCallError, VoterChannel } from '../../../src/peers/transport/voter-channel.ts';

export const CLOCKS: Clocks = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  random: () => 0,
};

export const HEARTBEAT: Append = {
  kind: 'append',
  prev: { index: 1, term: 1 },
  entries: [],
  commit: 1,
  round: 1,
};

export function messageOf(from: string, body: MessageBody = HEARTBEAT): Message {
  return { version: 1, clusterId: 'test', from, to: 'own', incarnation: 1, term: 1, body };
}

/** What a port was told. */
export class Port {
  readonly messages: Message[] = [];
  readonly checkpoints: unknown[] = [];
  readonly refused: string[] = [];
  readonly counts = new PeerCounts();
  readonly hybrid = new HybridClock();
  readonly server: PeerServer;
  port = 0;

  constructor(options: Partial<PeerServerOptions> = {}) {
    this.server = new PeerServer({
      listen: { host: '127.0.0.1', port: 0 },
      tls: null,
      clusterId: 'test',
      own: 'own',
      voters: ['own', 'a', 'b'].map((id) => ({ id, host: 'localhost', port: 1 })),
      wall: CLOCKS.wall,
      counts: this.counts,
      time: new PeerTime(this.hybrid, CLOCKS.wall, this.counts),
      handlers: {
        onMessage: (message) => this.messages.push(message),
        onCheckpoint: (...checkpoint) => this.checkpoints.push(checkpoint),
        onRefused: (caller, reason) => this.refused.push(`${caller}: ${reason}`),
        lease: () => Promise.reject(new PeerCallError(8, 'full')),
        spend: () => Promise.reject(new Error('a defect')),
      },
      ...options,
    });
  }

  static async open(options: Partial<PeerServerOptions> = {}): Promise<Port> {
    const port = new Port(options);
    port.port = await port.server.listen();
    return port;
  }
}

export interface LinkOptions {
  readonly host?: string;
  readonly tls?: PeerTls | null;
  readonly nodeId?: string;
  readonly clusterId?: string;
  readonly parts?: Partial<LinkParts>;
}

/** A link that is looked after as a group does. */
export class Linked {
  readonly counts = new PeerCounts();
  readonly hybrid = new HybridClock();
  readonly lost: string[] = [];
  readonly answers: number[] = [];
  readonly channel: VoterChannel;
  readonly link: PeerLink;
  readonly #timer: NodeJS.Timeout;

  constructor(port: number, options: LinkOptions = {}) {
    const { host = '127.0.0.1', tls = null, nodeId = 'a', clusterId = 'test' } = options;
    const voter = { id: 'own', host, port };
    const place = new VoterPlace(voter, new SystemResolver(), CLOCKS.monotonic);
    this.channel = new VoterChannel(place, clientCredentialsOf(tls));
    this.link = new PeerLink('own', {
      channel: this.channel,
      caller: create(CallerSchema, { clusterId, nodeId, incarnation: 1n }),
      clocks: CLOCKS,
      counts: this.counts,
      time: new PeerTime(this.hybrid, CLOCKS.wall, this.counts),
      silenceMs: 300,
      checkpoint: () => null,
      onFound: () => undefined,
      onAnswer: (_sentAt, wallMs) => this.answers.push(wallMs),
      onLost: (code, details) => this.lost.push(`${code} ${details}`),
      ...options.parts,
    });
    this.#timer = setInterval(() => this.link.tick(), 20);
  }

  close(): void {
    clearInterval(this.#timer);
    this.link.close();
    this.channel.close();
  }
}
