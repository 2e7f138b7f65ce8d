/** What holds for a breaker whatever happens; what happens is told by transcripts.test.ts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Breaker,
  type CallOutcome,
  type Permit,
  type Transition,
} from '../../../src/core/breaker/breaker.ts';
import { TRANSCRIPT_OPTIONS as options } from './support/transcript.ts';

/** A breaker with its clock and chance in hand. */
class Bench {
  now = 0;
  chance = 0;
  readonly transitions: Transition[] = [];
  readonly breaker: Breaker;
  constructor() {
    const onTransition = (transition: Transition) => this.transitions.push(transition);
    this.breaker = new Breaker(options, this.now, onTransition);
  }
  get kind(): string {
    return this.breaker.state.kind;
  }
  admit(): Permit | null {
    return this.breaker.admit(this.now, this.chance);
  }
  report(permit: Permit | null, outcome: CallOutcome): void {
    expect(permit).not.toBeNull();
    this.breaker.report(permit as Permit, outcome, this.now, this.chance);
  }
  calls(outcome: CallOutcome, times = 1): this {
    for (let i = 0; i < times; i++) this.report(this.admit(), outcome);
    return this;
  }
  wait(ms: number): this {
    this.now += ms;
    this.breaker.advance(this.now, this.chance);
    return this;
  }
}

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
      .calls('failure', 5)
      .wait(500)
      .calls('success', 2)
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
