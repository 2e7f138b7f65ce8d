/** Checks that no bug of the list is found by alone: each is shown to be able to fail. */
import { describe, expect, test } from 'vitest';
import type { Persist } from '../../../src/core/raft/effect.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import { DurableShadow } from './durable-shadow.ts';
import { IntervalOracle } from './interval-oracle.ts';
import { RateLevel } from './rate-level.ts';

const RATE = { kind: 'rate', limit: 10, unit: Unit.SECOND, burst: 5 } as const;
const COUNT = { kind: 'count', limit: 10, unit: Unit.MINUTE } as const;
const HELD = { rate: 10, burst: 5 };

describe('the level of a rate', () => {
  function levelOf(admissions: readonly (readonly [at: number, hits: number])[]): () => void {
    return () => {
      const level = new RateLevel('r');
      level.allow(0, RATE, HELD);
      for (const [at, hits] of admissions) level.add(at, hits);
    };
  }

  test.each([
    ['the burst at once', [[0, 5]]],
    [
      'the burst, and then what the rate gives',
      [
        [0, 5],
        [500, 5],
        [1000, 5],
      ],
    ],
    ['nothing for long, then no more than the burst', [[60_000, 5]]],
  ] as [string, [number, number][]][])('%s is within it', (_name, admissions) => {
    expect(levelOf(admissions)).not.toThrow();
  });

  test.each([
    ['more than the burst at once', [[0, 7]]],
    [
      'more than the rate gives after the burst',
      [
        [0, 5],
        [1000, 13],
      ],
    ],
    ['what was not used before', [[60_000, 20]]],
  ] as [string, [number, number][]][])('%s is beyond it', (_name, admissions) => {
    expect(levelOf(admissions)).toThrow('Q2');
  });

  function lowered(): RateLevel {
    const level = new RateLevel('r');
    level.allow(0, { ...RATE, burst: 20 }, HELD);
    level.add(0, 20);
    level.allow(1, RATE, HELD);
    return level;
  }

  test('a burst that was lowered holds for what begins then', () => {
    const level = lowered();
    level.add(2000, 5);
    expect(() => level.add(2000, 2)).toThrow('Q2');
  });

  test('what was spent of a higher burst before stays spent, however long the rate is used', () => {
    const level = lowered();
    for (let at = 100; at <= 60_000; at += 100) level.add(at, 1);
    level.allow(60_000, { ...RATE, burst: 20 }, HELD);
    expect(() => level.add(60_000, 5)).toThrow('Q2');
  });
});

describe('the oracle', () => {
  function oracleOf(quota: typeof RATE | typeof COUNT): IntervalOracle {
    const oracle = new IntervalOracle();
    oracle.applied(0, { kind: 'set-quota', ts: 0, resource: 'r', quota }, { kind: 'done' });
    return oracle;
  }
  function grant(oracle: IntervalOracle, at: number, session: number, amount: number): void {
    const on = { ts: 0, resource: 'r', session, generation: 0, amount, burst: 0 };
    oracle.applied(at, { kind: 'allocate', ...on }, { kind: 'shared', generation: 1, amount });
  }

  test('finds what is consumed before it is granted', () => {
    const oracle = oracleOf(COUNT);
    oracle.consumed('r', { at: 5, session: 1, window: 0, hits: 1 });
    grant(oracle, 6, 1, 1);
    expect(() => oracle.verify()).toThrow('session 1 consumed 1 of r, has 0');
  });

  test('finds what is consumed after the end of a session', () => {
    const oracle = oracleOf(COUNT);
    grant(oracle, 1, 1, 5);
    oracle.applied(2, { kind: 'expire-session', ts: 0, session: 1 }, { kind: 'done' });
    oracle.consumed('r', { at: 3, session: 1, window: 0, hits: 1 });
    expect(() => oracle.verify()).toThrow('after its end');
  });

  test('finds a window of which too much was consumed, whoever was granted it', () => {
    const oracle = oracleOf(COUNT);
    for (const session of [1, 2]) {
      grant(oracle, session, session, 6);
      oracle.consumed('r', { at: 10 + session, session, window: 0, hits: 6 });
    }
    expect(() => oracle.verify()).toThrow('12 of 10 of r in window 0');
  });

  test('finds a stretch of time in which more was consumed than the rate gives', () => {
    const oracle = oracleOf(RATE);
    grant(oracle, 0, 1, 10);
    // Each second is within the rate and the burst by itself, ten of them are not.
    for (let at = 1000; at <= 10_000; at += 1000) {
      oracle.consumed('r', { at, session: 1, window: -1, hits: 12 });
    }
    expect(() => oracle.verify()).toThrow('beyond its rate');
  });

  test('lets pass what is within', () => {
    const oracle = oracleOf(RATE);
    grant(oracle, 0, 1, 10);
    for (let at = 1000; at <= 10_000; at += 500) {
      oracle.consumed('r', { at, session: 1, window: -1, hits: 5 });
    }
    expect(() => oracle.verify()).not.toThrow();
  });
});

describe('the shadow of a disk', () => {
  const entry = (index: number, term: number) => ({ index, term, payload: null });
  const persist: Persist = {
    kind: 'persist',
    sequence: 1,
    term: 2,
    vote: 'a',
    snapshot: null,
    truncateFrom: null,
    entries: [entry(1, 1), entry(2, 2)],
  };
  const state = { term: 2, vote: 'a', snapshot: null, entries: persist.entries };

  test.each([
    ['the same', state, null],
    ['another vote', { ...state, vote: 'b' }, 'vote b for a'],
    ['a lower term', { ...state, term: 1 }, 'term 1 for 2'],
    ['a lost entry', { ...state, entries: [entry(1, 1)] }, 'log up to 1 for 2'],
    ['another entry', { ...state, entries: [entry(1, 1), entry(2, 1)] }, 'entry 2 of term 1'],
  ])('says of a restart with %s what it has otherwise', (_name, restored, difference) => {
    const shadow = new DurableShadow();
    shadow.write(persist);
    expect(shadow.difference(restored)).toBe(difference);
  });

  test('a write that was under way is there or not', () => {
    const before = new DurableShadow();
    const [none, , whole] = before.afterCrash(persist);
    expect(none?.difference({ term: 0, vote: null, snapshot: null, entries: [] })).toBeNull();
    expect(whole?.difference(state)).toBeNull();
  });
});
