import { describe, expect, test } from 'vitest';
import {
  RESOURCES_MAX,
  SESSIONS_MAX,
  SHARES_PER_SESSION_MAX,
} from '../../../src/core/quota/bounds.ts';
import { decodeLedger, encodeLedger } from '../../../src/core/quota/ledger-codec.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import { COUNT, LedgerBench, RATE, type Timeless } from './support/ledger-bench.ts';

describe('sessions', () => {
  test.each<[string, Timeless, string]>([
    [
      'opening again gives the same',
      { kind: 'open-session', instance: 'a', incarnation: 5 },
      'opened 1',
    ],
    [
      'a restart has one of its own',
      { kind: 'open-session', instance: 'a', incarnation: 6 },
      'opened 3',
    ],
    [
      'a former life has none',
      { kind: 'open-session', instance: 'a', incarnation: 4 },
      'old-incarnation',
    ],
    ['without a name', { kind: 'open-session', instance: '', incarnation: 4 }, 'bad-name'],
    [
      'a name cut in half',
      { kind: 'open-session', instance: '\ud800', incarnation: 4 },
      'bad-name',
    ],
    [
      'a name too long',
      { kind: 'open-session', instance: 'é'.repeat(257), incarnation: 4 },
      'bad-name',
    ],
    ['ending one that is not', { kind: 'expire-session', session: 9 }, 'no-session'],
    ['time passing', { kind: 'noop' }, 'done'],
  ])('%s', (_name, command, outcome) => {
    expect(new LedgerBench().do(command)).toBe(outcome);
  });

  test('are found by who has them', () => {
    const { ledger } = new LedgerBench();
    expect(ledger.sessionOf('a', 5)?.id).toBe(1);
    expect(ledger.sessionOf('a', 4)).toBeNull();
  });

  test('are so many and no more', () => {
    const bench = new LedgerBench();
    for (let at = 3; at <= SESSIONS_MAX; at += 1) {
      bench.do({ kind: 'open-session', instance: `x${at}`, incarnation: 1 });
    }
    const more = { kind: 'open-session', instance: 'more', incarnation: 1 } as const;
    expect(bench.do(more)).toBe('sessions-full');
    expect(bench.do({ kind: 'close-session', session: 1 })).toBe('done');
    expect(bench.do(more)).toMatch(/opened/);
  });
});

describe('a count quota', () => {
  test('is granted up to what is left, and no more', () => {
    const bench = new LedgerBench();
    expect(bench.allocate('c', 1, 60)).toBe('shared 60');
    expect(bench.allocate('c', 2, 60)).toBe('shared 40');
    expect(bench.allocate('c', 1, 1)).toBe('nothing-left');
    expect(bench.allocate('c', 1, 0)).toBe('nothing-left');
  });

  test('has back what a report returns, and not what it used', () => {
    const bench = new LedgerBench();
    bench.allocate('c', 1, 100);
    expect(bench.report(1, 30, 20)).toBe('reported 0');
    expect(bench.allocate('c', 2, 100)).toBe('shared 20');
    expect(bench.count.totals).toEqual({ granted: 120, used: 30, returned: 20, stranded: 0 });
    expect(bench.count.outstanding).toBe(70);
  });

  test('counts no more than was granted, and says how much was claimed beyond', () => {
    const bench = new LedgerBench();
    bench.allocate('c', 1, 10);
    expect(bench.report(1, 8, 5)).toBe('reported 3');
    expect(bench.count.totals).toMatchObject({ used: 8, returned: 2 });
  });

  test('strands what an ended session had: it may be spent', () => {
    const bench = new LedgerBench();
    bench.allocate('c', 1, 80);
    bench.report(1, 30, 0);
    expect(bench.do({ kind: 'expire-session', session: 1 })).toBe('done');
    expect(bench.count.totals.stranded).toBe(50);
    expect(bench.allocate('c', 2, 100)).toBe('shared 20');
  });

  test('is whole again in the next window, whatever is out of the last', () => {
    const bench = new LedgerBench();
    bench.allocate('c', 1, 100);
    bench.ts = 10_999;
    expect(bench.allocate('c', 2, 1)).toBe('nothing-left');
    expect(bench.count.remainingAt(10_999)).toBe(0);
    expect(bench.count.remainingAt(11_000)).toBe(100);
    bench.ts = 11_000;
    expect(bench.allocate('c', 2, 70)).toBe('shared 70');
    // The page opens with what is out, a late report is counted, and gives the new window nothing.
    expect(bench.count.totals).toMatchObject({ granted: 170, used: 0 });
    expect(bench.report(1, 40, 60, 10_000)).toBe('reported 0');
    expect(bench.count.totals).toEqual({ granted: 170, used: 40, returned: 60, stranded: 0 });
    expect(bench.count.remainingAt(bench.ts)).toBe(30);
  });

  test('ends a share with its window: the next strands what was left', () => {
    const bench = new LedgerBench();
    bench.allocate('c', 1, 100);
    bench.ts = 11_000;
    bench.allocate('c', 1, 10);
    expect(bench.count.totals.stranded).toBe(100);
    expect(bench.report(1, 40, 60, 10_000)).toBe('reported 0');
    expect(bench.count.outstanding).toBe(10);
  });

  test('rolls by the latest time that any entry brought', () => {
    const bench = new LedgerBench();
    bench.ts = 12_000;
    bench.do({ kind: 'noop' });
    bench.ts = 11_000;
    bench.allocate('c', 1, 5);
    expect(bench.count.window).toBe(12_000);
  });

  test('that is lowered grants nothing until as much is back', () => {
    const bench = new LedgerBench();
    bench.allocate('c', 1, 80);
    bench.do({ kind: 'set-quota', resource: 'c', quota: { ...COUNT, limit: 50 } });
    expect(bench.count.isOvertaken(bench.ts)).toBe(true);
    expect(bench.count.isOvertaken(11_000)).toBe(false);
    expect(bench.allocate('c', 2, 1)).toBe('nothing-left');
    bench.report(1, 20, 60);
    expect(bench.count.isOvertaken(bench.ts)).toBe(false);
    expect(bench.allocate('c', 2, 50)).toBe('shared 30');
  });

  test('is not lowered share by share', () => {
    const bench = new LedgerBench();
    bench.allocate('c', 1, 80);
    expect(bench.do({ kind: 'revoke', ...bench.at('c', 1), amount: 0, burst: 0 })).toBe(
      'other-kind',
    );
    expect(bench.do({ kind: 'ack', ...bench.at('c', 1) })).toBe('other-kind');
  });

  test('adds up exactly, even when its sums outgrow a number', () => {
    const bench = new LedgerBench();
    bench.do({ kind: 'set-quota', resource: 'c', quota: { ...COUNT, limit: 2 ** 32 - 1 } });
    bench.allocate('c', 2, 7);
    const share = { ...bench.count.shares.get(2)!, granted: 2 ** 53 - 10, returned: 2 ** 53 - 17 };
    bench.count.shares.set(2, share);
    bench.count.totals = { granted: 2 ** 53 - 10, used: 0, returned: 2 ** 53 - 17, stranded: 0 };
    expect(bench.allocate('c', 2, 100)).toBe('nothing-left');
    expect(bench.allocate('c', 1, 100)).toBe('shared 100');
    expect(bench.count.totals).toEqual({ granted: 107, used: 0, returned: 0, stranded: 0 });
    expect(bench.ledger.problem()).toBeNull();
  });
});

describe('a rate quota', () => {
  test('is raised as far as rate and burst are free', () => {
    const bench = new LedgerBench();
    expect(bench.allocate('r', 1, 70, 8)).toBe('shared 70');
    expect(bench.allocate('r', 2, 70, 8)).toBe('shared 30');
    expect(bench.rate.shares.get(2)?.held).toEqual({ rate: 30, burst: 2 });
    expect(bench.allocate('r', 1, 50, 5)).toBe('nothing-left');
    expect(bench.rate.free).toEqual({ rate: 0, burst: 0 });
  });

  test('counts a lowered share as it was until that is acknowledged', () => {
    const bench = new LedgerBench();
    bench.allocate('r', 1, 100, 10);
    expect(bench.revoke(1, 40, 4)).toBe('shared 40');
    expect(bench.allocate('r', 2, 60, 6)).toBe('nothing-left');
    expect(bench.allocate('r', 1, 100, 10)).toBe('revoking');
    expect(bench.revoke(1, 30, 9)).toBe('shared 30');
    expect(bench.ack(1)).toBe('done');
    expect(bench.allocate('r', 2, 90, 9)).toBe('shared 70');
    expect(bench.rate.shares.get(2)?.held).toEqual({ rate: 70, burst: 6 });
  });

  test('takes a share that is lowered to nothing off the page when that is acknowledged', () => {
    const bench = new LedgerBench();
    bench.allocate('r', 1, 100, 10);
    bench.revoke(1, 0, 0);
    expect(bench.ledger.resourcesOf(1).has('r')).toBe(true);
    bench.ack(1);
    expect(bench.ledger.resourcesOf(1).has('r')).toBe(false);
    expect(bench.rate.isIdleAt()).toBe(true);
  });

  test.each<[string, (bench: LedgerBench) => string, string]>([
    ['raising what is not lower', (b) => b.revoke(1, 60, 5), 'not-lower'],
    ['lowering what another has', (b) => b.revoke(2, 1, 1), 'not-lower'],
    ['an acknowledgement of nothing', (b) => b.ack(1), 'not-revoked'],
    ['of nobody', (b) => b.ack(2), 'not-revoked'],
    [
      'a command that was overtaken',
      (b) => b.do({ kind: 'revoke', ...b.at('r', 1), generation: 1, amount: 0, burst: 0 }),
      'stale-generation',
    ],
    ['a session that is not', (b) => b.allocate('r', 9, 1, 1), 'no-session'],
    ['a resource that is not', (b) => b.allocate('x', 1, 1, 1), 'no-resource'],
    [
      'a report, which is nothing to it',
      (b) =>
        b.do({
          kind: 'report',
          session: 1,
          sequence: 1,
          items: [{ resource: 'r', window: 0, used: 3, returned: 3 }],
        }),
      'reported 0',
    ],
  ])('%s', (_name, act, outcome) => {
    const bench = new LedgerBench();
    bench.allocate('r', 1, 50, 5);
    expect(act(bench)).toBe(outcome);
  });

  test('is free again when its session ends', () => {
    const bench = new LedgerBench();
    bench.allocate('r', 1, 100, 10);
    bench.do({ kind: 'close-session', session: 1 });
    expect(bench.allocate('r', 2, 100, 10)).toBe('shared 100');
  });
});

describe('quotas and reports', () => {
  test.each<[string, Timeless, string]>([
    [
      'a bad quota',
      { kind: 'set-quota', resource: 'c', quota: { ...COUNT, limit: -1 } },
      'bad-quota',
    ],
    ['another kind', { kind: 'set-quota', resource: 'c', quota: RATE }, 'other-kind'],
    [
      'another unit',
      { kind: 'set-quota', resource: 'c', quota: { ...COUNT, unit: Unit.DAY } },
      'other-kind',
    ],
    ['a resource without a name', { kind: 'set-quota', resource: '', quota: COUNT }, 'bad-name'],
    ['forgetting what is not', { kind: 'set-quota', resource: 'x', quota: null }, 'no-resource'],
    ['forgetting what is idle', { kind: 'set-quota', resource: 'c', quota: null }, 'done'],
    [
      'forgetting a rate that nobody has',
      { kind: 'set-quota', resource: 'r', quota: null },
      'done',
    ],
    ['a report of nobody', { kind: 'report', session: 9, sequence: 1, items: [] }, 'no-session'],
    ['a first report', { kind: 'report', session: 1, sequence: 1, items: [] }, 'reported 0'],
    ['the same again', { kind: 'report', session: 1, sequence: 0, items: [] }, 'duplicate'],
    ['one too early', { kind: 'report', session: 1, sequence: 2, items: [] }, 'gap'],
    [
      'about a resource that is not',
      {
        kind: 'report',
        session: 1,
        sequence: 1,
        items: [{ resource: 'x', window: 0, used: 1, returned: 0 }],
      },
      'reported 0',
    ],
  ])('%s', (_name, command, outcome) => {
    expect(new LedgerBench().do(command)).toBe(outcome);
  });

  test('are not forgotten within a window that is begun', () => {
    const bench = new LedgerBench();
    const forget = { kind: 'set-quota', resource: 'c', quota: null } as const;
    bench.allocate('c', 1, 10);
    expect(bench.do(forget)).toBe('in-use');
    bench.do({ kind: 'expire-session', session: 1 });
    expect(bench.do(forget)).toBe('in-use');
    bench.ts = 11_000;
    expect(bench.do(forget)).toBe('done');
  });

  test('have bounds', () => {
    const bench = new LedgerBench();
    for (let at = 2; at < RESOURCES_MAX; at += 1) {
      bench.do({ kind: 'set-quota', resource: `x${at}`, quota: COUNT });
    }
    expect(bench.do({ kind: 'set-quota', resource: 'more', quota: COUNT })).toBe('resources-full');
    for (let at = 2; at < SHARES_PER_SESSION_MAX + 2; at += 1) bench.allocate(`x${at}`, 1, 1);
    expect(bench.allocate('c', 1, 1)).toBe('shares-full');
    expect(bench.allocate('c', 2, 1)).toBe('shared 1');
    expect(encodeLedger(decodeLedger(encodeLedger(bench.ledger)))).toEqual(
      encodeLedger(bench.ledger),
    );
  });
});
