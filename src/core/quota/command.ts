/**
 * What the ledger can be told, by entries of the replicated log and by nothing else. Each command brings
 * the proposer's wall time; the ledger's own time is the latest that it has seen (so it never goes back,
 * whoever leads), and it knows no other clock.
 *
 * `generation` in a command is the share's as the proposer saw it, 0 when there was none: a command that
 * was overtaken by another is refused instead of being done twice.
 */
import type { WallMs } from '../time.ts';
import type { Quota } from './quota.ts';

/** Given out by the ledger, never twice: the generation at which the session was opened. Above 0. */
export type SessionId = number;

interface At {
  /** Proposer's wall clock, whole milliseconds. */
  readonly ts: WallMs;
}

interface OnShare extends At {
  readonly resource: string;
  readonly session: SessionId;
  readonly generation: number;
}

/** Only time passes: the begin of a leader's term, or of a window. */
export interface Noop extends At {
  readonly kind: 'noop';
}

/** One process's life as a holder. `incarnation` grows with each start of it. */
export interface OpenSession extends At {
  readonly kind: 'open-session';
  readonly instance: string;
  readonly incarnation: number;
}

/** The holder has stopped spending, and has reported. */
export interface CloseSession extends At {
  readonly kind: 'close-session';
  readonly session: SessionId;
}

/** The holder's deadline has passed on every clock. */
export interface ExpireSession extends At {
  readonly kind: 'expire-session';
  readonly session: SessionId;
}

/**
 * More for one session: of a count quota `amount` further hits of the present window, of a rate quota a rate of
 * `amount` and `burst` in place of less. What is not there is not given.
 */
export interface Allocate extends OnShare {
  readonly kind: 'allocate';
  readonly amount: number;
  /** 0 for count quotas. */
  readonly burst: number;
}

/** A smaller rate share. The old one counts as given out until an `ack`. */
export interface Revoke extends OnShare {
  readonly kind: 'revoke';
  readonly amount: number;
  readonly burst: number;
}

/** The revocation of this generation has taken effect: its holder said so, or its lease of before is over. */
export interface Ack extends OnShare {
  readonly kind: 'ack';
}

/** What a holder spent and gives back since its report before. Counted once for each sequence number. */
export interface Report extends At {
  readonly kind: 'report';
  readonly session: SessionId;
  /** 1 for a session's first, then without gaps. */
  readonly sequence: number;
  /** At most REPORT_ITEMS_MAX. */
  readonly items: readonly ReportItem[];
}

export interface ReportItem {
  readonly resource: string;
  /** Of the share that this is about. */
  readonly window: WallMs;
  readonly used: number;
  readonly returned: number;
}

/** A quota, new or changed; null forgets one that nobody holds. */
export interface SetQuota extends At {
  readonly kind: 'set-quota';
  readonly resource: string;
  readonly quota: Quota | null;
}

export type Command =
  | Noop
  | OpenSession
  | CloseSession
  | ExpireSession
  | Allocate
  | Revoke
  | Ack
  | Report
  | SetQuota;

/** What came of a command, the same at every voter. */
export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'opened'; readonly session: SessionId }
  /** `amount` is what a count share got, or the rate that a rate share has or will have. */
  | { readonly kind: 'shared'; readonly generation: number; readonly amount: number }
  /** `excess`: hits that were reported beyond what was granted; above 0 a holder is broken. */
  | { readonly kind: 'reported'; readonly excess: number }
  | { readonly kind: 'refused'; readonly reason: RefusalReason };

export type RefusalReason =
  | 'no-session'
  | 'no-resource'
  /** Of the instance, a later incarnation has a session. */
  | 'old-incarnation'
  | 'sessions-full'
  | 'resources-full'
  | 'shares-full'
  /** Overtaken: the share has changed since. */
  | 'stale-generation'
  | 'nothing-left'
  /** A decrease is under way. */
  | 'revoking'
  /** It has that little already. */
  | 'not-lower'
  /** There is no decrease under way. */
  | 'not-revoked'
  /** Not for this kind of quota, or another unit. */
  | 'other-kind'
  /** Shares are out, or the present window is begun. */
  | 'in-use'
  /** This report is counted already. */
  | 'duplicate'
  /** A report before this one is missing. */
  | 'gap'
  | 'bad-name'
  | 'bad-quota';

export const DONE: Outcome = { kind: 'done' };

export function refused(reason: RefusalReason): Outcome {
  return { kind: 'refused', reason };
}
