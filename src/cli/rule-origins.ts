/**
 * Which descriptor of which file a compiled rule comes from, and where its failure mode was said. The
 * compiler binds one RuleStats to each rule, in the order of descriptors: that is what ties the two.
 */
import { RuleStats } from '../core/counting/rule-stats.ts';
import type { DescriptorConfig } from '../core/rules/limits-file.ts';
import type { Rule } from '../core/rules/rule.ts';
import { compositeKey } from '../core/rules/rule-node.ts';
import type { ParsedLimits } from '../rules/parsed-limits.ts';

interface Origin {
  readonly parsed: ParsedLimits;
  /** In the pre-order list of the file. */
  readonly index: number;
}

export class RuleOrigins {
  readonly #origins = new Map<RuleStats, Origin>();
  #next: Origin | undefined;

  /** Hands a file's descriptors to the compiler, whose `bindStats` must be this one's. */
  addAll(parsed: ParsedLimits, add: (descriptor: DescriptorConfig) => void): void {
    for (const [index, descriptor] of descriptorsOf(parsed).entries()) {
      this.#next = { parsed, index };
      add(descriptor);
    }
  }

  /** For the rule of the descriptor that was handed over last. */
  bindStats(): RuleStats {
    const stats = new RuleStats();
    this.#origins.set(stats, this.#next as Origin);
    return stats;
  }

  /** `open (from the domain)`: what is answered while the store cannot, and who says so. */
  failureText(rule: Rule): string {
    const { parsed, index } = this.#origins.get(rule.stats) as Origin;
    const mode = descriptorsOf(parsed)[index]?.failureMode;
    return mode === undefined ? 'as STORE_FAILURE_MODE says' : mode + whereSaid(parsed, index);
  }
}

/** Goes up from the descriptor to the one that says it; if none does, the top of the file did. */
function whereSaid(parsed: ParsedLimits, index: number): string {
  const own = new Set(parsed.ownModes);
  const descriptors = descriptorsOf(parsed);
  if (own.has(index)) return '';
  let depth = (descriptors[index] as DescriptorConfig).depth;
  for (let at = index - 1; at >= 0 && depth > 0; at--) {
    const above = descriptors[at] as DescriptorConfig;
    if (above.depth >= depth) continue;
    if (own.has(at)) return ` (from ${compositeKey(above)})`;
    depth = above.depth;
  }
  return ' (from the domain)';
}

function descriptorsOf(parsed: ParsedLimits): readonly DescriptorConfig[] {
  return parsed.config?.descriptors ?? [];
}
