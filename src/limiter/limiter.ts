/**
 * The use case: a request is matched, charged and settled. Everything here is synchronous; the only
 * wait is the store's, and it comes back through `settled`. The same rule set serves the whole request,
 * whatever is reloaded meanwhile.
 */
import type { RuleStats } from '../core/counting/rule-stats.ts';
import type { AbuseWatch } from '../core/events/abuse-watch.ts';
import type { DomainRules } from '../core/rules/domain-rules.ts';
import { type Descriptor, HITS_UNSET, type RateLimitRequest } from '../core/rules/request.ts';
import type { Rule } from '../core/rules/rule.ts';
import { isUnit } from '../core/rules/unit.ts';
import type { MonotonicMs } from '../core/time.ts';
import { Code } from '../core/verdict/answer.ts';
import { Check } from '../core/verdict/check.ts';
import { dynamicMetadata } from '../core/verdict/dynamic-metadata.ts';
import { type HeaderNames, limitHeaders } from '../core/verdict/headers.ts';
import { applyReplaces } from '../core/verdict/replaces.ts';
import { overallCode, settleCheck, settleWhole } from '../core/verdict/settle.ts';
import {
  type ChargeGroup,
  type ChargeListener,
  ChargePolicy,
  type CounterStore,
  type StoreFailure,
} from './counter-store.ts';
import type { Decider, DecisionListener } from './decide.ts';
import { Decision } from './decision.ts';
import type { DomainOverride, ForcedMode } from './domain-override.ts';
import type { EmergencyOverrides } from './emergency-overrides.ts';
import type { Observer } from './observer.ts';
import type { CounterLimit, OverLimitCache } from './over-limit-cache.ts';
import type { RuleSource } from './rule-source.ts';

export interface LimiterOptions {
  readonly rules: Pick<RuleSource, 'current'>;
  readonly store: Pick<CounterStore, 'charge'>;
  readonly observer: Observer;
  readonly overrides: Pick<EmergencyOverrides, 'of'>;
  /** Told of the counters that turn somebody away; null where nothing is recorded. */
  readonly abuse: Pick<AbuseWatch, 'over'> | null;
  /** Null when LOCAL_CACHE_SIZE_IN_BYTES is 0. */
  readonly overLimitCache: OverLimitCache | null;
  readonly monotonicNow: () => MonotonicMs;
  /** STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT */
  readonly stopsWhenOver: boolean;
  /** SHADOW_MODE */
  readonly isShadowForAll: boolean;
  /** QUOTA_MODE */
  readonly isQuotaForAll: boolean;
  /** RESPONSE_DYNAMIC_METADATA */
  readonly addsMetadata: boolean;
  /** Null unless LIMIT_RESPONSE_HEADERS_ENABLED. */
  readonly headerNames: HeaderNames | null;
}

/** Reason of a degraded answer: see `DegradedReason`. */
const DEGRADED_HEADER = 'x-ratelimit-degraded';
/**
 * What a count says of a domain that is charged whole may be remembered for so long: where several servers
 * hold the counters, it holds what another request reserves for a moment and then gives back.
 */
const WHOLE_KNOWN_MS = 1000;
const NOT_LOADED = { kind: 'service', text: 'no rate limit configuration loaded' } as const;

export class Limiter implements Decider, ChargeListener {
  readonly #options: LimiterOptions;
  readonly #policy: ChargePolicy;

  constructor(options: LimiterOptions) {
    this.#options = options;
    this.#policy = options.stopsWhenOver ? ChargePolicy.STOP_WHEN_OVER : ChargePolicy.ALL;
  }

  decide(request: RateLimitRequest, listener: DecisionListener): void {
    const set = this.#options.rules.current;
    const domain = set?.domains.get(request.domain);
    if (set === null || (domain === undefined && set.brokenDomains.has(request.domain))) {
      listener.failed(NOT_LOADED);
      return;
    }
    const policy = domain?.chargesWhole === true ? ChargePolicy.ALL_OR_NOTHING : this.#policy;
    const decision = new Decision(request, listener, policy);
    const override = domain === undefined ? null : this.#options.overrides.of(request.domain);
    const invalid =
      domain === undefined ? this.#skip(decision) : matchAll(domain, decision, override);
    if (invalid !== null) {
      listener.failed({ kind: 'invalid', text: invalid });
      return;
    }
    if (override === null || override.forced === null) this.#prepare(decision);
    else this.#prepareForced(decision, override, override.forced);
    if (decision.charges.length === 0) this.#finishSafely(decision);
    else this.#options.store.charge([decision], this);
  }

  settled(groups: readonly ChargeGroup[]): void {
    for (const group of groups) this.#finishSafely(group as Decision);
  }

  /** An unknown domain: every descriptor passes, and is counted as not found. */
  #skip(decision: Decision): null {
    const { domain, descriptors } = decision.request;
    for (let i = 0; i < descriptors.length; i++) {
      decision.addStatus(new Check());
      this.#options.observer.domainNotFound(domain);
    }
    return null;
  }

  /** Counts the hits and picks the checks that the store must be asked for. */
  #prepare(decision: Decision): void {
    const cache = this.#options.overLimitCache;
    if (cache !== null) decision.askedAt = this.#options.monotonicNow();
    for (const check of decision.statuses) {
      if (!this.#count(check, decision)) continue;
      if (cache === null || !isAnswered(check, cache, decision)) decision.addCharge(check);
    }
    // With a counter already known over, the reference charges nothing else of the request.
    if (decision.policy !== ChargePolicy.ALL) stopOthers(decision);
  }

  /** An operator decided: nothing is charged, or only what this process counts. */
  #prepareForced(decision: Decision, override: DomainOverride, forced: ForcedMode): void {
    decision.isLocal = forced === 'local';
    for (const check of decision.statuses) {
      if (!this.#count(check, decision)) continue;
      if (forced === 'local') decision.addCharge(check);
      else override.answer(check, forced);
    }
  }

  /** Counts what is asked of a check; false when nothing of it is ever charged. */
  #count(check: Check, decision: Decision): boolean {
    const { rule } = check;
    if (rule === null || rule.unlimited) return false;
    const stats = check.stats as RuleStats;
    if (check.isRefund) stats.totalNegativeHits += check.hits;
    else stats.totalHits += check.hits;
    if (isWhole(decision)) check.isBinding = this.#binds(rule);
    return true;
  }

  /** False for a rule that turns nobody away: it must not keep others from being charged. */
  #binds({ shadowMode, quotaMode }: Rule): boolean {
    const { isShadowForAll, isQuotaForAll } = this.#options;
    return !(shadowMode || quotaMode || isShadowForAll || isQuotaForAll);
  }

  /** A defect costs its own request an error, never the others of the batch or the process. */
  #finishSafely(decision: Decision): void {
    try {
      this.#finish(decision);
    } catch (error) {
      decision.listener.broke(error);
    }
  }

  #finish(decision: Decision): void {
    const { statuses: checks, request, failure } = decision;
    const options = this.#options;
    if (failure !== null) {
      options.observer.storeFailed(failure.code);
      markUnserved(decision, failure);
    }
    if (isWhole(decision)) settleWhole(checks);
    else for (const check of checks) settleCheck(check);
    decision.overallCode = overallCode(checks, options.isQuotaForAll);
    // What is known to be over is over, whatever the store would have said of the rest.
    if (failure !== null && decision.overallCode !== Code.OVER_LIMIT) {
      decision.listener.failed({ kind: 'store', text: failure.text });
      return;
    }
    if (options.overLimitCache !== null) rememberOver(decision, options.overLimitCache);
    if (options.isShadowForAll && decision.overallCode === Code.OVER_LIMIT) {
      decision.overallCode = Code.OK;
      options.observer.globalShadow();
    }
    if (options.abuse !== null && decision.overallCode === Code.OVER_LIMIT) {
      tellOver(decision, options.abuse, options.monotonicNow());
    }
    if (options.headerNames !== null) {
      decision.responseHeaders = limitHeaders(checks, options.headerNames, options.isQuotaForAll);
    }
    if (options.addsMetadata) decision.dynamicMetadata = dynamicMetadata(request, checks);
    sayDegraded(decision);
    decision.listener.decided(decision);
  }
}

/** Charges of a part that was served have their readings, and so have those answered in its place. */
function markUnserved({ charges }: Decision, { parts }: StoreFailure): void {
  const failed = parts === undefined ? null : new Set(parts.flatMap((part) => part.charges));
  for (const check of charges) {
    check.isUnserved = check.degraded === null && (failed?.has(check) ?? true);
  }
}

function isWhole({ policy }: Decision): boolean {
  return policy === ChargePolicy.ALL_OR_NOTHING;
}

/** Makes and matches a check for every descriptor; returns what is wrong with the request, or null. */
function matchAll(
  domain: DomainRules,
  decision: Decision,
  override: DomainOverride | null,
): string | null {
  const { descriptors, hitsAddend } = decision.request;
  let hasReplaces = false;
  for (let i = 0; i < descriptors.length; i++) {
    const descriptor = descriptors[i] as Descriptor;
    if (descriptor.limit !== null && !isUnit(descriptor.limit.unit)) {
      return `descriptors[${i}].limit.unit: ${descriptor.limit.unit} is not a unit that can be counted, want 1 (SECOND) to 7 (WEEK)`;
    }
    const check = new Check();
    check.hits =
      descriptor.hitsAddend === HITS_UNSET ? Math.max(1, hitsAddend) : descriptor.hitsAddend;
    check.isRefund = descriptor.isNegativeHits;
    domain.match(descriptor, check);
    // A limit that the request brings is the caller's own.
    if (override !== null && descriptor.limit === null) override.scale(check);
    if (check.rule !== null && check.rule.replaces.length > 0) hasReplaces = true;
    decision.addStatus(check);
  }
  if (hasReplaces) applyReplaces(decision.statuses);
  return null;
}

/**
 * True when the over-limit cache answers the check, so that nothing is charged. Of a request with an id
 * only the store knows whether it is a retry, and how the first was answered.
 */
function isAnswered(check: Check, cache: OverLimitCache, decision: Decision): boolean {
  if (check.isRefund) {
    cache.forget(check.key);
    return false;
  }
  // A share is as quick to ask, and may have grown.
  if (decision.requestId !== '' || check.isLeased) return false;
  const resetMs = cache.msKnownOver(heldAgainst(check, decision), decision.askedAt);
  if (resetMs === 0) return false;
  check.isKnownOver = true;
  check.resetMs = resetMs;
  return true;
}

/** Where requests are charged whole, a count that leaves no room for all hits is as good as over. */
function heldAgainst(check: Check, decision: Decision): CounterLimit {
  if (!isWhole(decision)) return check;
  return { key: check.key, unit: check.unit, limit: check.limit - check.hits };
}

function stopOthers(decision: Decision): void {
  if (decision.charges.length === decision.statuses.length) return;
  if (!decision.statuses.some((check) => check.isKnownOver && check.isBinding)) return;
  for (const check of decision.charges) if (!check.isRefund) check.hits = 0;
}

/**
 * Remembers what the store's own readings of now say. One of a request with an id may be an earlier
 * one's, of a window that has ended.
 */
function rememberOver(decision: Decision, cache: OverLimitCache): void {
  const { requestId, askedAt } = decision;
  for (const check of decision.charges) {
    // A charge that was in flight when the refund was asked may have been remembered since.
    if (check.isRefund) cache.forget(check.key);
    else if (requestId === '' && check.degraded === null && !check.isUnserved && !check.isLeased) {
      const isChargedWhole = isWhole(decision);
      const count = countOver(check, isChargedWhole);
      const knownMs = isChargedWhole ? WHOLE_KNOWN_MS : check.resetMs;
      if (count >= 0) cache.remember(check, count, askedAt + check.resetMs, askedAt + knownMs);
    }
  }
}

/**
 * What a counter counts that lets no hit through any more, else -1. Where requests are charged whole,
 * the count after a refused one is only what it would have been.
 */
function countOver({ before, after, limit }: Check, isChargedWhole: boolean): number {
  if (isChargedWhole) return before >= limit ? before : -1;
  return after > limit ? after : -1;
}

/** What a store's own reading turned away: an answer in its place says nothing of who asks. */
function tellOver(
  { statuses, request }: Decision,
  abuse: Pick<AbuseWatch, 'over'>,
  now: MonotonicMs,
): void {
  for (const check of statuses) {
    const isIts = check.code === Code.OVER_LIMIT && check.degraded === null && check.key !== '';
    if (isIts) abuse.over(request.domain, check, now);
  }
}

/** A degraded answer says so, in each of the two places that the operator switched on. */
function sayDegraded(decision: Decision): void {
  const { responseHeaders, dynamicMetadata: metadata } = decision;
  if (responseHeaders === null && metadata === null) return;
  const reason = decision.statuses.find(({ degraded }) => degraded !== null)?.degraded;
  if (reason === undefined || reason === null) return;
  if (responseHeaders !== null) {
    decision.responseHeaders = [...responseHeaders, { key: DEGRADED_HEADER, value: reason }];
  }
  if (metadata !== null) metadata['degraded'] = reason;
}
