/** What an operator has overridden in one domain, as the request path meets it. */
import { nearThreshold } from '../core/counting/near-limit.ts';
import type { Rule } from '../core/rules/rule.ts';
import type { WallMs } from '../core/time.ts';
import type { Check } from '../core/verdict/check.ts';
import { type ForcedAnswer, writeForced } from '../core/verdict/failure-mode.ts';

/**
 * - `open`: every descriptor with a limit is answered OK, and nothing is charged.
 * - `closed`: OVER_LIMIT, refunds OK, and nothing is charged.
 * - `local`: counted by this process alone, by its share of each limit.
 */
export const FORCED_MODES = ['open', 'closed', 'local'] as const;
export type ForcedMode = (typeof FORCED_MODES)[number];

/** Largest limit that an answer can carry. */
const LIMIT_MAX = 4_294_967_295;

/** A rule's limit times a factor. Counters stay as they are. */
export class ScaledLimit {
  readonly factor: number;
  readonly #nearLimitRatio: number;
  /** By the rule as compiled: a reload makes new ones, and the old are let go. */
  readonly #scaled = new WeakMap<Rule, Rule>();

  /** `nearLimitRatio` is NEAR_LIMIT_RATIO. */
  constructor(factor: number, nearLimitRatio: number) {
    this.factor = factor;
    this.#nearLimitRatio = nearLimitRatio;
  }

  /** The rule with its limit scaled: one object for each rule. */
  of(rule: Rule): Rule {
    const known = this.#scaled.get(rule);
    if (known !== undefined) return known;
    const requestsPerUnit = Math.min(LIMIT_MAX, Math.floor(rule.requestsPerUnit * this.factor));
    const near = nearThreshold(requestsPerUnit, this.#nearLimitRatio);
    const scaled = Object.freeze({ ...rule, requestsPerUnit, nearThreshold: near });
    this.#scaled.set(rule, scaled);
    return scaled;
  }
}

export interface DomainOverrideOptions {
  readonly wallNow: () => WallMs;
  /** Told of each charge answered without the store. */
  readonly onAnswered: (mode: ForcedAnswer) => void;
}

export class DomainOverride {
  readonly #options: DomainOverrideOptions;
  /** Null while only limits are scaled. */
  forced: ForcedMode | null = null;
  /** By path or name of the rule. */
  readonly scales = new Map<string, ScaledLimit>();

  constructor(options: DomainOverrideOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.forced === null && this.scales.size === 0;
  }

  /** Scales the limit of a check that a rule of the limits files matched; its path goes before its name. */
  scale(check: Check): void {
    const { rule } = check;
    if (this.scales.size === 0 || rule === null || rule.unlimited) return;
    const scale = this.scales.get(rule.path) ?? this.scales.get(rule.name);
    if (scale === undefined) return;
    check.rule = scale.of(rule);
    check.limit = check.rule.requestsPerUnit;
  }

  /** Answers a check without the store. */
  answer(check: Check, mode: ForcedAnswer): void {
    writeForced(check, mode, this.#options.wallNow());
    check.degraded = 'override';
    this.#options.onAnswered(mode);
  }
}
