import type { RuleStats } from '../counting/rule-stats.ts';
import type { KeyFormat } from './key-format.ts';
import type { DescriptorConfig } from './limits-file.ts';

export interface CompileOptions {
  readonly keyFormat: KeyFormat;
  /** NEAR_LIMIT_RATIO, 0..1. */
  readonly nearLimitRatio: number;
  readonly bindStats: (domain: string, path: string) => RuleStats;
}

export class DomainRules {
  readonly domain: string;
  constructor(domain: string) {
    this.domain = domain;
  }
}

export class DomainCompiler {
  readonly #domain: string;
  constructor(domain: string, _options: CompileOptions) {
    this.#domain = domain;
  }
  add(_descriptor: DescriptorConfig): void {}
  finish(): DomainRules {
    return new DomainRules(this.#domain);
  }
}
