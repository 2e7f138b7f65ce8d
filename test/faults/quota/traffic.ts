/** Leased rules, and the calls that ask for them. */
import type { JsonObject } from '@bufbuild/protobuf';
import type { FleetAnswer, FleetLoad } from './fleet-load.ts';

export interface LeasedRule {
  readonly key: string;
  readonly unit: string;
  readonly limit: number;
  /** Calls per second, over all replicas. */
  readonly wanted: number;
}

/**
 * Where no lease is, the answer is no: so whatever was admitted was admitted from a share, and what was turned
 * away for want of a lease says that it is degraded.
 */
export function limitsFiles(rules: readonly LeasedRule[]): Record<string, string> {
  const lines = rules.map(
    ({ key, unit, limit }) =>
      `  - { key: ${key}, rate_limit: { unit: ${unit}, requests_per_unit: ${limit}, quota: leased } }`,
  );
  const head = ['domain: shop', 'on_store_failure: closed', 'descriptors:'];
  return { 'shop.yaml': [...head, ...lines, ''].join('\n') };
}

/** Calls in turns, mixed as the rules are wanted. */
export class Traffic {
  readonly rules: readonly LeasedRule[];
  readonly requests: readonly JsonObject[];
  readonly ratePerSecond: number;
  /** The rule of each request in turn. */
  readonly #turns: readonly LeasedRule[];

  constructor(rules: readonly LeasedRule[]) {
    this.rules = rules;
    this.ratePerSecond = rules.reduce((sum, { wanted }) => sum + wanted, 0);
    this.#turns = mixed(rules);
    this.requests = this.#turns.map(({ key }) => ({
      domain: 'shop',
      descriptors: [{ entries: [{ key, value: 'ann' }] }],
    }));
  }

  ruleOf(call: number): LeasedRule {
    return this.#turns[call % this.#turns.length] as LeasedRule;
  }

  *answersOf(load: FleetLoad, rule: LeasedRule): Generator<FleetAnswer> {
    for (const answer of load.answers()) if (this.ruleOf(answer.call) === rule) yield answer;
  }
}

/** As many of each as it is wanted, by their greatest common measure, one kind's not all in a row. */
function mixed(rules: readonly LeasedRule[]): LeasedRule[] {
  const measure = rules.reduce((gcd, { wanted }) => divisor(gcd, wanted), 0);
  const places = rules.flatMap((rule) => {
    const count = rule.wanted / measure;
    return Array.from({ length: count }, (_, at) => ({ rule, at: (at + 0.5) / count }));
  });
  return places.toSorted((a, b) => a.at - b.at).map(({ rule }) => rule);
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

export function isAdmitted({ outcome }: FleetAnswer): boolean {
  return outcome === 'OK';
}
