/** A limiter over the memory store, with rules compiled in memory: what it answers, counts and charges. */
import { expect } from 'vitest';
import { RuleStats } from '../../src/core/counting/rule-stats.ts';
import type { RateLimitRequest } from '../../src/core/rules/request.ts';
import type { RuleSet } from '../../src/core/rules/rule-set.ts';
import { type Answer, Code } from '../../src/core/verdict/answer.ts';
import { MemoryCounterStore } from '../../src/counters/memory/memory-counter-store.ts';
import type { DecisionFailure } from '../../src/limiter/decide.ts';
import { EmergencyOverrides, type OverrideEvent } from '../../src/limiter/emergency-overrides.ts';
import { Limiter, type LimiterOptions } from '../../src/limiter/limiter.ts';
import { compileDomain, type TestDescriptor, testDescriptor } from '../support/rules.ts';

export interface World {
  /** Descriptors, `a=1,b=2;c=3`; `requestId` is the caller's id. */
  readonly ask: (
    text: string,
    extra?: Partial<RateLimitRequest> & { readonly requestId?: string },
  ) => Answer | DecisionFailure;
  readonly stats: Map<string, RuleStats>;
  readonly store: MemoryCounterStore;
  readonly charged: () => number;
  readonly overrides: EmergencyOverrides;
  readonly audit: readonly OverrideEvent[];
  readonly observed: { notFound: string[]; failures: string[]; shadows: number };
  clock: number;
}

/** `descriptors` are the rules of domain `d`; `options` change single options of the limiter. */
export function worldOf(
  descriptors: readonly TestDescriptor[],
  options: Partial<LimiterOptions> = {},
): World {
  const stats = new Map<string, RuleStats>();
  const observed = { notFound: [] as string[], failures: [] as string[], shadows: 0 };
  const domains = new Map([['d', compileDomain('d', descriptors, { stats })]]);
  const current: RuleSet = { version: 1, domains, brokenDomains: new Set(['broken']) };
  const made: { clock: number } = { clock: 7_200_000 };
  const store = new MemoryCounterStore({ now: () => made.clock });
  let charges = 0;
  const audit: OverrideEvent[] = [];
  const overrides = new EmergencyOverrides({
    rules: { current },
    nearLimitRatio: 0.8,
    wallNow: () => made.clock,
    monotonicNow: () => made.clock,
    after: () => () => {},
    onAudit: (event) => audit.push(event),
  });
  const limiter = new Limiter({
    rules: { current },
    overrides,
    store: {
      charge: (groups, listener) => {
        for (const group of groups) charges += group.charges.length;
        store.charge(groups, listener);
      },
    },
    observer: {
      ruleStats: () => new RuleStats(),
      callerStats: () => new RuleStats(),
      domainNotFound: (domain) => observed.notFound.push(domain),
      globalShadow: () => observed.shadows++,
      storeFailed: (code) => observed.failures.push(code),
    },
    abuse: null,
    overLimitCache: null,
    monotonicNow: () => made.clock,
    stopsWhenOver: false,
    isShadowForAll: false,
    isQuotaForAll: false,
    addsMetadata: false,
    headerNames: null,
    ...options,
  });
  const ask: World['ask'] = (text, { requestId = '', ...extra } = {}) => {
    const asked = text.split(';').map((one) => testDescriptor(one));
    const answers: (Answer | DecisionFailure)[] = [];
    limiter.decide(
      { domain: 'd', descriptors: asked, hitsAddend: 0, ...extra },
      {
        deadlineMs: 0,
        requestId,
        decided: (answer) => answers.push(answer),
        failed: (failure) => answers.push(failure),
        broke: (error) => answers.push({ kind: 'service', text: String(error) }),
      },
    );
    expect(answers).toHaveLength(1);
    return answers[0] as Answer | DecisionFailure;
  };
  const parts = { ask, stats, store, charged: () => charges, observed, overrides, audit };
  return Object.assign(made, parts);
}

/** `OK 1` or `OVER` for each descriptor, after the overall code. */
export function words(answer: Answer | DecisionFailure): string {
  if ('kind' in answer) return `${answer.kind}: ${answer.text}`;
  const word = (code: Code) => (code === Code.OK ? 'OK' : 'OVER');
  const each = answer.statuses.map(({ code, rule, remaining }) =>
    rule === null ? `${word(code)} -` : `${word(code)} ${remaining}`,
  );
  return [word(answer.overallCode), ...each].join(' | ');
}
