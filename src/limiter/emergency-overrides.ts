/**
 * What an operator can override while something burns, without touching a limits file: a domain is
 * opened, closed, or counted by each process alone; a rule's limit is scaled. Every override ends by
 * itself, is bounded in number, and leaves an audit event when it is set, cleared and expired, with who
 * and why. Reloads of limits files keep them. Of this process alone: whoever offers this to operators tells
 * every process.
 *
 * Time: an operator says until when by the wall clock; how long that is, is measured by the monotonic one, so
 * that a step of the wall clock neither ends nor prolongs an override.
 */
import type { DomainRules } from '../core/rules/domain-rules.ts';
import type { RuleNode } from '../core/rules/rule-node.ts';
import type { DurationMs, MonotonicMs, WallMs } from '../core/time.ts';
import type { ForcedAnswer } from '../core/verdict/failure-mode.ts';
import { DomainOverride, FORCED_MODES, type ForcedMode, ScaledLimit } from './domain-override.ts';
import type { RuleSource } from './rule-source.ts';

/** Longer than an emergency lasts: what should stay belongs into a limits file. */
export const OVERRIDE_MS_MAX: DurationMs = 24 * 3_600_000;
/** More than a person can set by hand; each is looked at when one expires. */
export const OVERRIDE_DOMAINS_MAX = 64;
export const OVERRIDE_RULES_MAX = 64;
export const SCALE_FACTOR_MAX = 1000;
/** UTF-16 units of `by` and of `reason`: they are kept and logged. */
export const BY_LENGTH_MAX = 200;
export const REASON_LENGTH_MAX = 1000;

export interface OverrideAuthor {
  /** Who. */
  readonly by: string;
  /** Why. */
  readonly reason: string;
}

export interface OverrideTerms extends OverrideAuthor {
  /** When it ends by itself: in the future, at most OVERRIDE_MS_MAX ahead. */
  readonly untilMs: WallMs;
}

export interface Override extends OverrideTerms {
  readonly domain: string;
  readonly what:
    | { readonly kind: 'force'; readonly mode: ForcedMode }
    | { readonly kind: 'scale'; readonly rule: string; readonly factor: number };
}

export interface OverrideEvent extends OverrideAuthor {
  /** `expired` has the author of the override; a `set` replaces what was set before in its place. */
  readonly change: 'set' | 'cleared' | 'expired';
  readonly override: Override;
}

export interface EmergencyOverridesOptions {
  readonly rules: Pick<RuleSource, 'current'>;
  /** NEAR_LIMIT_RATIO. */
  readonly nearLimitRatio: number;
  readonly wallNow: () => WallMs;
  readonly monotonicNow: () => MonotonicMs;
  /** Runs `task` once after `ms`, unless the function it returns is called first. */
  readonly after: (ms: DurationMs, task: () => void) => () => void;
  /** Must not throw. */
  readonly onAudit: (event: OverrideEvent) => void;
}

interface Kept extends Override {
  readonly expiresAt: MonotonicMs;
}

export class EmergencyOverrides {
  readonly #options: EmergencyOverridesOptions;
  readonly #domains = new Map<string, DomainOverride>();
  /** By domain and place, in the order they were set. */
  readonly #kept = new Map<string, Kept>();
  #nextExpiry: MonotonicMs = Number.POSITIVE_INFINITY;
  #disarm: () => void = () => {};
  /** Charges answered without the store: for metrics. */
  readonly answered: Record<ForcedAnswer, number> = { open: 0, closed: 0 };

  constructor(options: EmergencyOverridesOptions) {
    this.#options = options;
  }

  /** For the request path: what is overridden in a domain now, or null. */
  of(domain: string): DomainOverride | null {
    if (this.#domains.size === 0) return null;
    const now = this.#options.monotonicNow();
    if (now >= this.#nextExpiry) this.#expire(now);
    return this.#domains.get(domain) ?? null;
  }

  /** Null, or why it was refused: nothing has changed then. */
  force(domain: string, mode: ForcedMode, terms: OverrideTerms): string | null {
    this.#expire(this.#options.monotonicNow());
    if (!FORCED_MODES.includes(mode)) {
      return `mode: must be ${FORCED_MODES.join(', ')}, not ${shown(mode)}`;
    }
    const fault = this.#domainFault(domain) ?? this.#termsFault(terms);
    if (fault !== null) return fault;
    this.#domainOverride(domain).forced = mode;
    this.#keep({ domain, what: { kind: 'force', mode }, ...copied(terms) });
    return null;
  }

  /**
   * `rule` is a rule's path within the domain, or a name: then of all rules that have it. Null, or why it
   * was refused.
   */
  scale(domain: string, rule: string, factor: number, terms: OverrideTerms): string | null {
    this.#expire(this.#options.monotonicNow());
    if (typeof factor !== 'number' || !(factor >= 0 && factor <= SCALE_FACTOR_MAX)) {
      return `factor: must be a number from 0 to ${SCALE_FACTOR_MAX}, not ${shown(factor)}`;
    }
    const fault =
      this.#domainFault(domain) ?? this.#ruleFault(domain, rule) ?? this.#termsFault(terms);
    if (fault !== null) return fault;
    const scale = new ScaledLimit(factor, this.#options.nearLimitRatio);
    this.#domainOverride(domain).scales.set(rule, scale);
    this.#keep({ domain, what: { kind: 'scale', rule, factor }, ...copied(terms) });
    return null;
  }

  /** Takes back all overrides of a domain. Null, or why it was refused. */
  clear(domain: string, author: OverrideAuthor): string | null {
    this.#expire(this.#options.monotonicNow());
    const fault = authorFault(author);
    if (fault !== null) return fault;
    if (!this.#domains.has(domain)) return `domain: ${shown(domain)} has no override`;
    const { by, reason } = author;
    const cleared = [...this.#kept.values()].filter((kept) => kept.domain === domain);
    for (const kept of cleared) this.#drop(kept);
    this.#arm();
    for (const kept of cleared) this.#audit('cleared', kept, { by, reason });
    return null;
  }

  /** In the order they were set. */
  list(): readonly Override[] {
    this.#expire(this.#options.monotonicNow());
    return [...this.#kept.values()].map(overrideOf);
  }

  #domainFault(domain: string): string | null {
    if (this.#rulesOf(domain) === undefined) {
      return `domain: no limits file in force describes ${shown(domain)}`;
    }
    if (this.#domains.has(domain) || this.#domains.size < OVERRIDE_DOMAINS_MAX) return null;
    return `domain: ${OVERRIDE_DOMAINS_MAX} domains have overrides already, clear one first`;
  }

  #ruleFault(domain: string, rule: string): string | null {
    const rules = this.#rulesOf(domain) as DomainRules;
    const found = rule === '' ? 'none' : findRule(rules.root, rule);
    if (found === 'none') {
      return `rule: the domain ${shown(domain)} has none with the path or name ${shown(rule)}`;
    }
    if (found === 'unlimited')
      return `rule: ${shown(rule)} is unlimited, there is nothing to scale`;
    const scales = this.#domains.get(domain)?.scales;
    if (scales === undefined || scales.has(rule) || scales.size < OVERRIDE_RULES_MAX) return null;
    return `rule: ${OVERRIDE_RULES_MAX} rules of ${shown(domain)} are scaled already, clear them first`;
  }

  #termsFault(terms: OverrideTerms): string | null {
    const { untilMs } = terms;
    const left = untilMs - this.#options.wallNow();
    if (!Number.isSafeInteger(untilMs)) {
      return `until: must be a time in milliseconds, not ${shown(untilMs)}`;
    }
    if (left <= 0) return 'until: is in the past';
    if (left > OVERRIDE_MS_MAX) return `until: at most ${OVERRIDE_MS_MAX / 3_600_000} hours ahead`;
    return authorFault(terms);
  }

  #rulesOf(domain: string): DomainRules | undefined {
    return this.#options.rules.current?.domains.get(domain);
  }

  #domainOverride(domain: string): DomainOverride {
    const known = this.#domains.get(domain);
    if (known !== undefined) return known;
    const { wallNow } = this.#options;
    const made = new DomainOverride({ wallNow, onAnswered: (mode) => this.#count(mode) });
    this.#domains.set(domain, made);
    return made;
  }

  #count(mode: ForcedAnswer): void {
    this.answered[mode] += 1;
  }

  #keep(override: Override): void {
    const { monotonicNow, wallNow } = this.#options;
    const expiresAt = monotonicNow() + (override.untilMs - wallNow());
    const kept = { ...override, expiresAt };
    const place = placeOf(override);
    this.#kept.delete(place);
    this.#kept.set(place, kept);
    this.#arm();
    this.#audit('set', kept, override);
  }

  #expire(now: MonotonicMs): void {
    const expired = [...this.#kept.values()].filter(({ expiresAt }) => expiresAt <= now);
    for (const kept of expired) this.#drop(kept);
    this.#arm();
    for (const kept of expired) this.#audit('expired', kept, kept);
  }

  #drop(kept: Kept): void {
    const { domain, what } = kept;
    this.#kept.delete(placeOf(kept));
    const override = this.#domains.get(domain) as DomainOverride;
    if (what.kind === 'force') override.forced = null;
    else override.scales.delete(what.rule);
    if (override.isEmpty) this.#domains.delete(domain);
  }

  /** One timer, for the next to expire: so that its end is told without a request, too. */
  #arm(): void {
    this.#disarm();
    this.#disarm = () => {};
    const { monotonicNow, after } = this.#options;
    this.#nextExpiry = Math.min(...[...this.#kept.values()].map(({ expiresAt }) => expiresAt));
    if (this.#kept.size === 0) return;
    const now = monotonicNow();
    this.#disarm = after(Math.ceil(Math.max(0, this.#nextExpiry - now)), () =>
      this.#expire(monotonicNow()),
    );
  }

  #audit(change: OverrideEvent['change'], kept: Kept, { by, reason }: OverrideAuthor): void {
    this.#options.onAudit({ change, override: overrideOf(kept), by, reason });
  }
}

function overrideOf({ domain, what, untilMs, by, reason }: Kept): Override {
  return { domain, what, untilMs, by, reason };
}

function copied({ untilMs, by, reason }: OverrideTerms): OverrideTerms {
  return { untilMs, by, reason };
}

/** There is one for each domain, and one for each of its rules. */
function placeOf({ domain, what }: Override): string {
  return JSON.stringify([domain, what.kind === 'force' ? null : what.rule]);
}

function authorFault({ by, reason }: OverrideAuthor): string | null {
  return textFault('by', by, BY_LENGTH_MAX) ?? textFault('reason', reason, REASON_LENGTH_MAX);
}

function textFault(name: string, text: string, max: number): string | null {
  if (typeof text !== 'string' || text.trim() === '') return `${name}: must not be empty`;
  return text.length > max ? `${name}: is longer than ${max} characters` : null;
}

/** What a path or name stands for: `found` when one of them has a limit. */
function findRule(node: RuleNode, rule: string): 'found' | 'unlimited' | 'none' {
  let best: 'unlimited' | 'none' = 'none';
  const its = node.rule;
  if (its !== null && (its.path === rule || its.name === rule)) {
    if (!its.unlimited) return 'found';
    best = 'unlimited';
  }
  for (const child of node.children()) {
    const below = findRule(child, rule);
    if (below === 'found') return below;
    if (below === 'unlimited') best = below;
  }
  return best;
}

/** A value in a message, cut to a readable length. */
function shown(value: unknown): string {
  const text = typeof value === 'string' ? `'${value}'` : String(value);
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}

const SHOWN_MAX = 80;
