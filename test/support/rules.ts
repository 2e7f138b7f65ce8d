/** Builds compiled rules in memory, for tests that need no limits files. */
import { RuleStats } from '../../src/core/counting/rule-stats.ts';
import { DomainCompiler, type DomainRules } from '../../src/core/rules/domain-rules.ts';
import { exactKeyFormat, type KeyFormat } from '../../src/core/rules/key-format.ts';
import type { DescriptorConfig, LimitConfig } from '../../src/core/rules/limits-file.ts';
import { type Descriptor, HITS_UNSET, type LimitOverride } from '../../src/core/rules/request.ts';
import type { Rule } from '../../src/core/rules/rule.ts';
import { Unit, unitFromName } from '../../src/core/rules/unit.ts';

export type TestDescriptor = Partial<Omit<DescriptorConfig, 'depth' | 'limit'>> & {
  /** `5/hour`, `unlimited`, or a whole limit. */
  limit?: string | Partial<LimitConfig>;
  children?: TestDescriptor[];
};

export function testLimit(limit: string | Partial<LimitConfig>): LimitConfig {
  const none = {
    requestsPerUnit: 0,
    unit: unitFromName('hour'),
    unlimited: false,
    name: '',
    replaces: [],
  };
  if (typeof limit !== 'string') return { ...none, ...limit };
  if (limit === 'unlimited') return { ...none, unlimited: true };
  const [count, unit] = limit.split('/') as [string, string];
  return { ...none, requestsPerUnit: Number(count), unit: unitFromName(unit) };
}

export function flatten(descriptors: readonly TestDescriptor[], depth = 0): DescriptorConfig[] {
  return descriptors.flatMap(({ children = [], limit, ...rest }) => [
    {
      key: 'k',
      value: '',
      shadowMode: false,
      quotaMode: false,
      detailedMetric: false,
      valueToMetric: false,
      shareThreshold: false,
      metadata: null,
      ...rest,
      depth,
      limit: limit === undefined ? null : testLimit(limit),
    },
    ...flatten(children, depth + 1),
  ]);
}

/** Compiles one domain; `stats` collects what was bound, by path. */
export function compileDomain(
  domain: string,
  descriptors: readonly TestDescriptor[],
  options: { stats?: Map<string, RuleStats>; keyFormat?: KeyFormat; nearLimitRatio?: number } = {},
): DomainRules {
  const { stats = new Map<string, RuleStats>(), keyFormat = exactKeyFormat('') } = options;
  const compiler = new DomainCompiler(domain, {
    keyFormat,
    nearLimitRatio: options.nearLimitRatio ?? 0.8,
    failureMode: 'error',
    bindCallerStats: (_domain, path) => bind(path),
    bindStats: (_domain, path) => bind(path),
  });
  function bind(path: string): RuleStats {
    const bound = stats.get(path) ?? new RuleStats();
    stats.set(path, bound);
    return bound;
  }
  for (const descriptor of flatten(descriptors)) compiler.add(descriptor);
  return compiler.finish();
}

/** `a=1,b=2` as a descriptor. */
export function testDescriptor(
  text: string,
  extra: { limit?: LimitOverride; hitsAddend?: number; isNegativeHits?: boolean } = {},
): Descriptor {
  const entries =
    text === ''
      ? []
      : text.split(',').map((entry) => {
          const at = entry.indexOf('=');
          return { key: entry.slice(0, at), value: entry.slice(at + 1) };
        });
  return {
    entries,
    limit: extra.limit ?? null,
    hitsAddend: extra.hitsAddend ?? HITS_UNSET,
    isNegativeHits: extra.isNegativeHits ?? false,
  };
}

/** A compiled rule: 10 an hour, unless told otherwise. */
export function testRule(extra: Partial<Rule> = {}): Rule {
  return {
    requestsPerUnit: 10,
    unit: Unit.HOUR,
    name: '',
    unlimited: false,
    shadowMode: false,
    quotaMode: false,
    replaces: [],
    metadata: null,
    failureMode: 'error',
    isCritical: false,
    isLeased: false,
    nearThreshold: 8,
    path: 'k',
    stats: new RuleStats(),
    ...extra,
  };
}
