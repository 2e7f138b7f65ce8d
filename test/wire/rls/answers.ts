/** Answers for the encoder's tests. */
import { RuleStats } from '../../../src/core/counting/rule-stats.ts';
import type { Rule } from '../../../src/core/rules/rule.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import { type Answer, Code, type Status } from '../../../src/core/verdict/answer.ts';

export function rule(overrides: Partial<Rule> = {}): Rule {
  return {
    requestsPerUnit: 10,
    unit: Unit.MINUTE,
    name: '',
    unlimited: false,
    shadowMode: false,
    quotaMode: false,
    replaces: [],
    metadata: null,
    failureMode: 'error',
    isCritical: false,
    nearThreshold: 8,
    path: 'k',
    stats: new RuleStats(),
    ...overrides,
  };
}

export function status(overrides: Partial<Status> = {}): Status {
  return { code: Code.OK, rule: null, remaining: 0, resetSeconds: 0, ...overrides };
}

export function answer(overrides: Partial<Answer> = {}): Answer {
  return {
    overallCode: Code.OK,
    statuses: [],
    responseHeaders: null,
    dynamicMetadata: null,
    ...overrides,
  };
}
