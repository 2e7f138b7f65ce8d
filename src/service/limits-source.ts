/** The rules as the settings want them: where limits files are, and how they are compiled. */
import type { Audit } from '../core/events/event.ts';
import type { CompileOptions } from '../core/rules/domain-rules.ts';
import { exactKeyFormat, referenceKeyFormat } from '../core/rules/key-format.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import { type DescriptorTap, FileRuleSource } from '../rules/file-rule-source.ts';
import type { Settings } from '../settings/settings.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { loadListener } from './load-listener.ts';

export interface LimitsParts {
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly audit: Audit;
  readonly onLoaded: (set: RuleSet) => void;
  readonly tap?: DescriptorTap;
}

export function limitsSource(settings: Settings, parts: LimitsParts): FileRuleSource {
  const { directory, watchRoot, ignoreDotFiles, mergeDomains } = settings.limits;
  const { telemetry, tap } = parts;
  return new FileRuleSource({
    directory: { path: directory, ignoreDotFiles },
    watchRoot,
    merge: mergeDomains,
    compile: compileOptions(settings, telemetry),
    listener: loadListener(parts),
    ...(tap !== undefined && { tap }),
  });
}

export function compileOptions({ counters }: Settings, telemetry: Telemetry): CompileOptions {
  const { keyFormat, keyPrefix, nearLimitRatio, storeFailureMode } = counters;
  return {
    keyFormat: (keyFormat === 'exact' ? exactKeyFormat : referenceKeyFormat)(keyPrefix),
    nearLimitRatio,
    bindStats: (domain, path) => telemetry.ruleStats(domain, path),
    failureMode: storeFailureMode,
    bindCallerStats: (domain, path) => telemetry.callerStats(domain, path),
  };
}
