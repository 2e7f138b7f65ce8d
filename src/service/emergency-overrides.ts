/** Emergency overrides of this process, with the process's clocks and their audit in the log. */
import { EmergencyOverrides, type OverrideEvent } from '../limiter/emergency-overrides.ts';
import type { RuleSource } from '../limiter/rule-source.ts';
import type { Logger } from '../telemetry/logger.ts';
import { after, monotonicNow, wallNow } from './clocks.ts';

export function emergencyOverrides(
  rules: RuleSource,
  nearLimitRatio: number,
  logger: Logger,
): EmergencyOverrides {
  const onAudit = (event: OverrideEvent): void => log(logger, event);
  return new EmergencyOverrides({ rules, nearLimitRatio, wallNow, monotonicNow, after, onAudit });
}

/** Whatever LOG_LEVEL leaves out. */
function log(logger: Logger, { change, override, by, reason }: OverrideEvent): void {
  const { domain, what, untilMs } = override;
  const said =
    what.kind === 'force' ? { mode: what.mode } : { rule: what.rule, factor: what.factor };
  const until = new Date(untilMs).toISOString();
  logger.announce(`emergency override ${change}`, { domain, ...said, until, by, reason });
}
