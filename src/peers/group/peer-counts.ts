/** What is counted between replicas, for metrics. Labels are of closed sets. */
import type { MessageBody } from '../../core/raft/message.ts';

export type MessageKind = MessageBody['kind'] | 'unknown';

export type MessageEvent =
  | 'sent'
  | 'received'
  /** No connection, or a queue that is full. */
  | 'not_sent'
  /** Received, and not taken: see the log. */
  | 'dropped';

export type LeaseOutcome = 'granted' | 'refused' | 'no_leader' | 'failed';

export type ProposalOutcome =
  | 'applied'
  /** Another leader wrote over it. */
  | 'lost'
  /** By Raft's bounds, or by who leads no more. */
  | 'refused'
  /** Not known when its time was up. */
  | 'late';

export class PeerCounts {
  readonly #messages = new Map<string, number>();
  readonly leases: Record<LeaseOutcome, number> = {
    granted: 0,
    refused: 0,
    no_leader: 0,
    failed: 0,
  };
  readonly proposals: Record<ProposalOutcome, number> = {
    applied: 0,
    lost: 0,
    refused: 0,
    late: 0,
  };
  /** Voters whose ledger was found to be another than ours at the same index. */
  divergences = 0;
  snapshots = 0;
  /** Hybrid times of peers that were too far ahead, or none. */
  timesRefused = 0;
  /** Hits that holders reported beyond what they were granted. */
  excessHits = 0;

  message(kind: MessageKind, event: MessageEvent): void {
    const key = `${kind} ${event}`;
    this.#messages.set(key, (this.#messages.get(key) ?? 0) + 1);
  }

  messageCount(kind: MessageKind, event: MessageEvent): number {
    return this.#messages.get(`${kind} ${event}`) ?? 0;
  }

  /** Those that are not 0. */
  *messages(): Iterable<{ readonly kind: string; readonly event: string; readonly count: number }> {
    for (const [key, count] of this.#messages) {
      const [kind = '', event = ''] = key.split(' ');
      yield { kind, event, count };
    }
  }
}
