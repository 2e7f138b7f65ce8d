/** What an answer says of one resource to one session. */
import type { WallMs } from '../time.ts';
import { isDecidedAtLeader } from './chunk.ts';
import type { SessionId } from './command.ts';
import type { CountBook } from './count-book.ts';
import type { Book } from './ledger.ts';
import type { Beyond, CountGrant, Grant, RateGrant } from './message.ts';
import { unitMsOf, windowOf } from './quota.ts';
import type { RateBook } from './rate-book.ts';
import { isRateDecidedAtLeader } from './rate-plan.ts';
import { outstandingOf } from './share.ts';

export interface GrantContext {
  readonly resource: string;
  readonly session: SessionId;
  /** The later of the ledger's time and the leader's. */
  readonly at: WallMs;
  /** Sessions that claim the resource; for a count quota, those that want some now. */
  readonly claimants: number;
  /** The leader's own session. */
  readonly own: SessionId | null;
  /** Of a rate: less is wanted than there is. */
  readonly hasSpare: boolean;
  /** Of a rate: this share begins with a full bucket. */
  readonly isFresh: boolean;
}

export function grantOf(book: Book, context: GrantContext): Grant {
  return book.kind === 'count' ? countGrantOf(book, context) : rateGrantOf(book, context);
}

function countGrantOf(book: CountBook, context: GrantContext): CountGrant {
  const { resource, session, at } = context;
  const window = windowOf(book.quota, at);
  const share = book.shares.get(session);
  const present = share?.window === window ? share : null;
  return {
    kind: 'count',
    resource,
    window,
    endsInMs: window + unitMsOf(book.quota) - at,
    granted: present?.granted ?? 0,
    used: present?.used ?? 0,
    returned: present?.returned ?? 0,
    isRevoked: book.isOvertaken(at),
    free: book.remainingAt(at),
    beyond: beyondCount(book, window, context),
  };
}

function beyondCount(book: CountBook, window: WallMs, context: GrantContext): Beyond {
  const { session, own, at, claimants } = context;
  const remaining = book.remainingAt(at);
  const ownShare = own === null || own === session ? undefined : book.shares.get(own);
  const isLeaderOut = ownShare?.window !== window || outstandingOf(ownShare) === 0;
  if (remaining === 0) return isLeaderOut ? 'over' : 'leader';
  return own !== session && isDecidedAtLeader(remaining, claimants) ? 'leader' : 'ask';
}

function rateGrantOf(book: RateBook, context: GrantContext): RateGrant {
  const { resource, session, claimants, own, hasSpare, isFresh } = context;
  const { rate, burst } = book.shares.get(session)?.target ?? { rate: 0, burst: 0 };
  const isAtLeader = own !== session && (hasSpare || isRateDecidedAtLeader(book, claimants));
  const tokens = isFresh ? burst : 0;
  return { kind: 'rate', resource, rate, burst, tokens, beyond: isAtLeader ? 'leader' : 'ask' };
}
