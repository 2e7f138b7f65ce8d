/** What a load of the limits files leaves behind for operators: log lines, numbers and events. */
import type { Audit } from '../core/events/event.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import type { LoadListener, LoadStats } from '../rules/file-rule-source.ts';
import { formatProblem, type Problem } from '../rules/problem.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { wallNow } from './clocks.ts';

/** Problems logged of one load; the rest is a count, and `weir check` lists them all. */
const PROBLEMS_LOGGED_MAX = 20;

export interface LoadListenerParts {
  readonly telemetry: Pick<Telemetry, 'limitsLoaded' | 'limitsFailed' | 'register'>;
  readonly logger: Logger;
  readonly audit: Audit;
  readonly onLoaded: (set: RuleSet) => void;
}

export function loadListener(parts: LoadListenerParts): LoadListener {
  const { telemetry, logger, audit, onLoaded } = parts;
  let loadedAtSeconds = 0;
  let problemCount = 0;
  telemetry.register('weir_rule_set_loaded_timestamp_seconds', () => loadedAtSeconds);
  telemetry.register('weir_limits_problems', () => problemCount);
  return {
    loaded(set, stats) {
      loadedAtSeconds = wallNow() / 1000;
      if (stats.errors === 0) {
        if (problemCount > 0)
          logger.warn('limits files are in order again', { rules: stats.rules });
        problemCount = 0;
        telemetry.limitsLoaded();
      }
      logLoad(logger, set, stats);
      auditLoad(audit, set, stats);
      onLoaded(set);
    },
    delayed(runningMs) {
      logger.warn('limits are still loading', { runningMs });
    },
    rejected(problems, keptDomains) {
      problemCount = problems.length;
      telemetry.limitsFailed();
      const kept = keptDomains.join(', ');
      logger.error('limits files have problems', { problems: problems.length, kept });
      logProblems(logger, problems);
      auditRefusal(audit, problems, kept);
    },
  };
}

function logLoad(logger: Logger, set: RuleSet, stats: LoadStats): void {
  const { files, domains, rules, durationMs } = stats;
  const durationText = `${Math.round(durationMs)}ms`;
  logger.info('limits loaded', { version: set.version, files, domains, rules, took: durationText });
  for (const warning of stats.warnings.slice(0, PROBLEMS_LOGGED_MAX)) {
    logger.warn(`limits: ${formatProblem(warning)}`);
  }
}

function auditLoad(audit: Audit, { version }: RuleSet, stats: LoadStats): void {
  const { files, domains, rules, errors, warnings } = stats;
  const details = { version, files, domains, rules, errors, warnings: warnings.length };
  audit({ name: 'rules-loaded', details });
}

function auditRefusal(audit: Audit, problems: readonly Problem[], kept: string): void {
  const files = new Set(problems.map(({ file }) => file)).size;
  const first = problems[0] === undefined ? '' : formatProblem(problems[0]);
  audit({ name: 'rules-refused', details: { problems: problems.length, files, kept, first } });
}

function logProblems(logger: Logger, problems: readonly Problem[]): void {
  for (const problem of problems.slice(0, PROBLEMS_LOGGED_MAX)) {
    logger.error(`limits: ${formatProblem(problem)}`);
  }
  const more = problems.length - PROBLEMS_LOGGED_MAX;
  if (more > 0) logger.error('limits: and more problems: see weir check', { more });
}
