/**
 * What the leader answers to who asks it to decide: hits of its own share, and of what its share will be
 * when the ledger has given it what is needed. All that is left of a limit is thus to be had, however large
 * the pieces are that it is asked for in.
 */
import type { HeldResource } from '../../core/quota/holder.ts';
import { SpendResult } from '../../core/quota/spend-result.ts';
import type { DurationMs } from '../../core/time.ts';
import { type Clocks, momentOf } from '../clocks.ts';
import type { Decided, Decision, Lessee } from './lessee.ts';

const OVER: Decided = { kind: 'decided', result: SpendResult.OVER, admitted: 0 };
const UNDECIDED: Decided = { kind: 'decided', result: SpendResult.SHORT, admitted: 0 };

/** Resolves within that time, give or take a turn of the loop. `lessee` is this leader's own. */
export async function spendSoon(
  lessee: Lessee,
  clocks: Clocks,
  asked: Decision,
  withinMs: DurationMs,
): Promise<Decided> {
  const { resource, quota, least } = asked;
  const giveUpAt = clocks.monotonic() + withinMs;
  for (let isHeard = false; ; isHeard = true) {
    const { at, wall } = momentOf(clocks);
    if (!lessee.track(resource, quota, at)) return UNDECIDED;
    const held = lessee.find(resource) as HeldResource;
    const result = isHeard
      ? lessee.retryOn(held, least, at, wall)
      : lessee.spendOn(held, least, at, wall);
    if (result === SpendResult.ADMITTED) {
      return { kind: 'decided', result, admitted: least + spendMore(lessee, clocks, asked) };
    }
    if (result === SpendResult.OVER) return OVER;
    // The leader's own answer says what nobody holds: if that does not suffice, nothing will.
    if (isHeard && result === SpendResult.SHORT && isTooMuch(lessee, asked)) return OVER;
    if (!(await lessee.answered(giveUpAt - at))) return UNDECIDED;
  }
}

/** Beyond `least`, as far as it is there. */
function spendMore(lessee: Lessee, clocks: Clocks, { resource, hits, least }: Decision): number {
  const share = lessee.find(resource)?.share;
  const more = Math.min(hits - least, share?.left ?? 0);
  if (more <= 0) return 0;
  const { at, wall } = momentOf(clocks);
  return lessee.spend(resource, more, at, wall) === SpendResult.ADMITTED ? more : 0;
}

function isTooMuch(lessee: Lessee, { resource, least }: Decision): boolean {
  const share = lessee.find(resource)?.share;
  return share?.kind === 'count' && least > share.left + share.free;
}
