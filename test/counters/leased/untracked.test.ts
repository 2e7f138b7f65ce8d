/** Counters that come when the ledger is full are counted in the store, and leased once there is room. */
import { beforeEach, describe, expect, test } from 'vitest';
import { RESOURCES_MAX } from '../../../src/core/quota/bounds.ts';
import { leasedQuota } from '../../../src/core/quota/leased-quota.ts';
import { SpendResult } from '../../../src/core/quota/spend-result.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import { Untracked } from '../../../src/counters/leased/untracked.ts';
import { ChargePolicy } from '../../../src/limiter/counter-store.ts';
import { charge, group, groupOf, type TestCharge } from '../../contract/charges.ts';
import { LeasedFleet, type LeasedReplica } from './leased-fleet.ts';

const STEP_MS = 50;
const LATE: TestCharge = {
  key: 'late',
  isLeased: true,
  unit: Unit.HOUR,
  limit: 1000,
  failureMode: 'open',
};

let fleet: LeasedFleet;
let b: LeasedReplica;
beforeEach(() => {
  fleet = new LeasedFleet('lead', 'b');
  fleet.word = async () => ({ result: SpendResult.SHORT, admitted: 0 });
  b = fleet.replica('b');
});

function fill(): void {
  for (let at = 0; at < RESOURCES_MAX; at += 1) setQuota(`k${at}`, true);
}

function setQuota(resource: string, isThere: boolean): void {
  const quota = isThere ? leasedQuota(5, Unit.HOUR) : null;
  fleet.apply([{ kind: 'set-quota', ts: fleet.moment.wall, resource, quota }]);
}

/** The leader forgets nothing meanwhile, and `b` asks it when it is due. */
function pass(ms: number, each?: () => void): void {
  for (const end = fleet.now + ms; fleet.now < end; ) {
    fleet.now += STEP_MS;
    each?.();
    if (fleet.now >= fleet.holder('b').nextRequestAt) fleet.refresh('b');
  }
}

/** Where it was counted, by what a charge of it reads. */
async function ask(its: TestCharge = LATE): Promise<'store' | 'failure mode' | 'lease'> {
  const before = b.store.counts.results.untracked;
  const [settled] = await b.ask(group(its));
  expect(settled?.failure).toBe(null);
  if (b.store.counts.results.untracked > before) return 'store';
  return settled?.charges[0]?.degraded === 'lease' ? 'failure mode' : 'lease';
}

async function late(its: TestCharge = LATE): Promise<void> {
  fill();
  expect(await ask(its)).toBe('failure mode');
  pass(3_000);
}

describe('a counter that comes when the ledger is full', () => {
  test.each([
    ['a count, after a refresh', Unit.HOUR, 2_450, 3_000],
    ['a rate, when even the lease of a dead replica would be over', Unit.SECOND, 19_900, 23_000],
  ])('is counted in the store: %s', async (_, unit, stillMs, countedMs) => {
    fill();
    const its = { ...LATE, unit };
    expect(await ask(its)).toBe('failure mode');
    pass(stillMs);
    expect(await ask(its)).toBe('failure mode');
    expect(b.store.untrackedResources).toBe(0);
    pass(countedMs - stillMs);
    expect(await ask(its)).toBe('store');
    expect(b.store.untrackedResources).toBe(1);
    const [settled] = await b.ask(group(its));
    expect(settled?.charges[0]).toMatchObject({ before: 1, after: 2, degraded: null });
  });

  test('is counted there in a group beside what is leased, and stops it', async () => {
    const held = { ...LATE, key: 'held', limit: 9 };
    await ask(held);
    pass(100);
    await late();
    await b.ask(group({ ...LATE, hits: 1000 }));
    const charges = [charge(held), charge(LATE)];
    const [settled] = await b.ask(groupOf(charges, { policy: ChargePolicy.ALL_OR_NOTHING }));
    expect(settled?.charges.map(({ after, limit }) => after > limit)).toEqual([false, true]);
    expect(settled?.failure).toBe(null);
    const [peeked] = await b.ask(group({ ...held, hits: 0 }));
    expect(peeked?.charges[0]?.after).toBe(0);
  });

  test('owes no share what failure mode local admitted', async () => {
    await late({ ...LATE, failureMode: 'local', hits: 3 });
    expect(b.store.debts).toMatchObject({ paidHits: 0, lostHits: 3 });
  });

  test('is leased as soon as the ledger has room while it is still asked for', async () => {
    await late();
    setQuota('k0', false);
    pass(2_600);
    expect(b.store.untrackedResources).toBe(0);
    fleet.word = null;
    expect(await ask()).toBe('lease');
  });

  test('is asked for no more when a minute is over, and again a minute later', async () => {
    await late();
    pass(60_000);
    expect(fleet.holder('b').find('late')).toBe(undefined);
    expect(await ask()).toBe('store');
    expect(fleet.holder('b').find('late')).toBe(undefined);
    setQuota('k0', false);
    pass(61_000);
    expect(await ask()).toBe('store');
    expect(fleet.holder('b').find('late')).toBeDefined();
    pass(2_600);
    fleet.word = null;
    expect(await ask()).toBe('lease');
    expect(b.store.untrackedResources).toBe(0);
  });

  test('is asked for again in vain, and counted in the store all the time', async () => {
    await late();
    for (let minute = 0; minute < 6; minute += 1) {
      pass(60_000);
      expect(await ask()).toBe('store');
    }
    expect(b.store.untrackedResources).toBe(1);
  });

  test('is asked for again a few at a time', async () => {
    fill();
    const keys = Array.from({ length: 9 }, (_, at) => `late${at}`);
    for (const key of keys) await ask({ ...LATE, key });
    pass(130_000);
    for (const key of keys) expect(await ask({ ...LATE, key })).toBe('store');
    expect(keys.filter((key) => fleet.holder('b').find(key) !== undefined)).toHaveLength(4);
  });
});

describe('a counter that the leader gave nothing of', () => {
  test('is not counted in the store while others hold all of it', async () => {
    const rate = leasedQuota(10, Unit.SECOND);
    fleet.track('r', rate, 'lead');
    fleet.pass(1_000, () => fleet.spendEach('lead', 'r', 5));
    const its = { ...LATE, key: 'r', unit: Unit.SECOND, limit: 10 };
    for (let at = 0; at < 100; at += 1) {
      expect(await ask(its)).not.toBe('store');
      fleet.pass(300, () => fleet.spendEach('lead', 'r', 5));
    }
  });

  test('is not counted in the store when all of it is used up', async () => {
    fleet.track('late', leasedQuota(1000, Unit.HOUR), 'lead');
    fleet.apply([
      { kind: 'set-quota', ts: fleet.moment.wall, resource: 'late', quota: leasedQuota(0, 7) },
    ]);
    setQuota('used', true);
    fleet.track('used', leasedQuota(5, Unit.HOUR), 'lead');
    fleet.pass(500, () => fleet.spendEach('lead', 'used', 5));
    for (let at = 0; at < 20; at += 1) {
      expect(await ask({ ...LATE, key: 'used', limit: 5 })).not.toBe('store');
      pass(500);
    }
  });

  test('waits anew after each time without a lease', async () => {
    fill();
    expect(await ask()).toBe('failure mode');
    pass(2_000);
    fleet.cutOff.add('b');
    pass(12_000);
    fleet.cutOff.delete('b');
    pass(600);
    expect(await ask()).toBe('failure mode');
    pass(1_000);
    expect(await ask()).toBe('failure mode');
    pass(2_600);
    expect(await ask()).toBe('store');
  });
});

describe('what is remembered', () => {
  const quota = leasedQuota(1000, Unit.HOUR);
  const counted: string[] = [];
  const untrackedOf = (find: (key: string) => object | undefined, leasedUntil = Infinity) =>
    new Untracked({
      shares: { leasedUntil, find: find as never, track: () => false },
      onCounted: (resource) => counted.push(resource),
    });
  const nothing = { share: { kind: 'count', window: -1 } };
  const answers = (untracked: Untracked, from: number): void => {
    for (const at of [0, 1_000, 3_000]) untracked.answered('taken', from + at);
  };

  test('is bounded: of counters that wait, and of those in the store', () => {
    let tracked: object | undefined = nothing;
    const untracked = untrackedOf(() => tracked);
    untracked.answered('taken', 0);
    for (let at = 0; at < 1_030; at += 1) untracked.note(`w${at}`, 0);
    answers(untracked, 1);
    expect(untracked.size).toBe(1_024);
    expect(untracked.isCounted('w5', quota, 10)).toBe(false);
    for (let round = 1; round <= 5; round += 1) {
      tracked = undefined;
      untracked.answered('taken', round * 4_000);
      tracked = nothing;
      for (let at = 0; at < 1_000; at += 1) untracked.note(`r${round}-${at}`, round * 4_000);
      answers(untracked, round * 4_000 + 1);
    }
    expect(untracked.size).toBe(RESOURCES_MAX);
    expect(untracked.isCounted('w6', quota, 0)).toBe(false);
    expect(untracked.isCounted('r5-999', quota, 0)).toBe(true);
  });

  test('stays while a replica has no room to track it again', () => {
    let tracked: object | undefined = nothing;
    const untracked = untrackedOf(() => tracked);
    untracked.answered('taken', 0);
    untracked.note('a', 0);
    answers(untracked, 1);
    tracked = undefined;
    untracked.answered('taken', 4_000);
    expect(untracked.isCounted('a', quota, 64_000)).toBe(true);
    expect(untracked.isCounted('a', quota, 64_001)).toBe(true);
    expect(untracked.size).toBe(1);
  });

  test('is nothing of refusals, of a session that is lost, nor without a lease', () => {
    const untracked = untrackedOf(() => nothing, 10_000);
    untracked.answered('taken', 0);
    untracked.note('a', 0);
    for (const at of [1_000, 2_000, 3_000]) untracked.answered('refused', at);
    expect(untracked.size).toBe(0);
    untracked.answered('session-lost', 4_000);
    for (const at of [4_001, 5_900]) untracked.answered('taken', at);
    expect(untracked.size).toBe(0);
    for (const at of [10_000, 11_000, 13_000]) untracked.answered('taken', at);
    expect(untracked.size).toBe(0);
  });
});
