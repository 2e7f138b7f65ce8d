/** Groups with charges of leased limits, beside charges of others, and groups with an id. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { leasedQuota } from '../../../src/core/quota/leased-quota.ts';
import { SpendResult } from '../../../src/core/quota/spend-result.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import type { MemoryCounterStore } from '../../../src/counters/memory/memory-counter-store.ts';
import {
  type Charge,
  type ChargeGroup,
  ChargePolicy,
  type CounterStore,
} from '../../../src/limiter/counter-store.ts';
import { charge, groupOf, type TestCharge } from '../../contract/charges.ts';
import { LeasedFleet, type LeasedReplica } from './leased-fleet.ts';

const { ALL, STOP_WHEN_OVER, ALL_OR_NOTHING } = ChargePolicy;
const unit = Unit.HOUR;

const leased = (key: string, limit: number, its: Partial<TestCharge> = {}): Charge =>
  charge({ key, limit, unit, isLeased: true, ...its });
const plain = (key: string, limit: number, its: Partial<TestCharge> = {}): Charge =>
  charge({ key, limit, unit, ...its });
const isOver = ({ isRefund, after, limit }: Charge): boolean => !isRefund && after > limit;

/** A lone replica whose share is all of each limit. */
function sated(limits: Readonly<Record<string, number>>): {
  fleet: LeasedFleet;
  replica: LeasedReplica;
} {
  const fleet = new LeasedFleet('lead');
  for (const [key, limit] of Object.entries(limits)) {
    fleet.track(key, leasedQuota(limit, unit), 'lead');
    fleet.spend('lead', key, limit);
  }
  fleet.refresh('lead');
  return { fleet, replica: fleet.replica('lead') };
}

async function decide(replica: LeasedReplica, its: ChargeGroup): Promise<ChargeGroup> {
  return (await replica.ask(its))[0] as ChargeGroup;
}

async function peek(replica: LeasedReplica, its: Charge): Promise<number> {
  const { charges } = await decide(replica, groupOf([{ ...its, hits: 0, isRefund: false }]));
  return charges[0]?.after ?? Number.NaN;
}

describe('a group of which a leased charge is over', () => {
  test.each([
    ['is charged for all others by ALL', ALL, 1, 1],
    ['is charged for no other by STOP_WHEN_OVER', STOP_WHEN_OVER, 0, 0],
    ['is charged for no other by ALL_OR_NOTHING', ALL_OR_NOTHING, 0, 0],
  ])('%s', async (_, policy, countOfPlain, countOfLeased) => {
    const { replica } = sated({ a: 5, b: 5 });
    await decide(replica, groupOf([leased('a', 5, { hits: 5 })]));
    const charges = [plain('x', 5), leased('a', 5), leased('b', 5)];
    const its = await decide(replica, groupOf(charges, { policy }));
    expect(its.failure).toBe(null);
    expect(its.charges.map(isOver)).toEqual([false, true, false]);
    expect(await peek(replica, plain('x', 5))).toBe(countOfPlain);
    expect(await peek(replica, leased('b', 5))).toBe(countOfLeased);
    expect(its.charges.map(({ before, after }) => after - before)).toEqual([
      countOfPlain,
      1,
      countOfLeased,
    ]);
  });

  test('that turns nobody away is charged all the same by ALL_OR_NOTHING', async () => {
    const { replica } = sated({ a: 5 });
    await decide(replica, groupOf([leased('a', 5, { hits: 5 })]));
    const charges = [plain('x', 5), leased('a', 5, { isBinding: false })];
    const its = await decide(replica, groupOf(charges, { policy: ALL_OR_NOTHING }));
    expect(its.charges.map(isOver)).toEqual([false, true]);
    expect(await peek(replica, plain('x', 5))).toBe(1);
  });
});

describe('a group of which another charge is over', () => {
  test.each([
    ['spends its share by ALL', ALL, 3],
    ['gives back to its share by STOP_WHEN_OVER', STOP_WHEN_OVER, 0],
    ['gives back to its share by ALL_OR_NOTHING', ALL_OR_NOTHING, 0],
  ])('%s', async (_, policy, countOfLeased) => {
    const { replica } = sated({ a: 5 });
    const charges = [leased('a', 5, { hits: 3 }), plain('x', 0)];
    const its = await decide(replica, groupOf(charges, { policy }));
    expect(its.charges.map(isOver)).toEqual([false, true]);
    expect(await peek(replica, leased('a', 5))).toBe(countOfLeased);
    expect(its.charges[0]?.after).toBe(countOfLeased);
  });

  test('gives nothing back into a window that began meanwhile', async () => {
    const {
      fleet,
      replica: { memory },
    } = sated({ a: 5 });
    const inner = new DeferredStore(memory);
    const replica = fleet.replica('lead', { inner });
    const charges = [leased('a', 5, { hits: 3 }), plain('x', 0)];
    const asked = decide(replica, groupOf(charges, { policy: ALL_OR_NOTHING }));
    const { wall } = fleet.moment;
    fleet.pass(3_600_000 - (wall % 3_600_000) + 100);
    await decide(replica, groupOf([leased('a', 5, { hits: 2 })]));
    fleet.refresh('lead');
    inner.release();
    await asked;
    expect(await peek(replica, leased('a', 5))).toBe(2);
  });
});

test('a refund is made whatever becomes of the others', async () => {
  const { replica } = sated({ a: 5, b: 5 });
  await decide(replica, groupOf([leased('a', 5, { hits: 5 }), leased('b', 5, { hits: 4 })]));
  const charges = [leased('a', 5), leased('b', 5, { hits: 3, isRefund: true })];
  const its = await decide(replica, groupOf(charges, { policy: ALL_OR_NOTHING }));
  expect(its.charges.map(isOver)).toEqual([true, false]);
  expect(await peek(replica, leased('b', 5))).toBe(1);
});

describe('a group that nobody can say all of', () => {
  const half = () => {
    const { fleet } = sated({ a: 5 });
    fleet.word = async () => null;
    return { fleet, replica: fleet.replica('lead') };
  };

  test('is answered by failure modes for that alone, by ALL', async () => {
    const { replica } = half();
    const charges = [leased('a', 5), leased('z', 5, { failureMode: 'closed' }), plain('x', 5)];
    const its = await decide(replica, groupOf(charges));
    expect(its.failure).toBe(null);
    expect(its.charges.map(({ degraded }) => degraded)).toEqual([null, 'lease', null]);
    expect(its.charges.map(isOver)).toEqual([false, true, false]);
  });

  test('is charged nothing when that turns it away, by ALL_OR_NOTHING', async () => {
    const { replica } = half();
    const charges = [leased('a', 5), leased('z', 5, { failureMode: 'closed' }), plain('x', 5)];
    const its = await decide(replica, groupOf(charges, { policy: ALL_OR_NOTHING }));
    expect(its.charges.map(isOver)).toEqual([false, true, false]);
    expect(await peek(replica, leased('a', 5))).toBe(0);
    expect(await peek(replica, plain('x', 5))).toBe(0);
  });

  test.each([
    ['fails for its own charge by ALL', ALL, 1],
    ['fails whole by ALL_OR_NOTHING', ALL_OR_NOTHING, 0],
  ])('%s, where the failure mode is error', async (_, policy, count) => {
    const { replica } = half();
    const charges = [leased('a', 5), leased('z', 5, { failureMode: 'error' })];
    const its = await decide(replica, groupOf(charges, { policy }));
    expect(its.failure?.code).toBe('lease');
    const failed = its.failure?.parts?.flatMap((part) => part.charges) ?? its.charges;
    expect(failed.length).toBe(policy === ALL ? 1 : 2);
    expect(await peek(replica, leased('a', 5))).toBe(count);
  });

  test('is refused, and asks nobody, when another is over', async () => {
    const { fleet, replica } = half();
    await decide(replica, groupOf([leased('a', 5, { hits: 5 })]));
    const charges = [leased('z', 5, { failureMode: 'error' }), leased('a', 5)];
    const its = await decide(replica, groupOf(charges, { policy: ALL_OR_NOTHING }));
    expect(its.failure).toBe(null);
    expect(its.charges.map(isOver)).toEqual([false, true]);
    expect(fleet.questions).toHaveLength(0);
  });
});

describe('a request with an id', () => {
  const once = (hits = 1) => groupOf([leased('a', 5, { hits })], { requestId: 'r' });

  test('is charged once, and a retry reads what it read', async () => {
    const { replica } = sated({ a: 5 });
    const [first, second] = [await decide(replica, once(3)), await decide(replica, once(3))];
    expect(second.charges[0]).toMatchObject({ before: 0, after: 3 });
    expect(second.charges[0]?.resetMs).toBe(first.charges[0]?.resetMs);
    expect(await peek(replica, leased('a', 5))).toBe(3);
  });

  test('that was refused is refused again, though there is room now', async () => {
    const { replica } = sated({ a: 5 });
    await decide(replica, groupOf([leased('a', 5, { hits: 5 })]));
    expect((await decide(replica, once())).charges.map(isOver)).toEqual([true]);
    await decide(replica, groupOf([leased('a', 5, { hits: 5, isRefund: true })]));
    expect((await decide(replica, once())).charges.map(isOver)).toEqual([true]);
  });

  test('is charged once in both places', async () => {
    const { replica } = sated({ a: 5 });
    const both = () => groupOf([leased('a', 5), plain('x', 5)], { requestId: 'r' });
    await decide(replica, both());
    await decide(replica, both());
    expect(await peek(replica, leased('a', 5))).toBe(1);
    expect(await peek(replica, plain('x', 5))).toBe(1);
  });

  test('that another charge refused is refused again, and holds nothing', async () => {
    const { replica } = sated({ a: 5 });
    await decide(replica, groupOf([plain('x', 5, { hits: 5 })]));
    const both = () =>
      groupOf([leased('a', 5), plain('x', 5)], { requestId: 'r', policy: ALL_OR_NOTHING });
    expect((await decide(replica, both())).charges.map(isOver)).toEqual([false, true]);
    await decide(replica, groupOf([plain('x', 5, { hits: 5, isRefund: true })]));
    expect((await decide(replica, both())).charges.map(isOver)).toEqual([false, true]);
    expect(await peek(replica, leased('a', 5))).toBe(0);
  });

  test('that comes again while the first waits is answered locally, and owes nothing', async () => {
    const fleet = new LeasedFleet('lead', 'b');
    const { promise, resolve } = Promise.withResolvers<void>();
    fleet.word = async () => {
      await promise;
      return { result: SpendResult.ADMITTED, admitted: 1 };
    };
    const b = fleet.replica('b');
    const local = (): ChargeGroup =>
      groupOf([leased('a', 5, { failureMode: 'local' })], { requestId: 'r' });
    const first = decide(b, local());
    const second = await decide(b, local());
    expect(second.charges.map(({ degraded }) => degraded)).toEqual(['lease']);
    resolve();
    expect((await first).charges.map(({ degraded }) => degraded)).toEqual([null]);
    fleet.now += 60 * 60_000;
    fleet.refresh('b');
    expect([b.store.debts.paidHits, b.store.debts.lostHits]).toEqual([0, 0]);
  });

  test('that comes again while the first waits is not charged, nor is it kept waiting', async () => {
    const fleet = new LeasedFleet('lead', 'b');
    const { promise, resolve } = Promise.withResolvers<void>();
    fleet.word = async () => {
      await promise;
      return { result: SpendResult.ADMITTED, admitted: 1 };
    };
    const b = fleet.replica('b');
    const first = decide(b, once());
    const second = await decide(b, once());
    expect(second.failure?.code).toBe('lease');
    resolve();
    expect((await first).failure).toBe(null);
    expect((await decide(b, once())).failure).toBe(null);
    expect(fleet.questions).toHaveLength(1);
  });

  test('that was answered by a failure mode is decided anew', async () => {
    const fleet = new LeasedFleet('lead', 'b');
    fleet.word = async () => null;
    const b = fleet.replica('b');
    expect((await decide(b, once())).failure?.code).toBe('lease');
    fleet.now += 300;
    fleet.word = null;
    expect((await decide(b, once())).failure).toBe(null);
  });
});

/** Passes charges on when it is told to. */
class DeferredStore implements CounterStore {
  readonly name = 'deferred';
  readonly immediate = false;
  readonly isHealthy = true;
  readonly #inner: MemoryCounterStore;
  #held: (() => void)[] | null = [];

  constructor(inner: MemoryCounterStore) {
    this.#inner = inner;
  }
  async start(): Promise<void> {}
  async close(): Promise<void> {}
  onHealth(): void {}
  charge(...call: Parameters<CounterStore['charge']>): void {
    if (this.#held === null) this.#inner.charge(...call);
    else this.#held.push(() => this.#inner.charge(...call));
  }
  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const pass of held) pass();
  }
}

const LIMITS = { p: 6, q: 3, x: 5, y: 2 } as const;
type Key = keyof typeof LIMITS;
type Counts = Record<Key, number>;

/** What a store of one place would keep, that charges what is leased with all hits or none. */
class OnePlace {
  counts: Counts = { p: 0, q: 0, x: 0, y: 0 };

  /** Whether the group is refused: then nothing is made but refunds, and by STOP_WHEN_OVER what is over. */
  decide(charges: readonly Charge[], policy: ChargePolicy): boolean {
    const isDependent =
      policy === ALL_OR_NOTHING || (policy === STOP_WHEN_OVER && charges.length > 1);
    const before = { ...this.counts };
    const over = new Set(charges.filter((its) => this.#isOver(its, before, policy)));
    const all = { ...this.counts };
    this.counts = before;
    const binding = [...over].filter((its) => policy !== ALL_OR_NOTHING || its.isBinding);
    if (!isDependent || binding.length === 0) {
      this.counts = all;
      return over.size > 0;
    }
    for (const its of charges) {
      const isMade = its.isRefund || (policy === STOP_WHEN_OVER && !its.isLeased && over.has(its));
      if (isMade) this.#make(its);
    }
    return true;
  }

  /** Makes it as if it were alone. */
  #isOver(its: Charge, before: Counts, policy: ChargePolicy): boolean {
    const key = its.key as Key;
    const found = this.counts[key];
    if (its.isRefund) this.#make(its);
    else if (its.isLeased) {
      if (its.hits === 0 || found + its.hits <= its.limit) this.#make(its);
      else return true;
    } else {
      this.#make(its);
      const base = policy === STOP_WHEN_OVER ? before[key] + its.hits : this.counts[key];
      return base > its.limit;
    }
    return false;
  }

  #make({ key, hits, isRefund }: Charge): void {
    const its = key as Key;
    this.counts[its] = Math.max(0, this.counts[its] + (isRefund ? -hits : hits));
  }
}

test('groups of every kind leave behind what one place would have', async () => {
  const someCharge = fc.record({
    key: fc.constantFrom<Key>('p', 'q', 'x', 'y'),
    hits: fc.integer({ min: 0, max: 4 }),
    isRefund: fc.integer({ min: 0, max: 4 }).map((at) => at === 0),
    isBinding: fc.boolean(),
  });
  const someGroup = fc.oneof(
    fc.record({
      charges: fc.array(someCharge, { minLength: 1, maxLength: 4 }),
      policy: fc.constant(ALL),
    }),
    fc.record({
      charges: fc.uniqueArray(someCharge, {
        minLength: 1,
        maxLength: 4,
        selector: ({ key }) => key,
      }),
      policy: fc.constantFrom(STOP_WHEN_OVER, ALL_OR_NOTHING),
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(someGroup, { minLength: 1, maxLength: 8 }), async (groups) => {
      const { replica } = sated({ p: LIMITS.p, q: LIMITS.q });
      const model = new OnePlace();
      for (const { charges, policy } of groups) {
        const made = charges.map((its) => {
          const isLeased = its.key === 'p' || its.key === 'q';
          return charge({ ...its, unit, limit: LIMITS[its.key], isLeased });
        });
        const isRefused = model.decide(made, policy);
        const its = await decide(replica, groupOf(made, { policy }));
        expect(its.failure).toBe(null);
        expect(its.charges.some(isOver)).toBe(isRefused);
        for (const key of ['p', 'q'] as const) {
          expect(await peek(replica, leased(key, LIMITS[key]))).toBe(model.counts[key]);
        }
        for (const key of ['x', 'y'] as const) {
          expect(await peek(replica, plain(key, LIMITS[key]))).toBe(model.counts[key]);
        }
      }
    }),
    { numRuns: 300 },
  );
});
