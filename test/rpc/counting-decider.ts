/**
 * A decider that counts in a map, for tests of what stands around it. Every descriptor has the limit 1
 * per hour (or its override), except in three domains that fail.
 */
import type { Descriptor, RateLimitRequest } from '../../src/core/rules/request.ts';
import type { Rule } from '../../src/core/rules/rule.ts';
import { isUnit, Unit } from '../../src/core/rules/unit.ts';
import { type Answer, Code, type Status } from '../../src/core/verdict/answer.ts';
import type { Decider, DecisionFailure, DecisionListener } from '../../src/limiter/decide.ts';
import { testRule } from '../support/rules.ts';

/** Domain to the failure that its requests meet. */
export const FAILING: Readonly<Record<string, DecisionFailure>> = {
  unloaded: { kind: 'service', text: 'no rate limit configuration loaded' },
  storeless: { kind: 'store', text: 'dial tcp: connection refused' },
};
/** A domain whose decision throws, against the contract. */
export const THROWING = 'throwing';
/** A domain whose answer has the overall code UNKNOWN. */
export const UNDECIDED = 'undecided';
/** A domain whose answer cannot be encoded, against the contract. */
export const UNSENDABLE = 'unsendable';

export class CountingDecider implements Decider {
  readonly #counts = new Map<string, number>();
  #held: (() => void)[] | null = null;
  #onHeld: () => void = () => {};

  /** From now on decisions wait for `release`; resolves when the first one does. */
  hold(): Promise<void> {
    this.#held = [];
    return new Promise((resolve) => {
      this.#onHeld = resolve;
    });
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const settle of held) settle();
  }

  decide(request: RateLimitRequest, listener: DecisionListener): void {
    if (request.domain === THROWING) throw new Error('defect in the decider');
    const settle = (): void => this.#settle(request, listener);
    if (this.#held === null) settle();
    else {
      this.#held.push(settle);
      this.#onHeld();
    }
  }

  #settle(request: RateLimitRequest, listener: DecisionListener): void {
    const failure = FAILING[request.domain];
    if (failure !== undefined) return listener.failed(failure);
    const statuses: Status[] = [];
    for (const [at, descriptor] of request.descriptors.entries()) {
      const unit = descriptor.limit?.unit ?? Unit.HOUR;
      if (!isUnit(unit)) {
        const text = `descriptors[${at}].limit.unit: ${unit} is not a unit`;
        return listener.failed({ kind: 'invalid', text });
      }
      statuses.push(this.#charge(descriptor, unit));
    }
    listener.decided(answerOf(request.domain, statuses));
  }

  #charge(descriptor: Descriptor, unit: Unit): Status {
    const key = JSON.stringify(descriptor.entries);
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    const limit = descriptor.limit?.requestsPerUnit ?? 1;
    return {
      code: count > limit ? Code.OVER_LIMIT : Code.OK,
      rule: ruleOf(limit, unit),
      remaining: Math.max(0, limit - count),
      resetSeconds: 58,
    };
  }
}

function answerOf(domain: string, statuses: readonly Status[]): Answer {
  const isOver = statuses.some(({ code }) => code === Code.OVER_LIMIT);
  const overallCode = domain === UNDECIDED ? Code.UNKNOWN : isOver ? Code.OVER_LIMIT : Code.OK;
  return {
    overallCode,
    statuses: domain === UNSENDABLE ? (null as unknown as Status[]) : statuses,
    responseHeaders: null,
    dynamicMetadata: null,
  };
}

function ruleOf(requestsPerUnit: number, unit: Unit): Rule {
  return testRule({ requestsPerUnit, unit, nearThreshold: 0, path: '' });
}
