/** One node of a cluster, spoken to as its peers would. */
import type { Effect } from '../../../../src/core/raft/effect.ts';
import type { Entry, NodeId, Term } from '../../../../src/core/raft/log-entry.ts';
import type { Append, Message, MessageBody } from '../../../../src/core/raft/message.ts';
import type { RaftNode, RestoredState } from '../../../../src/core/raft/raft-node.ts';
import { type ClusterOptions, ELECTION_MS, TestCluster } from './test-cluster.ts';

type Kind = MessageBody['kind'];
type BodyOf<K extends Kind> = Extract<MessageBody, { kind: K }>;
type EffectOf<K extends Effect['kind']> = Extract<Effect, { kind: K }>;

/** An entry whose command is its index, or a no-op. */
export function entry(index: number, term: Term, command: string | null = String(index)): Entry {
  return { index, term, payload: command === null ? null : new TextEncoder().encode(command) };
}

/** Entries from index 1 on, of these terms. */
export function entries(...terms: readonly Term[]): Entry[] {
  return terms.map((term, i) => entry(i + 1, term));
}

export interface RigOptions extends ClusterOptions {
  readonly voters?: number;
  readonly disk?: Partial<RestoredState>;
}

/** Node 1, with peers 2, 3… that exist only in what they say. */
export class Rig {
  readonly cluster: TestCluster;
  #last: readonly Effect[] = [];

  constructor({ voters = 3, disk, ...options }: RigOptions = {}) {
    this.cluster = new TestCluster(voters, options);
    if (disk === undefined) return;
    Object.assign(this.cluster.seat('1').disk, disk);
    this.cluster.crash('1');
    this.cluster.restart('1');
  }

  get node(): RaftNode {
    return this.cluster.node('1');
  }

  /** A peer's message; gives what node 1 answers to it with a fast disk. */
  hear(from: NodeId, term: Term, body: MessageBody): Message[] {
    return this.take(() => this.cluster.deliver(this.cluster.forge(from, '1', term, body)));
  }

  append(from: NodeId, term: Term, append: Partial<Append> = {}): Message[] {
    const defaults = { prev: { index: 0, term: 0 }, entries: [], commit: 0, round: 1 };
    return this.hear(from, term, { kind: 'append', ...defaults, ...append });
  }

  match(from: NodeId, match: number, round = 0): Message[] {
    return this.hear(from, this.node.term, {
      kind: 'append-reply',
      isMatch: true,
      match,
      isFull: false,
      round,
    });
  }

  vote(from: NodeId, term: Term, last = { index: 0, term: 0 }, isTransfer = false): boolean | null {
    const [answer] = this.hear(from, term, { kind: 'vote', last, isTransfer });
    return answer?.body.kind === 'vote-reply' ? answer.body.isGranted : null;
  }

  preVote(from: NodeId, campaignTerm: Term, last = { index: 0, term: 0 }): boolean | null {
    const [answer] = this.hear(from, campaignTerm - 1, { kind: 'pre-vote', campaignTerm, last });
    return answer?.body.kind === 'pre-vote-reply' ? answer.body.isGranted : null;
  }

  /** Time passes, with a tick at its end. */
  wait(ms: number): Message[] {
    this.cluster.now += ms;
    return this.take(() => this.cluster.tick('1'));
  }

  /** Elects node 1, by as many votes as it takes. */
  lead(): Message[] {
    this.wait(this.node.electionDeadline - this.cluster.now);
    const voters = this.node.peers.slice(0, this.node.quorum - 1);
    const campaignTerm = this.node.term + 1;
    for (const peer of voters) {
      this.hear(peer, this.node.term, { kind: 'pre-vote-reply', campaignTerm, isGranted: true });
    }
    return voters.flatMap((peer) =>
      this.hear(peer, campaignTerm, { kind: 'vote-reply', isGranted: true }),
    );
  }

  /** Does something; gives what was sent by it. */
  take(action: () => void): Message[] {
    this.cluster.network = [];
    this.cluster.effects = [];
    action();
    this.#last = this.cluster.effects.map(({ effect }) => effect);
    return this.cluster.network;
  }

  /** Of the last action. */
  effects<K extends Effect['kind']>(kind: K): EffectOf<K>[] {
    return this.#last.filter((effect): effect is EffectOf<K> => effect.kind === kind);
  }
}

/** Bodies of one kind, to one receiver if named. */
export function bodies<K extends Kind>(
  messages: readonly Message[],
  kind: K,
  to?: NodeId,
): BodyOf<K>[] {
  return messages
    .filter((message) => to === undefined || message.to === to)
    .map(({ body }) => body)
    .filter((body): body is BodyOf<K> => body.kind === kind);
}

export const T = ELECTION_MS;
