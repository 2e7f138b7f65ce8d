/** What a group tells of itself, for the log. */
import type { status } from '@grpc/grpc-js';
import type { NodeId } from '../../core/raft/log-entry.ts';
import type { DurationMs } from '../../core/time.ts';
import type { VoterEvent } from './voter.ts';

export type GroupEvent =
  | VoterEvent
  | { readonly kind: 'peer-found'; readonly id: NodeId }
  | {
      readonly kind: 'peer-lost';
      readonly id: NodeId;
      readonly code: status;
      readonly details: string;
    }
  /** Somebody was refused, or said what makes no sense. */
  | { readonly kind: 'caller-refused'; readonly caller: string; readonly reason: string }
  /** What recovery found on the disk. */
  | { readonly kind: 'storage-note'; readonly note: string }
  | { readonly kind: 'storage-opened'; readonly isNew: boolean; readonly incarnation: number }
  /** As the leader of `term` this replica ended a session that was renewed no more. */
  | {
      readonly kind: 'session-expired';
      readonly instance: string;
      readonly session: number;
      readonly term: number;
    }
  /** The ledgers of two voters differ at one index: one of them is wrong. */
  | { readonly kind: 'diverged'; readonly id: NodeId; readonly index: number }
  /** A wall clock by the others': a voter's, or with id null this replica's own. */
  | {
      readonly kind: 'clock';
      readonly id: NodeId | null;
      readonly state: ClockState;
      readonly skewMs: DurationMs;
    };

/** An own clock that is `passive` does not campaign, one that is `fenced` neither grants nor spends. */
export type ClockState = 'good' | 'off' | 'passive' | 'fenced';
