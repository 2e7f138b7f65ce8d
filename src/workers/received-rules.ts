/**
 * RuleSource of a worker: the supervisor loads the limits files, and sends the descriptors of what has
 * changed. A set is compiled beside the one in force, told as ready, and put in force when the
 * supervisor says so, which is when all workers are ready.
 */
import type { CompileOptions, DomainRules } from '../core/rules/domain-rules.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import type { RuleSource } from '../limiter/rule-source.ts';
import { compileDomain } from '../rules/compile-domain.ts';
import { type DescriptorSlice, decodeSlice } from '../rules/descriptor-slice.ts';
import { Deferred } from './deferred.ts';
import type { DomainRevision, RulesOrder } from './protocol.ts';

export interface ReceivedRulesOptions {
  readonly compile: CompileOptions;
  /** A set, compiled, waits for its commit. */
  readonly onReady: (version: number) => void;
  /** A set is in force. */
  readonly onCurrent: (set: RuleSet) => void;
}

interface Prepared {
  readonly version: number;
  /** Null when no limits file was ever valid. */
  readonly set: RuleSet | null;
}

export class ReceivedRuleSource implements RuleSource {
  readonly #options: ReceivedRulesOptions;
  /** Descriptors that have arrived of domains still to be compiled. */
  readonly #slices = new Map<number, DescriptorSlice[]>();
  /** Of the sets in force and prepared, by revision. */
  #compiled = new Map<number, DomainRules>();
  #prepared: Prepared | null = null;
  #current: RuleSet | null = null;
  /** Sets are compiled one after the other. */
  #turn: Promise<void> = Promise.resolve();
  readonly #started = new Deferred<undefined>();

  constructor(options: ReceivedRulesOptions) {
    this.#options = options;
  }

  get current(): RuleSet | null {
    return this.#current;
  }

  /** Resolves with the first commit. */
  start(): Promise<void> {
    return this.#started.promise;
  }

  close(): Promise<void> {
    this.#started.resolve(undefined);
    return Promise.resolve();
  }

  receive(order: RulesOrder): void {
    if (order.kind === 'slice') {
      const slices = this.#slices.get(order.revision);
      if (slices === undefined) this.#slices.set(order.revision, [order.slice]);
      else slices.push(order.slice);
    } else if (order.kind === 'rules') {
      this.#turn = this.#turn.then(() => this.#prepare(order));
    } else if (order.version === this.#prepared?.version) {
      this.#commit(this.#prepared);
    }
  }

  async #prepare(order: Extract<RulesOrder, { kind: 'rules' }>): Promise<void> {
    const { version } = order;
    const compiled = new Map<number, DomainRules>();
    const domains = new Map<string, DomainRules>();
    for (const at of order.domains) {
      const rules = this.#compiled.get(at.revision) ?? (await this.#compile(at));
      compiled.set(at.revision, rules);
      domains.set(at.domain, rules);
    }
    this.#compiled = compiled;
    const set = { version, domains, brokenDomains: new Set(order.broken) };
    this.#prepared = { version, set: version === 0 ? null : set };
    this.#options.onReady(version);
  }

  async #compile({ domain, revision }: DomainRevision): Promise<DomainRules> {
    const slices = this.#slices.get(revision) ?? [];
    this.#slices.delete(revision);
    return compileDomain(domain, decoded(slices), this.#options.compile);
  }

  #commit({ set }: Prepared): void {
    this.#current = set;
    if (set !== null) this.#options.onCurrent(set);
    this.#started.resolve(undefined);
  }
}

async function* decoded(
  slices: readonly DescriptorSlice[],
): AsyncGenerator<ReturnType<typeof decodeSlice>> {
  for (const slice of slices) yield decodeSlice(slice);
}
