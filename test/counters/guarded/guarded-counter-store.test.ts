import { describe, expect, test, vi } from 'vitest';
import type { Transition } from '../../../src/core/breaker/breaker.ts';
import type { BreakerOptions } from '../../../src/core/breaker/options.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import type { FailureMode } from '../../../src/core/verdict/failure-mode.ts';
import { BreakerGate, type GateOptions } from '../../../src/counters/guarded/breaker-gate.ts';
import type { CommandClass } from '../../../src/counters/guarded/command-class.ts';
import {
  GuardedCounterStore,
  type GuardOptions,
} from '../../../src/counters/guarded/guarded-counter-store.ts';
import { MemoryCounterStore } from '../../../src/counters/memory/memory-counter-store.ts';
import type {
  ChargeGroup,
  ChargeOutcome,
  StoreFailure,
} from '../../../src/limiter/counter-store.ts';
import { ask, charge, group, readings, type TestCharge } from '../../contract/charges.ts';
import { counterStoreContract } from '../../contract/counter-store.ts';
import { FailingStore } from './failing-store.ts';

const GONE: StoreFailure = { code: 'unavailable', text: 'gone' };
const LATE: StoreFailure = { code: 'timeout', text: 'late' };

/** A call that was sent and never answered; what became of it is told by `outcome`. */
function late(outcome: ChargeOutcome): StoreFailure {
  return { ...LATE, outcome: { onKnown: (listener) => listener(outcome) } };
}

const HOUR_MS = 3_600_000;

type RigOptions = Partial<GuardOptions> &
  Partial<Pick<GateOptions, 'onTransition'>> & { readonly breaker?: Partial<BreakerOptions> };

class Rig {
  wall = 100 * HOUR_MS;
  clock = 0;
  chance = 0;
  stalledUntil = -1;
  readonly inner = new FailingStore(() => this.wall);
  readonly transitions: string[] = [];
  readonly gate: BreakerGate;
  readonly guard: GuardedCounterStore;

  constructor(changed: RigOptions = {}, replicas = 1) {
    const { breaker = {}, onTransition = () => {}, ...guardOptions } = changed;
    this.gate = new BreakerGate({
      inner: this.inner,
      monotonic: () => this.clock,
      random: () => this.chance,
      wasStalledSince: (since) => this.stalledUntil >= since,
      onTransition: (name: CommandClass, transition: Transition) => {
        const { from, to, reason } = transition;
        this.transitions.push(`${name}: ${from} -> ${to} (${reason})`);
        onTransition(name, transition);
        this.guard.replaySoon();
      },
      breakers: { check: breaker, refund: breaker, peek: breaker },
    });
    this.guard = new GuardedCounterStore({
      inner: this.gate,
      local: {
        store: new MemoryCounterStore({ now: () => this.wall }),
        replicas,
        now: () => this.wall,
      },
      monotonic: () => this.clock,
      ...guardOptions,
    });
  }

  /** `before>after` or the failure's code, with the reason when the answer is degraded. */
  async ask(its: Partial<TestCharge> = {}): Promise<string> {
    const asked = group({ key: 'k', unit: Unit.HOUR, failureMode: 'local', ...its });
    const groups = await ask(this.guard, [asked]);
    const degraded = groups[0]?.charges[0]?.degraded;
    const text = readings(groups)[0]?.[0] as string;
    return degraded === null ? text : `${text} ${degraded}`;
  }

  /** The inner store's own count. */
  async stored(key = 'k'): Promise<number> {
    const groups: ChargeGroup[] = [group({ key, unit: Unit.HOUR, hits: 0 })];
    const read = await ask(this.inner.memory, groups);
    return read[0]?.charges[0]?.after as number;
  }

  /** Lets replays run, which give way to requests in between. */
  async replayed(): Promise<void> {
    for (let turns = 0; turns < 5; turns += 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

counterStoreContract('a guarded store that can serve', async () => {
  const store = new GuardedCounterStore({
    inner: new BreakerGate({
      inner: new MemoryCounterStore({ now: Date.now }),
      monotonic: () => performance.now(),
      random: () => 0,
      wasStalledSince: () => true,
      onTransition: () => {},
    }),
    local: { store: new MemoryCounterStore({ now: Date.now }), replicas: 1, now: Date.now },
    monotonic: () => performance.now(),
  });
  await store.start();
  return {
    store,
    now: () => Promise.resolve(Date.now()),
    reach: async (time) => {
      while (Date.now() < time) await new Promise((resolve) => setTimeout(resolve, 1));
    },
    vectorsLast: false,
    close: () => store.close(),
  };
});

describe('while the store cannot serve', () => {
  test.each([
    ['local', '0>1 unavailable', '1>2 unavailable'],
    ['open', '0>0 unavailable', '0>0 unavailable'],
    ['closed', '0>11 unavailable', '0>11 unavailable'],
    ['error', 'unavailable', 'unavailable'],
  ] as [FailureMode, string, string][])(
    'mode %s answers %s',
    async (failureMode, first, second) => {
      const rig = new Rig();
      rig.inner.become(GONE);
      expect([await rig.ask({ failureMode }), await rig.ask({ failureMode })]).toEqual([
        first,
        second,
      ]);
      expect(rig.guard.degradedCounts.get(`${failureMode} unavailable`)).toBe(2);
    },
  );

  test('each charge of a request goes by its own mode, and one in mode error fails it', async () => {
    const rig = new Rig();
    rig.inner.become(GONE);
    const mixed = group(
      { key: 'a', unit: Unit.HOUR, failureMode: 'open' },
      { key: 'b', unit: Unit.HOUR, failureMode: 'error' },
    );
    const [its] = await ask(rig.guard, [mixed]);
    expect(its?.failure).toEqual(GONE);
    expect(its?.charges.map(({ degraded }) => degraded)).toEqual(['unavailable', null]);
  });

  test('refunds are never refused, and closed is closed for peeks too', async () => {
    const rig = new Rig();
    rig.inner.become(GONE);
    expect(await rig.ask({ failureMode: 'closed', isRefund: true })).toBe('0>0 unavailable');
    expect(await rig.ask({ failureMode: 'closed', hits: 0 })).toBe('0>11 unavailable');
  });

  test('a share of the limit is what one of the replicas grants', async () => {
    const rig = new Rig({}, 4);
    rig.inner.become(GONE);
    const asked = [await rig.ask(), await rig.ask(), await rig.ask()];
    expect(asked).toEqual(['0>4 unavailable', '4>8 unavailable', '8>12 unavailable']);
  });

  test('the end of the window is told by the own clock', async () => {
    const rig = new Rig();
    rig.wall += 1000;
    rig.inner.become(GONE);
    const [its] = await ask(rig.guard, [group({ key: 'k', unit: Unit.HOUR, failureMode: 'open' })]);
    expect(its?.charges[0]?.resetMs).toBe(HOUR_MS - 1000);
  });

  test('after some failures it is not asked any more, one class of command apart from another', async () => {
    const rig = new Rig();
    rig.inner.become(GONE);
    for (let i = 0; i < 5; i += 1) await rig.ask();
    expect(rig.transitions).toEqual(['check: closed -> open (failures-in-row)']);
    const before = rig.inner.calls;
    expect(await rig.ask()).toBe('5>6 breaker');
    expect(rig.inner.calls).toBe(before);
    expect(await rig.ask({ isRefund: true })).toBe('6>5 unavailable');
    expect(await rig.ask({ hits: 0 })).toBe('5>5 unavailable');
    expect(rig.gate.breakerState('refund').kind).toBe('closed');
  });

  test.each([
    ['refused charges', { code: 'refused', text: 'WRONGTYPE' }],
    ['our own bounds', { code: 'overloaded', text: 'full' }],
    ['callers in a hurry', { ...LATE, isCallers: true }],
  ] as [string, StoreFailure][])('%s do not trip it', async (_name, failure) => {
    const rig = new Rig();
    rig.inner.become(failure);
    for (let i = 0; i < 100; i += 1) await rig.ask();
    expect(rig.transitions).toEqual([]);
  });

  test('delays of our own event loop do not trip it', async () => {
    const rig = new Rig();
    rig.stalledUntil = 1;
    rig.inner.become(LATE);
    for (let i = 0; i < 100; i += 1) await rig.ask();
    expect(rig.transitions).toEqual([]);
  });
});

describe('when the store is back', () => {
  async function recovered(failure: StoreFailure, asked: number): Promise<Rig> {
    const rig = new Rig({ breaker: { rampMs: 0 } });
    rig.inner.become(failure);
    for (let i = 0; i < asked; i += 1) await rig.ask();
    rig.inner.become(null);
    for (let i = 0; i < 3; i += 1) await rig.ask();
    await rig.replayed();
    return rig;
  }

  test('it is asked again at once, by probes first', async () => {
    const rig = await recovered(GONE, 7);
    expect(rig.transitions).toEqual([
      'check: closed -> open (failures-in-row)',
      'check: open -> half-open (health-check)',
      'check: half-open -> closed (ramped-up)',
    ]);
    expect(await rig.ask()).toMatch(/^\d+>\d+$/);
  });

  test('what was admitted meanwhile is charged to it, once', async () => {
    const rig = await recovered(GONE, 7);
    expect([await rig.stored(), rig.guard.replayedHits, rig.guard.ledgerEntries]).toEqual([
      10, 7, 0,
    ]);
    await rig.ask();
    await rig.replayed();
    expect(await rig.stored()).toBe(11);
  });

  test('a clock that moves on between two looks loses nothing', async () => {
    let looks = 0;
    const now = () => 100 * HOUR_MS + (looks += 1);
    const rig = new Rig({
      breaker: { rampMs: 0 },
      local: { store: new MemoryCounterStore({ now }), replicas: 1, now },
    });
    rig.inner.become(GONE);
    for (let i = 0; i < 7; i += 1) await rig.ask();
    expect([rig.guard.ledgerEntries, rig.guard.lostHits]).toEqual([1, 0]);
  });

  test('what was not admitted is not', async () => {
    const rig = await recovered(GONE, 25);
    expect(rig.guard.replayedHits).toBe(10);
  });

  test.each([
    ['made', { stored: 5, confirmed: 5, unknown: 0, replayed: 2 }],
    ['not-made', { stored: 10, confirmed: 0, unknown: 0, replayed: 7 }],
    ['unknown', { stored: 5, confirmed: 0, unknown: 5, replayed: 2 }],
  ] as const)('what it had %s after all is charged accordingly', async (outcome, want) => {
    const rig = await recovered(late(outcome), 7);
    const { confirmedHits, unknownHits, replayedHits } = rig.guard;
    expect({
      stored: await rig.stored(),
      confirmed: confirmedHits,
      unknown: unknownHits,
      replayed: replayedHits,
    }).toEqual(want);
  });

  test('what it refused is charged to it when it does not any more', async () => {
    const rig = await recovered({ code: 'refused', text: 'OOM' }, 7);
    expect([await rig.stored(), rig.guard.replayedHits, rig.guard.lostHits]).toEqual([10, 7, 0]);
  });

  test.each([
    ['all of it', [{ key: 'bad' }], 1000],
    ['a part of it', [{ key: 'bad' }, { key: 'good' }], 100],
  ])('what it refuses is tried again after a pause: %s', async (_name, asked, pauseMs) => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    try {
      const rig = new Rig({ breaker: { failuresInRow: 100 } });
      rig.inner.failure = GONE;
      for (const its of asked) await rig.ask(its);
      rig.inner.failure = null;
      const tried: string[][] = [];
      rig.inner.charge = (groups, listener) => {
        const keyOf = ({ charges }: ChargeGroup) => charges[0]?.key ?? '';
        tried.push(groups.map(keyOf));
        for (const its of groups) {
          its.failure = keyOf(its) === 'bad' ? { code: 'refused', text: 'WRONGTYPE' } : null;
        }
        listener.settled(groups);
      };
      rig.guard.replaySoon();
      await rig.replayed();
      rig.guard.replaySoon();
      vi.advanceTimersByTime(pauseMs - 1);
      await rig.replayed();
      expect(tried).toEqual([asked.map(({ key }) => key)]);
      vi.advanceTimersByTime(1);
      await rig.replayed();
      expect(tried.slice(1)).toEqual([['bad']]);
      rig.wall += HOUR_MS;
      vi.advanceTimersByTime(1000);
      rig.guard.replaySoon();
      await rig.replayed();
      expect([rig.guard.ledgerEntries, rig.guard.lostHits]).toEqual([0, 1]);
    } finally {
      vi.useRealTimers();
    }
  });

  test('nothing is charged to a window that has ended', async () => {
    const rig = new Rig({ breaker: { rampMs: 0 } });
    rig.inner.become(GONE);
    for (let i = 0; i < 7; i += 1) await rig.ask();
    rig.wall += HOUR_MS;
    rig.inner.become(null);
    for (let i = 0; i < 3; i += 1) await rig.ask();
    await rig.replayed();
    expect([await rig.stored(), rig.guard.lostHits]).toEqual([3, 7]);
  });

  test('the ledger keeps to its bound, and counts what it dropped', async () => {
    const rig = new Rig({ ledgerEntriesMax: 2 });
    rig.inner.become(GONE);
    for (const key of ['a', 'b', 'c', 'a']) await rig.ask({ key, hits: 2 });
    expect([rig.guard.ledgerEntries, rig.guard.lostHits]).toEqual([2, 2]);
  });

  test('a replay that is turned away is kept for the next time', async () => {
    const rig: Rig = new Rig({
      breaker: { rampMs: 0 },
      onTransition: (_name, { to }) => {
        if (to === 'closed') rig.inner.failure = { code: 'overloaded', text: 'full' };
      },
    });
    rig.inner.become(GONE);
    for (let i = 0; i < 6; i += 1) await rig.ask();
    rig.inner.become(null);
    for (let i = 0; i < 3; i += 1) await rig.ask();
    await rig.replayed();
    expect([await rig.stored(), rig.guard.ledgerEntries]).toEqual([3, 1]);
    rig.inner.failure = null;
    await expect
      .poll(async () => {
        await rig.ask({ hits: 0 });
        return rig.guard.ledgerEntries;
      })
      .toBe(0);
    expect(await rig.stored()).toBe(9);
  });

  test('a store that never lost its connection is asked every now and then', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const rig = new Rig({ breaker: { rampMs: 0, backoffBaseMs: 20_000 } });
      rig.inner.failure = LATE;
      for (let i = 0; i < 5; i += 1) await rig.ask();
      // It says nothing, as a Redis that was only slow for a while.
      rig.inner.failure = null;
      vi.advanceTimersByTime(250);
      // Nobody asks: the checks are probes of their own, and what was admitted is replayed.
      expect(rig.gate.breakerState('check').kind).toBe('closed');
      await expect.poll(() => vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  test('by hand it can be kept from being asked', async () => {
    const rig = new Rig();
    rig.gate.setHand('forced-open');
    expect(await rig.ask()).toBe('0>1 breaker');
    rig.gate.setHand('auto');
    expect(await rig.ask()).toBe('0>1');
  });

  test('critical rules are not shed while it is taken back into use', async () => {
    const rig = new Rig({ breaker: { rampMs: 1000 } });
    rig.inner.become(GONE);
    for (let i = 0; i < 5; i += 1) await rig.ask();
    rig.inner.become(null);
    for (let i = 0; i < 3; i += 1) await rig.ask();
    rig.chance = 0.99;
    expect(await rig.ask()).toMatch(/breaker$/);
    expect(await rig.ask({ isCritical: true })).not.toMatch(/breaker$/);
  });
});

test('it says what the store it guards says of itself', async () => {
  const rig = new Rig();
  const heard: boolean[] = [];
  rig.guard.onHealth((isHealthy) => heard.push(isHealthy));
  expect([rig.guard.name, rig.guard.isHealthy]).toEqual(['failing', true]);
  rig.inner.become(GONE);
  expect([rig.guard.isHealthy, heard]).toEqual([false, [false]]);
  expect(charge({ key: 'k' }).degraded).toBeNull();
  await rig.guard.start();
  await rig.guard.close();
});
