/**
 * The history of grants and of what was consumed, judged when all is over and by other means than the checks
 * of each step: for every stretch of time between two admissions, the sum that was admitted in it against
 * what the limit gives; for every session and window, what was consumed up to each moment against
 * what was granted up to then. It knows nothing of the ledger but its commands' outcomes.
 */
import type { Command, Outcome, SessionId } from '../../../src/core/quota/command.ts';
import { type Quota, unitMsOf } from '../../../src/core/quota/quota.ts';
import { violated } from '../violation.ts';

interface Consumption {
  readonly at: number;
  readonly session: SessionId;
  /** -1 for a rate. */
  readonly window: number;
  readonly hits: number;
}

interface Grant {
  readonly at: number;
  readonly session: SessionId;
  readonly amount: number;
}

interface Limits {
  readonly at: number;
  readonly quota: Quota;
}

interface History {
  readonly quotas: Limits[];
  readonly grants: Grant[];
  readonly consumed: Consumption[];
}

/** A limit that is lowered holds when every lease of before is over; how long that takes is Q8's affair. */
const LOWERED_MS = 60_000;
const ROUNDING_HITS = 3;

export class IntervalOracle {
  readonly #histories = new Map<string, History>();
  readonly #endedAt = new Map<SessionId, number>();

  applied(at: number, command: Command, outcome: Outcome): void {
    if (command.kind === 'set-quota' && command.quota !== null && outcome.kind === 'done') {
      this.#historyOf(command.resource).quotas.push({ at, quota: command.quota });
    } else if (command.kind === 'allocate' && outcome.kind === 'shared') {
      const { session } = command;
      this.#historyOf(command.resource).grants.push({ at, session, amount: outcome.amount });
    } else if (command.kind === 'expire-session' || command.kind === 'close-session') {
      if (outcome.kind === 'done') this.#endedAt.set(command.session, at);
    }
  }

  consumed(resource: string, consumption: Consumption): void {
    this.#historyOf(resource).consumed.push(consumption);
  }

  /** Throws a Violation at the first sum that is too large. */
  verify(): void {
    for (const [resource, history] of this.#histories) {
      this.#verifySessions(resource, history);
      const kind = history.quotas[0]?.quota.kind;
      if (kind === 'count') verifyWindows(resource, history);
      else if (kind === 'rate') verifyIntervals(resource, history);
    }
  }

  #historyOf(resource: string): History {
    let history = this.#histories.get(resource);
    if (history === undefined) {
      this.#histories.set(resource, (history = { quotas: [], grants: [], consumed: [] }));
    }
    return history;
  }

  /** Nobody consumes before the first grant to it, after its end, or (of counts) more than was granted. */
  #verifySessions(resource: string, { quotas, grants, consumed }: History): void {
    const granted = new Map<SessionId, number>();
    const spent = new Map<SessionId, number>();
    const isCount = quotas[0]?.quota.kind === 'count';
    let next = 0;
    for (const { at, session, hits } of consumed) {
      for (; next < grants.length && grants[next]!.at <= at; next += 1) {
        const grant = grants[next]!;
        granted.set(grant.session, (granted.get(grant.session) ?? 0) + grant.amount);
      }
      if (at > (this.#endedAt.get(session) ?? Infinity)) {
        violated('oracle', `session ${session} consumes ${resource} after its end`);
      }
      const sum = (spent.get(session) ?? 0) + hits;
      spent.set(session, sum);
      const given = granted.get(session) ?? 0;
      if (isCount ? sum > given : given === 0) {
        violated('oracle', `session ${session} consumed ${sum} of ${resource}, has ${given}`);
      }
    }
  }
}

/** Of each window no more than the highest limit since the one before it began. */
function verifyWindows(resource: string, { quotas, consumed }: History): void {
  const sums = new Map<number, { hits: number; first: number; last: number }>();
  for (const { at, window, hits } of consumed) {
    const sum = sums.get(window) ?? { hits: 0, first: at, last: at };
    sums.set(window, { hits: sum.hits + hits, first: sum.first, last: at });
  }
  const unitMs = unitMsOf(quotas[0]!.quota);
  for (const [window, { hits, first, last }] of sums) {
    const limit = highestLimit(quotas, Math.min(first, last - unitMs), last);
    if (hits > limit) violated('oracle', `${hits} of ${limit} of ${resource} in window ${window}`);
  }
}

/**
 * For all i ≤ j: hits of i..j ≤ burst + the integral of the rate over the time between. With S the sum up to
 * an admission and R the integral, it is S(j) - R(j) - min over i of (S(i-1) - R(i)) that may not
 * pass the burst: one pass looks at all pairs. The burst is the highest since i.
 */
function verifyIntervals(resource: string, { quotas, consumed }: History): void {
  let [sum, integral, before] = [0, 0, 0];
  let lowest = { value: Infinity, at: 0 };
  const unitMs = unitMsOf(quotas[0]!.quota);
  for (const { at, hits } of consumed) {
    integral += ((at - before) * highestLimit(quotas, before, at)) / unitMs;
    before = at;
    if (sum - integral <= lowest.value) lowest = { value: sum - integral, at };
    sum += hits;
    const excess = sum - integral - lowest.value;
    const burst = highestBurst(quotas, lowest.at, at);
    if (excess > burst + ROUNDING_HITS) {
      violated('oracle', `${excess.toFixed(1)} of ${resource} beyond its rate, burst ${burst}`);
    }
  }
}

function highestBurst(quotas: readonly Limits[], from: number, to: number): number {
  const bursts = inForce(quotas, from, to).map((quota) =>
    quota.kind === 'rate' ? quota.burst : 0,
  );
  return Math.max(0, ...bursts);
}

function highestLimit(quotas: readonly Limits[], from: number, to: number): number {
  return Math.max(0, ...inForce(quotas, from, to).map(({ limit }) => limit));
}

/** Those that held at some time of the stretch, and those that may not have been given up yet. */
function inForce(quotas: readonly Limits[], from: number, to: number): Quota[] {
  return quotas
    .filter(({ at }, i) => at <= to && (quotas[i + 1]?.at ?? Infinity) + LOWERED_MS >= from)
    .map(({ quota }) => quota);
}
