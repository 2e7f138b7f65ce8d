/** What a leader tells of the sessions that it ends; what it grants is tried with whole groups. */
import { expect, it, onTestFinished } from 'vitest';
import { Ledger } from '../../../src/core/quota/ledger.ts';
import { QUOTA_DEFAULTS } from '../../../src/core/quota/options.ts';
import { Granting } from '../../../src/peers/group/granting.ts';
import type { GroupEvent } from '../../../src/peers/group/group-event.ts';
import { PeerCounts } from '../../../src/peers/group/peer-counts.ts';
import type { Voter } from '../../../src/peers/group/voter.ts';
import { until } from '../../support/child.ts';

const now = (): number => 1_000_000 + 10 * performance.now();

/** A leader of term 4 whose log takes its time: proposals are settled by hand. */
function leading() {
  const ledger = new Ledger();
  ledger.apply({ kind: 'open-session', ts: 1, instance: 'lessee', incarnation: 1 }, 4);
  const proposals: ((isApplied: boolean) => void)[] = [];
  const voter = {
    ledger,
    failure: null,
    status: { term: 4, leading: { isReady: true, electedAt: 0, followers: [], confirmedAt: null } },
    propose: () => new Promise<boolean>((resolve) => proposals.push(resolve)),
  };
  const events: GroupEvent[] = [];
  const granting = new Granting({
    options: QUOTA_DEFAULTS,
    voter: voter as unknown as Voter,
    own: 'leader',
    // Long after every lease that an earlier leader may have given; and ten times as quick.
    clocks: { monotonic: now, wall: now, random: () => 0 },
    counts: new PeerCounts(),
    isFenced: () => false,
    onEvent: (event) => events.push(event),
  });
  onTestFinished(() => granting.close());
  granting.update();
  const proposed = (count: number): Promise<unknown> =>
    until(
      () => proposals.length,
      (length) => length >= count,
      15_000,
    );
  return { proposals, proposed, events };
}

it('a session that is ended is told once, however often its end was proposed meanwhile', async () => {
  const { proposals, proposed, events } = leading();
  await proposed(3);
  expect(events).toEqual([]);
  for (const settle of proposals.splice(0)) settle(true);
  await until(
    () => events.length,
    (count) => count > 0,
  );
  expect(events).toEqual([{ kind: 'session-expired', instance: 'lessee', session: 1, term: 4 }]);
});

it('an end that another leader wrote over is not told, and is proposed again', async () => {
  const { proposals, proposed, events } = leading();
  await proposed(1);
  proposals.splice(0)[0]?.(false);
  await proposed(1);
  expect(events).toEqual([]);
  proposals.splice(0)[0]?.(true);
  await until(
    () => events.length,
    (count) => count === 1,
  );
});
