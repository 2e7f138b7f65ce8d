/** The HTTP ports beside gRPC: requests as JSON, debugging, metrics. */
import { type DebugServerParts, debugServer } from '../admin/debug-server.ts';
import { type HttpServerParts, httpServer } from '../admin/http-server.ts';
import { metricsServer } from '../admin/metrics-server.ts';
import type { RuleSource } from '../limiter/rule-source.ts';
import type { HealthState } from '../rpc/health-state.ts';
import { answerJson } from '../rpc/json-endpoint.ts';
import type { RateLimitParts } from '../rpc/should-rate-limit.ts';
import type { Settings } from '../settings/settings.ts';
import type { Logger } from '../telemetry/logger.ts';
import { PAGE_CONTENT_TYPE, type Telemetry } from '../telemetry/telemetry.ts';
import { errorLog } from './event-logs.ts';
import { ruleLines } from './rule-lines.ts';
import type { SideListener } from './service.ts';

export interface SideParts {
  readonly rateLimit: RateLimitParts;
  readonly health: HealthState;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly rules: RuleSource;
}

export function sideListeners(settings: Settings, parts: SideParts): SideListener[] {
  const { rateLimit, health, telemetry } = parts;
  return adminListeners(settings, {
    ...parts,
    answerJson: (body) => answerJson(body, rateLimit),
    isServing: () => health.isServing,
    statLines: () => telemetry.statLines(),
    pageChunks: () => telemetry.pageChunks(),
  });
}

/** What the HTTP ports tell, whoever knows it: this process, or several. */
export interface AdminAnswers {
  readonly rules: RuleSource;
  readonly logger: Logger;
  readonly answerJson: HttpServerParts['answerJson'];
  readonly isServing: () => boolean;
  readonly ailment?: () => string;
  readonly statLines: DebugServerParts['statLines'];
  readonly pageChunks: () => AsyncIterable<string>;
  readonly profiler?: NonNullable<DebugServerParts['profiler']>;
}

export function adminListeners(settings: Settings, answers: AdminAnswers): SideListener[] {
  const { rules, logger, isServing, ailment, statLines, profiler } = answers;
  const { server, metrics, bounds } = settings;
  const log = errorLog(logger);
  const page = { contentType: PAGE_CONTENT_TYPE, chunks: answers.pageChunks };
  const listeners: SideListener[] = [
    httpServer({
      address: { name: 'HTTP', setting: 'PORT', ...server.http },
      answerJson: answers.answerJson,
      bodyBytesMax: bounds.messageBytesMax,
      isServing,
      ...(ailment !== undefined && { ailment }),
      log,
    }),
    debugServer({
      address: { name: 'debug', setting: 'DEBUG_PORT', ...server.debug },
      ruleLines: () => ruleLines(rules.current),
      statLines,
      ...(profiler !== undefined && { profiler }),
      metrics: metrics.isEnabled ? page : null,
      log,
    }),
  ];
  if (metrics.address !== null) {
    const address = { name: 'metrics', setting: 'PROMETHEUS_ADDR', ...metrics.address };
    listeners.push(metricsServer({ address, path: metrics.path, page, log }));
  }
  return listeners;
}
