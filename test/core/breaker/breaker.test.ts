import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Breaker,
  type BreakerHand,
  type CallOutcome,
  type Permit,
  type Transition,
} from '../../../src/core/breaker/breaker.ts';
import { BREAKER_DEFAULTS, type BreakerOptions } from '../../../src/core/breaker/options.ts';

const options: BreakerOptions = {
  ...BREAKER_DEFAULTS,
  windowMs: 1000,
  bucketCount: 10,
  callsMin: 10,
  failureRatio: 0.5,
  failuresInRow: 5,
  slowMs: 20,
  slowRatio: 0.8,
  probeCount: 2,
  probeTimeoutMs: 100,
  backoffBaseMs: 500,
  backoffMaxMs: 4000,
  stableMs: 10_000,
  rampMs: 1000,
};

/** A breaker with its clock and chance in hand. */
class Bench {
  now = 0;
  chance = 0;
  readonly transitions: Transition[] = [];
  readonly breaker: Breaker;
  constructor(changed: Partial<BreakerOptions> = {}) {
    const onTransition = (transition: Transition) => this.transitions.push(transition);
    this.breaker = new Breaker({ ...options, ...changed }, this.now, onTransition);
  }
  get kind(): string {
    return this.breaker.state.kind;
  }
  admit(isVital = false): Permit | null {
    return this.breaker.admit(this.now, this.chance, isVital);
  }
  report(permit: Permit | null, outcome: CallOutcome): void {
    expect(permit).not.toBeNull();
    this.breaker.report(permit as Permit, outcome, this.now, this.chance);
  }
  calls(outcome: CallOutcome, times = 1, takesMs = 0): this {
    for (let i = 0; i < times; i++) {
      const permit = this.admit();
      this.now += takesMs;
      this.report(permit, outcome);
    }
    return this;
  }
  wait(ms: number): this {
    this.now += ms;
    this.breaker.advance(this.now, this.chance);
    return this;
  }
  /** Brings a new breaker to a state by real calls. */
  to(kind: 'open' | 'half-open' | 'ramping'): this {
    this.calls('failure', 5);
    if (kind === 'open') return this;
    this.wait(500);
    if (kind === 'ramping') this.calls('success', 2);
    expect(this.kind).toBe(kind);
    return this;
  }
  last(): string {
    const { from, to, reason } = this.transitions.at(-1) as Transition;
    return `${from} -> ${to}: ${reason}`;
  }
}

describe('failures in a row', () => {
  it('that were under way together are one', () => {
    const bench = new Bench();
    for (let blip = 1; blip <= 5; blip += 1) {
      expect(bench.kind).toBe('closed');
      const permits = Array.from({ length: 2 }, () => bench.admit());
      bench.now += 10;
      for (const permit of permits) bench.report(permit, 'failure');
    }
    expect(bench.last()).toBe('closed -> open: failures-in-row');
    // The ratio had its say only at the tenth call.
    expect(bench.transitions).toHaveLength(1);
  });

  it('begin anew after a success', () => {
    const bench = new Bench({ failureRatio: 2 });
    bench.calls('failure', 4, 1).calls('success').calls('failure', 4, 1);
    expect(bench.kind).toBe('closed');
    bench.calls('failure', 1, 1);
    expect(bench.kind).toBe('open');
  });
});

describe('every edge', () => {
  const edges: [string, (bench: Bench) => Bench, string][] = [
    ['failures in a row', (b) => b.calls('failure', 5), 'closed -> open: failures-in-row'],
    [
      'the failure ratio',
      (b) => {
        for (let i = 0; i < 5; i++) b.calls('success').calls('failure');
        return b;
      },
      'closed -> open: failure-ratio',
    ],
    ['the slow ratio', (b) => b.calls('success', 10, 21), 'closed -> open: slow-ratio'],
    ['the wait', (b) => b.to('open').wait(500), 'open -> half-open: waited'],
    [
      'a health check',
      (b) => {
        b.to('open').breaker.reportHealthy(b.now);
        return b;
      },
      'open -> half-open: health-check',
    ],
    [
      'a failed probe',
      (b) => b.to('half-open').calls('failure'),
      'half-open -> open: probe-failed',
    ],
    [
      'a late probe',
      (b) => {
        b.to('half-open').admit();
        return b.wait(100);
      },
      'half-open -> open: probe-late',
    ],
    [
      'probes that succeed',
      (b) => b.to('half-open').calls('success', 2),
      'half-open -> ramping: probes-succeeded',
    ],
    [
      'failures in the ramp',
      (b) => b.to('ramping').calls('failure', 5),
      'ramping -> open: ramp-failed',
    ],
    [
      'slow calls in the ramp',
      (b) => b.to('ramping').calls('success', 10, 21),
      'ramping -> open: ramp-failed',
    ],
    ['the ramp', (b) => b.to('ramping').wait(1000), 'ramping -> closed: ramped-up'],
  ];
  it.each(edges)('%s', (_name, act, want) => {
    expect(act(new Bench()).last()).toBe(want);
  });

  it('half-open closes at once without a ramp', () => {
    const bench = new Bench({ rampMs: 0 }).to('half-open').calls('success', 2);
    expect(bench.last()).toBe('half-open -> closed: ramped-up');
  });
});

describe('no edge', () => {
  const stays: [string, string, (bench: Bench) => Bench][] = [
    ['one failure less in a row', 'closed', (b) => b.calls('failure', 4).calls('success')],
    [
      'a success between failures',
      'closed',
      (b) => b.calls('failure', 4).calls('success').calls('failure', 4),
    ],
    ['a bad ratio of too few calls', 'closed', (b) => b.calls('success', 5).calls('failure', 4)],
    [
      'a failure less than the ratio',
      'closed',
      (b) => b.calls('success', 6).calls('failure', 4).calls('success'),
    ],
    ['slow calls that are few', 'closed', (b) => b.calls('success', 3).calls('success', 11, 21)],
    ['calls just not slow', 'closed', (b) => b.calls('success', 20, 20)],
    [
      'failures that have left the window',
      'closed',
      (b) =>
        b.calls('failure', 4).calls('success').wait(1000).calls('failure', 4).calls('success', 5),
    ],
    ['ignored results', 'closed', (b) => b.calls('ignored', 50, 30)],
    ['a millisecond before the wait is over', 'open', (b) => b.to('open').wait(499)],
    ['one probe of two', 'half-open', (b) => b.to('half-open').calls('success')],
    ['a quiet half-open', 'half-open', (b) => b.to('half-open').wait(60_000)],
    [
      'probes that come one by one',
      'half-open',
      (b) => b.to('half-open').calls('success').wait(60_000),
    ],
    [
      'a probe that is out a little after another succeeded',
      'half-open',
      (b) => {
        b.to('half-open').admit();
        return b.wait(90).calls('success').wait(99);
      },
    ],
    [
      'a probe just in time',
      'half-open',
      (b) => {
        b.to('half-open').admit();
        return b.wait(99);
      },
    ],
    [
      'bad calls among good ones in the ramp',
      'ramping',
      (b) =>
        b
          .to('ramping')
          .calls('success', 10)
          .calls('failure', 4)
          .calls('success')
          .calls('success', 4, 21),
    ],
    ['a success in the ramp', 'ramping', (b) => b.to('ramping').calls('success')],
    ['an ignored result in the ramp', 'ramping', (b) => b.to('ramping').calls('ignored', 1, 500)],
    ['the ramp but a millisecond', 'ramping', (b) => b.to('ramping').wait(999)],
    [
      'a health check while closed',
      'closed',
      (b) => {
        b.breaker.reportHealthy(b.now);
        return b;
      },
    ],
  ];
  it.each(stays)('%s: %s', (_name, kind, act) => {
    expect(act(new Bench()).kind).toBe(kind);
  });
});

describe('admission', () => {
  it('refuses while open, and gives exactly the probes while half-open', () => {
    const bench = new Bench().to('open');
    expect(bench.admit()).toBeNull();
    bench.wait(500);
    expect([bench.admit()?.isProbe, bench.admit()?.isProbe, bench.admit()]).toEqual([
      true,
      true,
      null,
    ]);
  });

  it('gives an ignored probe back', () => {
    const bench = new Bench().to('half-open').calls('ignored', 10);
    expect(bench.kind).toBe('half-open');
    expect(bench.calls('success', 2).kind).toBe('ramping');
  });

  it.each([
    ['no other is out: there is nothing to wait for', 0, 'half-open'],
    ['another is still out: that one may be late', 1, 'open'],
  ])('after an ignored probe, when %s', (_, others, want) => {
    const bench = new Bench().to('half-open');
    for (let other = 0; other < others; other += 1) expect(bench.admit()?.isProbe).toBe(true);
    expect(bench.calls('ignored').wait(60_000).kind).toBe(want);
  });

  it.each([
    [0, 0.09, true],
    [0, 0.1, false],
    [500, 0.49, true],
    [500, 0.5, false],
    [900, 0.89, true],
  ])('in the ramp at %i ms with chance %d: %s', (ms, chance, want) => {
    const bench = new Bench().to('ramping').wait(ms);
    bench.chance = chance;
    expect(bench.admit() !== null).toBe(want);
    expect(bench.admit(true)).not.toBeNull();
  });

  it('by hand: forced-open refuses, forced-closed and shadow admit whatever the state', () => {
    const bench = new Bench();
    const admitted = (hand: BreakerHand) => {
      bench.breaker.setHand(hand);
      return bench.admit() !== null;
    };
    expect([admitted('auto'), admitted('forced-open')]).toEqual([true, false]);
    bench.breaker.setHand('auto');
    bench.to('open');
    expect(
      ['forced-closed', 'shadow', 'auto'].map((hand) => admitted(hand as BreakerHand)),
    ).toEqual([true, true, false]);
    expect(bench.breaker.hand).toBe('auto');
  });

  it('takes nothing from a permit that shadow gave in the open state', () => {
    const bench = new Bench().to('open');
    bench.breaker.setHand('shadow');
    bench.calls('success', 10);
    expect(bench.kind).toBe('open');
  });
});

describe('backoff', () => {
  it('grows to its maximum by chance, and starts over after a stable time', () => {
    const bench = new Bench({ rampMs: 0 });
    bench.chance = 0.999_999;
    const waits: number[] = [];
    bench.calls('failure', 5);
    for (let i = 0; i < 4; i++) {
      const state = bench.breaker.state;
      if (state.kind !== 'open') throw new Error('not open');
      waits.push(Math.round(state.until - bench.now));
      bench.wait(state.until - bench.now).calls('failure');
    }
    expect(waits).toEqual([500, 1500, 4000, 4000]);
    const again = (closedFor: number): number => {
      bench.wait(4000).calls('success', 2).wait(closedFor).calls('failure', 5);
      const state = bench.breaker.state;
      return state.kind === 'open' ? Math.round(state.until - bench.now) : 0;
    };
    expect([again(9_999), again(10_001)]).toEqual([4000, 500]);
  });
});

describe('whatever happens', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('admit' as const) }),
    fc.record({
      do: fc.constant('report' as const),
      which: fc.nat(20),
      outcome: fc.constantFrom<CallOutcome>('success', 'failure', 'ignored'),
    }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 2000 }) }),
    fc.record({ do: fc.constant('healthy' as const) }),
  );

  it('a result of an earlier epoch changes nothing, and half-open never sticks', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 200 }),
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        (steps, chance) => {
          const bench = new Bench();
          bench.chance = chance;
          let epoch = 0;
          const permits: Permit[] = [];
          for (const one of steps) {
            const before = JSON.stringify(bench.breaker.state);
            const changes = bench.transitions.length;
            if (one.do === 'admit') {
              const permit = bench.admit();
              if (permit !== null) permits.push(permit);
            } else if (one.do === 'wait') bench.wait(one.ms);
            else if (one.do === 'healthy') bench.breaker.reportHealthy(bench.now);
            else {
              const permit = permits[one.which % Math.max(1, permits.length)];
              if (permit === undefined) continue;
              bench.report(permit, one.outcome);
              if (permit.epoch < epoch) expect(JSON.stringify(bench.breaker.state)).toBe(before);
            }
            epoch += bench.transitions.length - changes;
          }
          // With the store well again, calls get through within the longest wait, a probe and a ramp.
          bench.chance = 0;
          bench.wait(options.backoffMaxMs).wait(options.probeTimeoutMs).wait(options.backoffMaxMs);
          bench.wait(options.rampMs);
          for (let i = 0; i < 2 && bench.kind === 'half-open'; i++) bench.calls('success');
          bench.wait(options.rampMs);
          expect(bench.kind).toBe('closed');
        },
      ),
      { numRuns: 500 },
    );
  });

  it('tells every transition once, each from where the last one led', () => {
    const bench = new Bench()
      .to('ramping')
      .calls('failure', 5)
      .wait(4000)
      .calls('success', 2)
      .wait(1000);
    for (const [index, transition] of bench.transitions.entries()) {
      expect(transition.from).toBe(bench.transitions[index - 1]?.to ?? 'closed');
    }
    expect(bench.transitions.map(({ to }) => to)).toEqual([
      'open',
      'half-open',
      'ramping',
      'open',
      'half-open',
      'ramping',
      'closed',
    ]);
  });
});
