/** What operators may override, how it ends, and what is told of it. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { RuleSet } from '../../src/core/rules/rule-set.ts';
import {
  BY_LENGTH_MAX,
  EmergencyOverrides,
  OVERRIDE_DOMAINS_MAX,
  OVERRIDE_MS_MAX,
  OVERRIDE_RULES_MAX,
  REASON_LENGTH_MAX,
  SCALE_FACTOR_MAX,
} from '../../src/limiter/emergency-overrides.ts';
import { compileDomain } from '../support/rules.ts';

const NOW = 1_800_000_000_000;
const HOUR_MS = 3_600_000;

class Desk {
  wall = NOW;
  monotonic = 50;
  current: RuleSet | null;
  readonly told: string[] = [];
  /** The one timer, or none. */
  timer: { readonly at: number; readonly task: () => void } | null = null;
  readonly overrides: EmergencyOverrides;

  constructor() {
    const rules = [
      { key: 'a', limit: '10/hour', children: [{ key: 'b', limit: { name: 'deep' } }] },
      { key: 'free', limit: { unlimited: true, name: 'gratis' } },
      ...Array.from({ length: 80 }, (_, n) => ({ key: 'r', value: `${n}`, limit: '1/hour' })),
    ];
    const names = ['d', ...Array.from({ length: 80 }, (_, n) => `d${n}`)];
    const domains = new Map(names.map((name) => [name, compileDomain(name, rules)]));
    this.current = { version: 1, domains, brokenDomains: new Set(['broken']) };
    const { current } = this;
    this.overrides = new EmergencyOverrides({
      rules: { current },
      nearLimitRatio: 0.8,
      wallNow: () => this.wall,
      monotonicNow: () => this.monotonic,
      after: (ms, task) => {
        expect(this.timer).toBeNull();
        const timer = { at: this.monotonic + ms, task };
        this.timer = timer;
        return () => {
          if (this.timer === timer) this.timer = null;
        };
      },
      onAudit: ({ change, override: { domain, what }, by, reason }) => {
        const said = what.kind === 'force' ? what.mode : `${what.rule} x ${what.factor}`;
        this.told.push(`${change} ${domain} ${said}: ${by}, ${reason}`);
      },
    });
  }

  /** Lets time pass by both clocks; the timer fires when it is due. */
  pass(ms: number): void {
    const end = this.monotonic + ms;
    while (this.timer !== null && this.timer.at <= end) {
      const { at, task } = this.timer;
      this.timer = null;
      this.wall += at - this.monotonic;
      this.monotonic = at;
      task();
    }
    this.wall += end - this.monotonic;
    this.monotonic = end;
  }

  terms(ms = HOUR_MS) {
    return { untilMs: this.wall + ms, by: 'ann', reason: 'redis is slow' };
  }
}

let desk: Desk;
beforeEach(() => {
  desk = new Desk();
});

describe('an override', () => {
  it('is told when it is set, and listed with its terms', () => {
    const { overrides } = desk;
    expect(overrides.force('d', 'open', desk.terms())).toBeNull();
    expect(overrides.scale('d', 'deep', 0.5, desk.terms(5))).toBeNull();
    expect(desk.told).toEqual([
      'set d open: ann, redis is slow',
      'set d deep x 0.5: ann, redis is slow',
    ]);
    const author = { by: 'ann', reason: 'redis is slow' };
    expect(overrides.list()).toEqual([
      { domain: 'd', what: { kind: 'force', mode: 'open' }, untilMs: NOW + HOUR_MS, ...author },
      {
        domain: 'd',
        what: { kind: 'scale', rule: 'deep', factor: 0.5 },
        untilMs: NOW + 5,
        ...author,
      },
    ]);
    expect(overrides.of('d')?.forced).toBe('open');
    expect(overrides.of('d1')).toBeNull();
  });

  it('takes the place of one that was set before', () => {
    const { overrides } = desk;
    overrides.force('d', 'open', desk.terms(5));
    overrides.force('d', 'closed', desk.terms());
    overrides.scale('d', 'a', 2, desk.terms());
    overrides.scale('d', 'a', 3, desk.terms());
    desk.pass(10);
    expect(overrides.list().map(({ what }) => what)).toEqual([
      { kind: 'force', mode: 'closed' },
      { kind: 'scale', rule: 'a', factor: 3 },
    ]);
  });

  it('ends by itself, without a request, and each is told', () => {
    const { overrides } = desk;
    overrides.force('d', 'closed', desk.terms(1000));
    overrides.scale('d', 'a', 2, desk.terms(2000));
    overrides.force('d1', 'local', desk.terms(2000));
    desk.pass(999);
    expect(desk.told).toHaveLength(3);
    desk.pass(1);
    expect(desk.told.at(-1)).toBe('expired d closed: ann, redis is slow');
    expect(overrides.of('d')).toMatchObject({ forced: null });
    desk.pass(1000);
    expect(desk.told.slice(4)).toEqual([
      'expired d a x 2: ann, redis is slow',
      'expired d1 local: ann, redis is slow',
    ]);
    expect([overrides.of('d'), overrides.list(), desk.timer]).toEqual([null, [], null]);
  });

  it.each([
    ['a request', () => desk.overrides.of('d')],
    ['the list', () => desk.overrides.list()],
    ['another override', () => desk.overrides.force('d1', 'open', desk.terms())],
  ])('has ended for %s, however late the timer', (_name, look) => {
    desk.overrides.force('d', 'closed', desk.terms(1000));
    desk.monotonic += 1000;
    desk.wall += 1000;
    look();
    expect(desk.told).toContain('expired d closed: ann, redis is slow');
    expect(desk.overrides.of('d')).toBeNull();
  });

  it('lasts as long as it was meant to when the wall clock is stepped', () => {
    desk.overrides.force('d', 'closed', desk.terms(1000));
    desk.wall += HOUR_MS;
    expect(desk.overrides.of('d')).not.toBeNull();
    desk.wall -= 2 * HOUR_MS;
    desk.pass(1000);
    expect(desk.overrides.of('d')).toBeNull();
  });

  it('is cleared with all of its domain, by whoever says why', () => {
    const { overrides } = desk;
    overrides.force('d', 'open', desk.terms());
    overrides.scale('d', 'a', 0, desk.terms());
    overrides.force('d1', 'open', desk.terms());
    expect(overrides.clear('d', { by: 'bob', reason: 'redis is back' })).toBeNull();
    expect(desk.told.slice(3)).toEqual([
      'cleared d open: bob, redis is back',
      'cleared d a x 0: bob, redis is back',
    ]);
    expect([overrides.of('d'), overrides.of('d1')?.forced]).toEqual([null, 'open']);
    expect(overrides.clear('d', { by: 'bob', reason: 'x' })).toBe("domain: 'd' has no override");
    expect(overrides.clear('d1', { by: '', reason: 'x' })).toBe('by: must not be empty');
  });
});

describe('a refused override', () => {
  const limitOfText = (name: string, max: number): string =>
    `${name}: is longer than ${max} characters`;

  it.each<[string, Partial<Parameters<EmergencyOverrides['force']>[2]>, string]>([
    ['a past time', { untilMs: NOW }, 'until: is in the past'],
    ['a time too far', { untilMs: NOW + OVERRIDE_MS_MAX + 1 }, 'until: at most 24 hours ahead'],
    ['no time', { untilMs: Number.NaN }, 'until: must be a time in milliseconds, not NaN'],
    ['a part of a ms', { untilMs: NOW + 0.5 }, `until: must be a time in milliseconds, not ${NOW}`],
    ['nobody', { by: ' ' }, 'by: must not be empty'],
    ['no reason', { reason: '' }, 'reason: must not be empty'],
    ['a long name', { by: 'x'.repeat(BY_LENGTH_MAX + 1) }, limitOfText('by', BY_LENGTH_MAX)],
    [
      'a long reason',
      { reason: 'x'.repeat(REASON_LENGTH_MAX + 1) },
      limitOfText('reason', REASON_LENGTH_MAX),
    ],
  ])('of %s says so and changes nothing', (_name, changed, fault) => {
    const terms = { ...desk.terms(), ...changed };
    const faults = [
      desk.overrides.force('d', 'open', terms),
      desk.overrides.scale('d', 'a', 1, terms),
    ];
    for (const each of faults) expect(each).toContain(fault);
    expect([desk.told, desk.overrides.list(), desk.overrides.of('d')]).toEqual([[], [], null]);
  });

  it('may last for the longest time and have the longest texts', () => {
    const by = 'x'.repeat(BY_LENGTH_MAX);
    const reason = 'x'.repeat(REASON_LENGTH_MAX);
    const terms = { untilMs: NOW + OVERRIDE_MS_MAX, by, reason };
    expect(desk.overrides.force('d', 'open', terms)).toBeNull();
  });

  it.each([-0.1, SCALE_FACTOR_MAX + 0.1, Number.NaN, Number.POSITIVE_INFINITY, '2' as never])(
    'of the factor %s says what it may be',
    (factor) => {
      const fault = desk.overrides.scale('d', 'a', factor, desk.terms());
      const not = typeof factor === 'string' ? `'${factor}'` : factor;
      expect(fault).toBe(`factor: must be a number from 0 to 1000, not ${not}`);
    },
  );

  it('of a mode that is none says which there are', () => {
    const fault = desk.overrides.force('d', 'opne' as never, desk.terms());
    expect(fault).toBe("mode: must be open, closed, local, not 'opne'");
  });

  it.each(['nowhere', 'broken', '', 'x'.repeat(200)])('of the domain %j names it', (domain) => {
    const shown = domain.length > 80 ? `'${'x'.repeat(79)}…` : `'${domain}'`;
    const fault = `domain: no limits file in force describes ${shown}`;
    expect(desk.overrides.force(domain, 'open', desk.terms())).toBe(fault);
    expect(desk.overrides.scale(domain, 'a', 1, desk.terms())).toBe(fault);
  });

  it.each([
    ['b', "rule: the domain 'd' has none with the path or name 'b'"],
    ['', "rule: the domain 'd' has none with the path or name ''"],
    ['free', "rule: 'free' is unlimited, there is nothing to scale"],
    ['gratis', "rule: 'gratis' is unlimited, there is nothing to scale"],
  ])('of the rule %j names it', (rule, fault) => {
    expect(desk.overrides.scale('d', rule, 1, desk.terms())).toBe(fault);
  });

  it.each(['a', 'a.b', 'deep', 'r_79'])('the rule %j is found', (rule) => {
    expect(desk.overrides.scale('d', rule, 1, desk.terms())).toBeNull();
  });

  it('is one domain or one rule too many, until some are cleared', () => {
    const { overrides } = desk;
    for (let n = 0; n < OVERRIDE_DOMAINS_MAX; n += 1) {
      expect(overrides.force(`d${n}`, 'open', desk.terms())).toBeNull();
    }
    for (let n = 0; n < OVERRIDE_RULES_MAX; n += 1) {
      expect(overrides.scale('d0', `r_${n}`, 2, desk.terms())).toBeNull();
    }
    expect(overrides.force('d', 'open', desk.terms())).toBe(
      'domain: 64 domains have overrides already, clear one first',
    );
    expect(overrides.scale('d0', 'a', 2, desk.terms())).toBe(
      "rule: 64 rules of 'd0' are scaled already, clear them first",
    );
    expect(overrides.scale('d0', 'r_0', 3, desk.terms())).toBeNull();
    expect(overrides.force('d0', 'closed', desk.terms())).toBeNull();
    overrides.clear('d0', { by: 'bob', reason: 'room' });
    expect(overrides.force('d', 'open', desk.terms())).toBeNull();
  });
});
