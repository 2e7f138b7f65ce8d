/** Answers for the encoder's tests. */
import type { Rule } from '../../../src/core/rules/rule.ts';
import { Unit } from '../../../src/core/rules/unit.ts';
import { type Answer, Code, type Status } from '../../../src/core/verdict/answer.ts';
import { testRule } from '../../support/rules.ts';

export function rule(overrides: Partial<Rule> = {}): Rule {
  return testRule({ unit: Unit.MINUTE, ...overrides });
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
