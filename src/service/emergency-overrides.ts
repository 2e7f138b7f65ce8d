/** Emergency overrides of this process, with the process's clocks and their audit in log and events. */
import type { Audit } from '../core/events/event.ts';
import { EmergencyOverrides, type OverrideEvent } from '../limiter/emergency-overrides.ts';
import type { RuleSource } from '../limiter/rule-source.ts';
import type { Logger } from '../telemetry/logger.ts';
import { after, monotonicNow, wallNow } from './clocks.ts';

export function emergencyOverrides(
  rules: RuleSource,
  nearLimitRatio: number,
  { logger, audit }: { readonly logger: Logger; readonly audit: Audit },
): EmergencyOverrides {
  const onAudit = (event: OverrideEvent): void => {
    const fields = fieldsOf(event);
    // Whatever LOG_LEVEL leaves out.
    logger.announce(`emergency override ${event.change}`, fields);
    audit({ name: `override-${event.change}`, details: fields });
  };
  return new EmergencyOverrides({ rules, nearLimitRatio, wallNow, monotonicNow, after, onAudit });
}

function fieldsOf({ override, by, reason }: OverrideEvent): Record<string, string | number> {
  const { domain, what, untilMs } = override;
  const said =
    what.kind === 'force' ? { mode: what.mode } : { rule: what.rule, factor: what.factor };
  return { domain, ...said, until: new Date(untilMs).toISOString(), by, reason };
}
