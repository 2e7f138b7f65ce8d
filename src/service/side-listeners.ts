/** The HTTP ports beside gRPC: requests as JSON, debugging, metrics. */
import { debugServer } from '../admin/debug-server.ts';
import { httpServer } from '../admin/http-server.ts';
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
  const { rateLimit, health, telemetry, rules, logger } = parts;
  const { server, metrics, bounds } = settings;
  const log = errorLog(logger);
  const page = { contentType: PAGE_CONTENT_TYPE, chunks: () => telemetry.pageChunks() };
  const listeners: SideListener[] = [
    httpServer({
      address: { name: 'HTTP', setting: 'PORT', ...server.http },
      answerJson: (body) => answerJson(body, rateLimit),
      bodyBytesMax: bounds.messageBytesMax,
      isServing: () => health.isServing,
      log,
    }),
    debugServer({
      address: { name: 'debug', setting: 'DEBUG_PORT', ...server.debug },
      ruleLines: () => ruleLines(rules.current),
      statLines: () => telemetry.statLines(),
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
