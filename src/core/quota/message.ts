/**
 * What a holder and the leader say to each other. A holder asks, the leader answers; nothing else travels.
 * Each request says all that the holder wants, each answer all that its session has, so any of them may
 * be lost, late, repeated or overtaken.
 */
import type { DurationMs, WallMs } from '../time.ts';
import type { ReportItem, SessionId } from './command.ts';
import type { Quota } from './quota.ts';

/** Which state of the ledger an answer tells of: a later one has the higher term, then generation. */
export interface LedgerVersion {
  readonly term: number;
  readonly generation: number;
}

export interface LeaseRequest {
  /**
   * Names the request among those of its process; grows. The carrier must see to it that an answer reaches
   * the process that asked and no later one, as the answer of a call does by itself.
   */
  readonly id: number;
  readonly instance: string;
  readonly incarnation: number;
  /** 0: open one. */
  readonly session: SessionId;
  /** Of the last answer that was taken. What it lowered is lowered: this is the acknowledgement. */
  readonly seen: LedgerVersion;
  /** How well the replica is, 0..1: its weight when a rate is shared out. */
  readonly health: number;
  /** Sent until it is counted. */
  readonly report: HolderReport | null;
  readonly wants: readonly Want[];
  /** The last request: it spends no more, and has reported all. */
  readonly isLeaving: boolean;
}

export interface HolderReport {
  readonly sequence: number;
  readonly items: readonly ReportItem[];
}

export interface Want {
  readonly resource: string;
  /** As the holder's rules say it. The ledger takes it for a resource that it does not know. */
  readonly quota: Quota;
  /** Hits asked for, admitted or not. */
  readonly perSecond: number;
  /** Of a count share: what it has left. */
  readonly left: number;
  /** Hits that somebody waits for, all at once, and that are more than `left`; 0 when nobody does. */
  readonly need: number;
}

export interface LeaseAnswer {
  readonly kind: 'granted';
  readonly id: number;
  readonly session: SessionId;
  readonly version: LedgerVersion;
  /** From the sending of the request. 0 when the leader may not extend anything now. */
  readonly grantedMs: DurationMs;
  /** The last report that is counted. */
  readonly sequence: number;
  /** Of every resource that the session has a share of, or wants. */
  readonly grants: readonly Grant[];
}

export interface LeaseRefusal {
  readonly kind: 'refused';
  readonly id: number;
  readonly version: LedgerVersion;
  readonly reason: /** The session is over; nothing that it had is left. */
    | 'no-session'
    /** It is being ended; ask again. */
    | 'ending'
    /** None could be opened: there are too many, or a later incarnation has one. */
    | 'not-opened';
}

/**
 * What to do when the share does not suffice: `ask` for more; let the `leader` decide, who has the rest
 * or, of a rate that is not all wanted, can spare some; or it is `over`, nothing is left of this window.
 */
export type Beyond = 'ask' | 'leader' | 'over';

export type Grant = CountGrant | RateGrant;

/** Sums of one window, as the ledger has them; a holder that remembers more knows better what is spent. */
export interface CountGrant {
  readonly kind: 'count';
  readonly resource: string;
  readonly window: WallMs;
  /** From the sending of the request until the window ends. */
  readonly endsInMs: DurationMs;
  readonly granted: number;
  readonly used: number;
  readonly returned: number;
  /** The limit was lowered: give back what is left. */
  readonly isRevoked: boolean;
  /** Hits of the window that nobody holds. */
  readonly free: number;
  readonly beyond: Beyond;
}

export interface RateGrant {
  readonly kind: 'rate';
  readonly resource: string;
  readonly rate: number;
  readonly burst: number;
  /** So many may be spent at once: above 0 in one answer at most, of a rate that was at rest. */
  readonly tokens: number;
  readonly beyond: Beyond;
}

export function isLowerVersion(a: LedgerVersion, b: LedgerVersion): boolean {
  return a.term < b.term || (a.term === b.term && a.generation < b.generation);
}
